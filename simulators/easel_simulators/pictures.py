"""Pictures on the wire: base64 in, PNG, JPEG or WEBP with their text in base64 out."""

import base64
import io
import secrets
import struct
import zlib
from typing import Final

from PIL import ExifTags, Image, PngImagePlugin

MAX_PICTURE_PIXELS = 64 * 1024 * 1024
ENCODED_FORMATS: Final = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}

# Others that Pillow knows start programs (EPS) or are rare enough to be an attack.
_READ_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

# What Pillow's decoders raise for broken files; bad base64 is a ValueError too.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

# zlib level 1 halves the time of the default level; these pictures are small either way.
_PNG_COMPRESS_LEVEL = 1
# A PNG chunk type that decoders skip: ancillary, private, safe to copy (PNG specification, 5.4).
_PADDING_CHUNK = b"paDd"
_CHUNK_OVERHEAD_BYTES = 12
_END_CHUNK_BYTES = 12


class InvalidPictureError(ValueError):
    """The text is not base64, or what it encodes is not a picture of acceptable size."""


def decode(text: str) -> Image.Image:
    """Read a picture from base64, with or without a ``data:`` prefix.

    Args:
        text: base64, or ``data:image/...;base64,...``.

    Returns:
        The picture, loaded, as RGB; its text chunks stay in ``info``.

    Raises:
        InvalidPictureError: It is no base64, no picture, or over ``MAX_PICTURE_PIXELS``.
    """
    if text.startswith("data:image/"):
        text = text.partition(",")[2]
    try:
        data = base64.b64decode(text)
        picture = Image.open(io.BytesIO(data), formats=_READ_FORMATS)
        if picture.width * picture.height > MAX_PICTURE_PIXELS:
            raise InvalidPictureError(f"the picture is over {MAX_PICTURE_PIXELS} pixels")
        converted = picture.convert("RGB")
    except _UNREADABLE as error:
        raise InvalidPictureError("not a picture in base64") from error
    converted.info.update(picture.info)
    return converted


def encode(picture: Image.Image, picture_format: str, texts: dict[str, str]) -> bytes:
    """Write a picture.

    Args:
        picture: What to write.
        picture_format: A key of ``ENCODED_FORMATS``.
        texts: Text chunks by keyword in PNG (Latin-1 as tEXt, other text as iTXt); elsewhere
            the first of them as EXIF's UserComment.

    Returns:
        The file's bytes; the same arguments give the same bytes.
    """
    buffer = io.BytesIO()
    pil_format = ENCODED_FORMATS[picture_format]
    if pil_format == "JPEG" and picture.mode != "RGB":
        picture = picture.convert("RGB")
    if pil_format == "PNG":
        chunks = PngImagePlugin.PngInfo()
        for keyword, text in texts.items():
            chunks.add_text(keyword, text.encode("utf-8", "replace").decode("utf-8"))
        picture.save(buffer, "PNG", pnginfo=chunks, compress_level=_PNG_COMPRESS_LEVEL)
    else:
        exif = Image.Exif()
        for text in list(texts.values())[:1]:
            comment = b"UNICODE\0" + text.encode("utf-16-be", "replace")
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
        picture.save(buffer, pil_format, quality=80, exif=exif)
    return buffer.getvalue()


def padded(png: bytes, size: int) -> bytes:
    """Grow a PNG to a size with random bytes that decoders skip.

    Args:
        png: A PNG file.
        size: Bytes wanted; a file already as long comes back unchanged.

    Returns:
        A PNG file with the same pixels.
    """
    missing = size - len(png) - _CHUNK_OVERHEAD_BYTES
    if missing < 0:
        return png
    body = _PADDING_CHUNK + secrets.token_bytes(missing)
    chunk = struct.pack(">I", missing) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-_END_CHUNK_BYTES] + chunk + png[-_END_CHUNK_BYTES:]


def as_base64(data: bytes) -> str:
    """Base64 of a file, without a ``data:`` prefix."""
    return base64.b64encode(data).decode("ascii")
