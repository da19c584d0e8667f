"""The media type of a file, told from the content; a name only tells variants apart (R22).

Most formats are the library `filetype`'s (docs/adr/0030); `media_signatures` and `media_texts` hold
those that it does not know or takes for another.
"""

import re

import filetype

from easel_agent import media_formats as known
from easel_agent.media_formats import (
    BINARY,
    JSON,
    OCTETS,
    PLAIN_TEXT,
    TEXT,
    MediaKind,
    MediaType,
)
from easel_agent.media_signatures import binary_format
from easel_agent.media_texts import leading_text_format, text_format, text_of

__all__ = [
    "BINARY",
    "JSON",
    "TEXT",
    "MediaKind",
    "MediaType",
    "detect_media_type",
    "extension_of",
    "named_kind",
]

_HEAD_BYTES = 8192
"""As much as `filetype` looks at."""

_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,11})\Z")
_PAGES = ("htm", "html", "shtml", "xhtml", "xht", "mht", "mhtml", "xml", "xsl", "xslt")
_RUN_BY_BROWSERS = frozenset((*_PAGES, "svg", "svgz", "js", "mjs", "cjs", "hta", "swf", "wasm"))
"""Never taken from a name: who copies the bucket to a web server has it guess types by them."""

_OF_LIBRARY = {
    "jpg": known.JPEG,
    "jpx": known.JP2,
    "gif": known.GIF,
    "webp": known.WEBP,
    "tif": known.TIFF,
    "bmp": known.BMP,
    "ico": known.ICO,
    "avi": known.AVI,
    "wmv": known.WMV,
    "flv": known.FLV,
    "mpg": known.MPEG,
    "wav": known.WAV,
    "aiff": known.AIFF,
    "amr": known.AMR,
    "midi": known.MIDI,
    "zip": known.ZIP,
    "gz": known.GZIP,
    "tar": known.TAR,
    "7z": known.SEVEN_ZIP,
    "pdf": known.PDF,
    "exe": known.PROGRAM,
    "elf": known.PROGRAM,
}
"""The library's extension -> the format."""

_GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
_ALSO_TEXT = (*_GIF_SIGNATURES, b"%PDF-")
"""Signatures so long that they count where all that follows is text, too."""

_BY_EXTENSION = {
    media_type.extension: media_type
    for media_type in vars(known).values()
    if isinstance(media_type, MediaType)
}
_ENVELOPES = (known.ZIP, known.GZIP)
"""What many formats wrap themselves in: only a name tells which (usdz, 3mf, npz, spz)."""

_OTHER_EXTENSIONS = {"jpeg": known.JPEG, "jpe": known.JPEG, "jfif": known.JPEG, "tif": known.TIFF}
_NAMED_TEXTS = ("txt", "json", "csv")
"""Extensions of known formats that a text may have although its content does not show them."""


def detect_media_type(data: bytes, name: str = "") -> MediaType:
    """Tells a file's format by its content, and by its name where the content leaves that open.

    The name tells apart what looks the same (an MP4 with sound only, a ZIP that is a `.usdz`) and
    gives its extension to what is unknown. A name against the content counts for nothing.

    Args:
        data: the whole file. Its first 64 KiB decide, and for some formats its length and its end.
        name: that the runtime, or who stored the file, gave it; with or without a folder.

    Returns:
        The format; where it is unknown `application/octet-stream`, or `text/plain` for a text, with
        the name's extension, or `bin`, or `txt`. Browsers run none of the content types as a page.
    """
    extension = extension_of(name)
    found = leading_text_format(data)
    if found is not None:
        return found
    text = None if data.startswith(_ALSO_TEXT) else text_of(data)
    if text is not None:
        return _named_text(text_format(text, data), extension)
    return _named_binary(binary_format(data, extension) or _of_library(data), extension)


def extension_of(name: str) -> str:
    """Returns a name's extension in lower case.

    Returns:
        1 to 11 ASCII letters and digits (`safetensors` has the most), or nothing where there is no
        such extension, or browsers run what it stands for.
    """
    match = _EXTENSION.search(name)
    extension = match[1].lower() if match else ""
    return "" if extension in _RUN_BY_BROWSERS else extension


def named_kind(name: str) -> MediaKind:
    """Returns the kind of file that a name's extension stands for, `UNKNOWN` where for none."""
    extension = extension_of(name)
    named = _OTHER_EXTENSIONS.get(extension) or _BY_EXTENSION.get(extension, known.BINARY)
    return named.kind


def _of_library(data: bytes) -> MediaType | None:
    guessed = filetype.guess(data[:_HEAD_BYTES])
    found = _OF_LIBRARY.get(guessed.extension) if guessed else None
    # The library is content with three letters of GIF and two of BMP, whose reserved bytes are 0.
    if found is known.GIF and not data.startswith(_GIF_SIGNATURES):
        return None
    if found is known.BMP and data[6:10] != bytes(4):
        return None
    return found


def _named_text(found: MediaType, extension: str) -> MediaType:
    if found is known.JSON and extension == known.GLTF.extension:
        return known.GLTF
    if found is not known.TEXT or not extension:
        return found
    if extension in _BY_EXTENSION and extension not in _NAMED_TEXTS:
        return found
    if extension == known.CSV.extension:
        return known.CSV
    return MediaType(extension, PLAIN_TEXT, MediaKind.TEXT)


def _named_binary(found: MediaType | None, extension: str) -> MediaType:
    found = found or known.BINARY
    is_envelope = found in _ENVELOPES and extension not in _BY_EXTENSION
    if extension and (is_envelope or found in (known.BINARY, known.PROGRAM)):
        return MediaType(extension, OCTETS, found.kind)
    return found
