"""Formats that are told by their bytes where the library `filetype` knows less than their papers.

Sources: PNG third edition (`acTL` before `IDAT`), ISO/IEC 14496-12 and Apple's QuickTime File
Format (boxes, atoms), the MP4 registration authority's brands, ISO/IEC 23008-12 (HEIF), AVIF 1.1,
RFC 8794 and 9559 (EBML, Matroska), RFC 3533 and 7845 (Ogg, Opus), ISO/IEC 11172-3 and 13818-3 (MPEG
audio frames), 13818-7 (ADTS), ID3v2.4, glTF 2.0 section 4.4, OpenEXR's file layout, safetensors'
README, NumPy's NEP 1, PKWARE's APPNOTE (ZIP), binary STL as 3D Systems described it.
"""

import re
from collections.abc import Callable

from easel_agent import media_formats as known
from easel_agent.media_formats import MediaType

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_PNG_CHUNKS = 10_000
"""Before the picture's data; far more than any writer makes, and soon counted."""

_BRANDS: tuple[tuple[bytes, MediaType], ...] = (
    (b"qt  ", known.MOV),
    (b"M4A", known.M4A),
    (b"M4B", known.M4B),
    (b"M4P", known.M4A),
    (b"M4V", known.M4V),
    (b"3g2", known.THREE_G2),
    (b"3g", known.THREE_GP),
    (b"avif", known.AVIF),
    (b"avis", known.AVIF),
    (b"hei", known.HEIC),
    (b"hev", known.HEIC),
)
_STILL_BRANDS = (b"mif1", b"msf1")
"""Of any HEIF file; the compatible brands tell which codec."""

_NAMED_MP4 = {"m4a": known.M4A, "m4b": known.M4B, "m4v": known.M4V}
_NAMED_MATROSKA = {"mka": known.MKA}
_NAMED_OGG = {"oga": known.OGA, "opus": known.OPUS, "ogv": known.OGV}

_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_FRAGMENT_BOXES = (b"styp", b"moof", b"sidx")
_EBML_DOC_TYPE = re.compile(rb"\x42\x82[^a-z]{1,8}webm")
_MAX_HEADER_BYTES = 100_000_000
"""Of safetensors' JSON, by its own reader."""

_LAYER_OF_ADTS = 0b00
_ADTS_SAMPLE_RATES = 13
_RESERVED_VERSION = 0b01
_FORBIDDEN_BIT_RATE = 0b1111
_RESERVED_SAMPLE_RATE = 0b11
_LAYERS = {0b01: known.MP3, 0b10: known.MP2}
"""Layer I is as good as extinct, and its ff fe begins UTF-16."""

_STL_HEADER_BYTES, _STL_FACET_BYTES = 84, 50
_FIXED: tuple[tuple[bytes, MediaType], ...] = (
    (b"\x76\x2f\x31\x01", known.EXR),
    (b"II+\x00", known.TIFF),  # BigTIFF
    (b"MM\x00+", known.TIFF),
    (b"8BPS", known.PSD),
    (b"Kaydara FBX Binary  ", known.FBX),
    (b"PXR-USDC", known.USDC),
    (b"\x93NUMPY", known.NPY),
    (b"\xff\x0a", known.JXL),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", known.JXL),
    (b"caff\x00\x01", known.CAF),
    (b"fLaC", known.FLAC),
)


def binary_format(data: bytes, extension: str) -> MediaType | None:
    """Tells the format of a file that is no text.

    Args:
        data: the whole file; only its head, and its length, are looked at.
        extension: of the runtime's own name, which tells variants of one container apart.

    Returns:
        The format, None where this module does not know it.
    """
    for signature, media_type in _FIXED:
        if data.startswith(signature):
            return media_type
    for tell in _TELLERS:
        found = tell(data, extension)
        if found is not None:
            return found
    return None


def _png(data: bytes, _: str) -> MediaType | None:
    if not data.startswith(_PNG_SIGNATURE):
        return None
    # Chunks: 4 bytes length, 4 bytes type, data, 4 bytes checksum. ComfyUI keeps whole workflows in
    # chunks before the picture, so the head of the file is not enough.
    offset = len(_PNG_SIGNATURE)
    for _chunk in range(_MAX_PNG_CHUNKS):
        kind = data[offset + 4 : offset + 8]
        if kind in (b"acTL", b"IDAT", b""):
            return known.APNG if kind == b"acTL" else known.PNG
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")
    return known.PNG


def _iso_media(data: bytes, extension: str) -> MediaType | None:
    kind = data[4:8]
    size = int.from_bytes(data[:4], "big")
    if kind == b"ftyp":
        return _of_brands(data[8:12], data[16 : min(size, 1024)], extension)
    if kind in _FRAGMENT_BOXES:
        return known.MP4
    # QuickTime before 2001, and what cameras cut off: atoms without a word on their kind. Size 0
    # is "to the end", 1 is "64 bits, behind the type".
    return known.MOV if kind in _QUICKTIME_ATOMS and (size >= 8 or size < 2) else None  # noqa: PLR2004


