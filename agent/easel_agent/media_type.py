"""What a stored object is, told from its first bytes, never from a name (R22)."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class MediaType:
    """A format.

    Attributes:
        extension: of the key, without the dot.
        content_type: for S3's `Content-Type`.
    """

    extension: str
    content_type: str


PNG = MediaType("png", "image/png")
APNG = MediaType("apng", "image/apng")
JPEG = MediaType("jpg", "image/jpeg")
WEBP = MediaType("webp", "image/webp")
GIF = MediaType("gif", "image/gif")
BMP = MediaType("bmp", "image/bmp")
TIFF = MediaType("tiff", "image/tiff")
AVIF = MediaType("avif", "image/avif")
MP4 = MediaType("mp4", "video/mp4")
WEBM = MediaType("webm", "video/webm")
MKV = MediaType("mkv", "video/x-matroska")
WAV = MediaType("wav", "audio/wav")
FLAC = MediaType("flac", "audio/flac")
MP3 = MediaType("mp3", "audio/mpeg")
OGG = MediaType("ogg", "audio/ogg")
JSON = MediaType("json", "application/json")
TEXT = MediaType("txt", "text/plain; charset=utf-8")
BINARY = MediaType("bin", "application/octet-stream")

_SIGNATURES: tuple[tuple[int, bytes, MediaType], ...] = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (0, b"II*\x00", TIFF),
    (0, b"MM\x00*", TIFF),
    (4, b"ftypavif", AVIF),
    (4, b"ftyp", MP4),
    (0, b"fLaC", FLAC),
    (0, b"ID3", MP3),
    (0, b"OggS", OGG),
)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RIFF_FORMS = {b"WEBP": WEBP, b"WAVE": WAV}
_EBML_SIGNATURE = b"\x1a\x45\xdf\xa3"
_HEAD_BYTES = 4096


def detect_media_type(data: bytes, name: str = "") -> MediaType:  # noqa: ARG001 - used next
    """Tells the format of a picture, video, sound or text.

    Sources of the signatures: PNG (W3C PNG third edition, with `acTL` before `IDAT` for APNG),
    RIFF forms (WebP container, WAVE), ISO/IEC 14496-12 `ftyp`, EBML DocType (RFC 8794), GIF89a,
    JPEG SOI, BMP's reserved fields, TIFF 6.0, FLAC (RFC 9639), Ogg (RFC 3533), ID3v2.

    Args:
        data: the whole object.
        name: that the runtime gave the file; a hint where the content does not tell.

    Returns:
        The format; `BINARY` where it is none that we know.
    """
    if data.startswith(_PNG_SIGNATURE):
        return APNG if _is_animated_png(data) else PNG
    if data.startswith(b"RIFF") and data[8:12] in _RIFF_FORMS:
        return _RIFF_FORMS[data[8:12]]
    if data.startswith(b"BM") and data[6:10] == bytes(4):  # two letters alone begin many a text
        return BMP
    if data.startswith(_EBML_SIGNATURE):
        return WEBM if b"webm" in data[:_HEAD_BYTES] else MKV
    for offset, signature, media_type in _SIGNATURES:
        if data.startswith(signature, offset):
            return media_type
    return _text_type(data)


def _is_animated_png(data: bytes) -> bool:
    # Chunks: 4 bytes length, 4 bytes type, data, 4 bytes checksum. acTL must precede IDAT.
    offset = len(_PNG_SIGNATURE)
    while offset + 8 <= len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        kind = data[offset + 4 : offset + 8]
        if kind in (b"acTL", b"IDAT"):
            return kind == b"acTL"
        offset += 12 + length
    return False


def _text_type(data: bytes) -> MediaType:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return BINARY
    if "\x00" in text:
        return BINARY
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return TEXT
    return JSON
