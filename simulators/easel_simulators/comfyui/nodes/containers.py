"""Files of sound, video and meshes: what nodes write, and what they take for such a file.

There is no encoder here: what is written has the head by which its format is known and nothing
that a player could play, but for MP3 (silence) and GLB (a cube). What is read is judged by its
first bytes.
"""

import json
import struct
from typing import Final

_FLAC_BLOCK_SAMPLES: Final = 4096
# MPEG-1 layer III, 128 kbit/s, 44100 Hz, no padding: a frame of 417 bytes; zeros are silence.
_MP3_FRAME: Final = b"\xff\xfb\x90\x00".ljust(417, b"\0")
_MP3_FRAMES_PER_SECOND: Final = 44100 / 1152
# What FFmpeg writes: the brands of its MP4 and MOV muxers (libavformat/movenc.c).
_BRANDS: Final = {
    "mp4": b"isom\0\0\x02\0isomiso2mp41",
    "mov": b"qt  \0\0\x02\0qt  ",
}
_EBML: Final = b"\x1a\x45\xdf\xa3"
_EBML_DOC_TYPES: Final = {"webm": b"webm", "mkv": b"matroska"}
_FTYP_OFFSET: Final = 4
_MPEG_SYNC: Final = 0xFFE0
_GLTF_FLOAT, _GLTF_UNSIGNED_SHORT = 5126, 5123


def flac(sample_rate: int, channels: int) -> bytes:
    """The marker and a STREAMINFO block (RFC 9639, 8.2) of a stream without frames."""
    bits_per_sample = 16
    packed = (
        sample_rate << 44 | (channels - 1) << 41 | (bits_per_sample - 1) << 36
    )  # and 36 bits of 0 samples
    sizes = struct.pack(">HH", _FLAC_BLOCK_SAMPLES, _FLAC_BLOCK_SAMPLES) + bytes(6)
    info = sizes + struct.pack(">Q", packed) + bytes(16)
    return b"fLaC" + struct.pack(">I", 0x80000000 | len(info)) + info


def mp3(seconds: float) -> bytes:
    """Silence behind an empty ID3v2.4 tag, which FFmpeg's muxer puts there."""
    frames = max(1, round(seconds * _MP3_FRAMES_PER_SECOND))
    return b"ID3\x04\0\0\0\0\0\0" + _MP3_FRAME * frames


def opus(sample_rate: int, channels: int) -> bytes:
    """An Ogg page (RFC 3533, 6; no checksum) with the head of an Opus stream (RFC 7845, 5.1)."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, 0, sample_rate, 0, 0)
    first_page = 2
    return (
        b"OggS" + struct.pack("<BBqIIIB", 0, first_page, 0, 1, 0, 0, 1) + bytes([len(head)]) + head
    )


def video(extension: str, body: bytes) -> bytes:
    """A video file.

    Args:
        extension: ``mp4``, ``mov``, ``webm`` or ``mkv``.
        body: Makes the files of different videos differ.
    """
    if extension in _BRANDS:
        return _box(b"ftyp", _BRANDS[extension]) + _box(b"mdat", body)
    doc_type = _EBML_DOC_TYPES[extension]
    # An EBML head (RFC 8794, 11.2), an empty segment, and a void element (RFC 8794, 11.3.2).
    element = b"\x42\x82" + bytes([0x80 | len(doc_type)]) + doc_type
    void = b"\xec\x01" + len(body).to_bytes(7, "big") + body
    return _EBML + bytes([0x80 | len(element)]) + element + b"\x18\x53\x80\x67\x80" + void


def _box(kind: bytes, body: bytes) -> bytes:
    """A box of an ISO base media file (ISO/IEC 14496-12, 4.2)."""
    return struct.pack(">I", len(body) + 8) + kind + body


def glb(side: float, extras: dict[str, str]) -> bytes:
    """A cube as binary glTF (glTF 2.0 specification, 4.4).

    Args:
        side: Length.
        extras: Texts of the ``asset``.
    """
    corners = [(x, y, z) for x in (0.0, side) for y in (0.0, side) for z in (0.0, side)]
    # Two triangles a face, of corners numbered 4 x + 2 y + z.
    faces = (0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)
    indices = [index for a, b, c, d in faces for index in (a, b, c, a, c, d)]
    positions = b"".join(struct.pack("<fff", *corner) for corner in corners)
    triangles = struct.pack(f"<{len(indices)}H", *indices)
    views = [
        {"buffer": 0, "byteOffset": 0, "byteLength": len(positions)},
        {"buffer": 0, "byteOffset": len(positions), "byteLength": len(triangles)},
    ]
    points = {"bufferView": 0, "componentType": _GLTF_FLOAT, "count": 8, "type": "VEC3"}
    edges = {"bufferView": 1, "componentType": _GLTF_UNSIGNED_SHORT, "type": "SCALAR"}
    scene = {
        "asset": {"version": "2.0", **({"extras": extras} if extras else {})},
        "buffers": [{"byteLength": len(positions) + len(triangles)}],
        "bufferViews": views,
        "accessors": [
            {**points, "min": [0.0] * 3, "max": [side] * 3},
            {**edges, "count": len(indices)},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
    }
    text = json.dumps(scene).encode()
    chunks = _glb_chunk(b"JSON", text, b" ") + _glb_chunk(b"BIN\0", positions + triangles, b"\0")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _glb_chunk(kind: bytes, data: bytes, padding: bytes) -> bytes:
    data += padding * (-len(data) % 4)
    return struct.pack("<I4s", len(data), kind) + data


def is_audio(data: bytes) -> bool:
    """Whether it begins as a file with sound does."""
    return (
        data[:4] in (b"fLaC", b"OggS", _EBML)
        or data[:3] == b"ID3"
        # Frames of MPEG audio, AAC in ADTS among them, begin with eleven set bits.
        or int.from_bytes(data[:2], "big") & _MPEG_SYNC == _MPEG_SYNC
        or data[_FTYP_OFFSET : _FTYP_OFFSET + 4] == b"ftyp"
        or (data[:4], data[8:12]) in ((b"RIFF", b"WAVE"), (b"RIFF", b"AVI "), (b"FORM", b"AIFF"))
    )


def is_video(data: bytes) -> bool:
    """Whether it begins as a file with moving pictures does."""
    return (
        data[:4] in (b"OggS", b"GIF8", _EBML)
        or data[_FTYP_OFFSET : _FTYP_OFFSET + 4] == b"ftyp"
        or (data[:4], data[8:12]) == (b"RIFF", b"AVI ")
    )