def _of_brands(major: bytes, compatible: bytes, extension: str) -> MediaType:
    brands = [major]
    if major in _STILL_BRANDS:
        brands = [compatible[at : at + 4] for at in range(0, len(compatible), 4)]
    for brand in brands:
        for beginning, media_type in _BRANDS:
            if brand.startswith(beginning):
                return media_type
    if major in _STILL_BRANDS:
        return known.HEIF
    # isom, mp42 and the like say MP4, and not whether there is a picture in it.
    return _NAMED_MP4.get(extension, known.MP4)


def _matroska(data: bytes, extension: str) -> MediaType | None:
    if not data.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    if _EBML_DOC_TYPE.search(data, 0, 4096):
        return known.WEBM
    return _NAMED_MATROSKA.get(extension, known.MKV)


def _ogg(data: bytes, extension: str) -> MediaType | None:
    if not data.startswith(b"OggS"):
        return None
    # The first page has the first packet alone: 27 bytes, the segment table, the codec's header.
    packet = data[27 + int.from_bytes(data[26:27], "big") :][:8]
    if packet == b"OpusHead":
        return known.OPUS
    if packet.startswith(b"\x80theora"):
        return known.OGV
    return _NAMED_OGG.get(extension, known.OGG)


def _riff(data: bytes, _: str) -> MediaType | None:
    # RF64 is a WAVE beyond 4 GiB (EBU Tech 3306), which some writers use for all.
    if data[:4] in (b"RF64", b"BW64") and data[8:12] == b"WAVE":
        return known.WAV
    return None


def _tagged_sound(data: bytes, extension: str) -> MediaType | None:
    if not data.startswith(b"ID3"):
        return None
    size = 0
    for byte in data[6:10]:  # seven bits each
        size = size << 7 | byte & 0x7F
    behind = data[10 + size :][:4]
    if behind.startswith(b"fLaC"):
        return known.FLAC
    return _mpeg_audio(behind, extension) or known.MP3


def _mpeg_audio(data: bytes, _: str) -> MediaType | None:
    if len(data) < 3 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - 11 set bits
        return None
    version, layer = data[1] >> 3 & 0b11, data[1] >> 1 & 0b11
    if layer == _LAYER_OF_ADTS:
        is_adts = data[1] & 0xF0 == 0xF0 and data[2] >> 2 & 0b1111 < _ADTS_SAMPLE_RATES  # noqa: PLR2004
        return known.AAC if is_adts else None
    bit_rate, sample_rate = data[2] >> 4, data[2] >> 2 & 0b11
    if (
        version == _RESERVED_VERSION
        or bit_rate == _FORBIDDEN_BIT_RATE
        or sample_rate == _RESERVED_SAMPLE_RATE
    ):
        return None
    return _LAYERS.get(layer)


def _transport_stream(data: bytes, _: str) -> MediaType | None:
    # Packets of 188 bytes, each beginning with 0x47, which alone is the letter G.
    starts = [data[at : at + 1] for at in range(0, 5 * 188, 188)]
    return known.MPEG_TS if starts == [b"G"] * 5 else None


def _glb(data: bytes, _: str) -> MediaType | None:
    version = int.from_bytes(data[4:8], "little")
    return known.GLB if data.startswith(b"glTF") and version in (1, 2) else None


def _safetensors(data: bytes, extension: str) -> MediaType | None:
    # 8 bytes with the length of the JSON that follows.
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= _MAX_HEADER_BYTES or not re.match(rb'\{\s*["}]', data[8:72]):  # noqa: PLR2004
        return None
    # ComfyUI's SaveLatent writes the same as .latent, and others as .sft.
    is_other_name = extension in ("latent", "sft")
    known_as = known.SAFETENSORS
    return MediaType(extension, known_as.content_type, known_as.kind) if is_other_name else known_as


def _binary_stl(data: bytes, _: str) -> MediaType | None:
    # 80 bytes of anything, the number of facets, and no signature: the length must agree.
    facets = int.from_bytes(data[80:84], "little")
    is_stl = facets > 0 and len(data) == _STL_HEADER_BYTES + facets * _STL_FACET_BYTES
    return known.STL if is_stl else None


def _pickle(data: bytes, _: str) -> MediaType | None:
    """Python's pickles, alone or in torch's ZIP: reading one may run code."""
    # Protocols 2 to 5 begin with their number, and 4 and 5 with a frame behind it.
    if re.match(rb"\x80(?:[\x02\x03]|[\x04\x05]\x95)", data):
        return known.PROGRAM
    is_torch = data.startswith(b"PK\x03\x04") and b"/data.pkl" in data[:4096]
    return known.PROGRAM if is_torch else None


_TELLERS: tuple[Callable[[bytes, str], MediaType | None], ...] = (
    _png,
    _iso_media,
    _matroska,
    _ogg,
    _riff,
    _tagged_sound,
    _mpeg_audio,
    _transport_stream,
    _glb,
    _safetensors,
    _pickle,
    _binary_stl,
)
