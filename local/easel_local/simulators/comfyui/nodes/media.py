"""Nodes that make sound and video.

There is no encoder here: a FLAC, MP4 or WEBM file has the head by which its format is known and
nothing that a player could play; an MP3 is real, silent sound.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from easel_local.simulators.comfyui.node_types import (
    FILENAME_PREFIX,
    Input,
    NodeResult,
    NodeType,
    RunContext,
    choice,
    integer,
    number,
)

_FLAC_BLOCK_SAMPLES: Final = 4096
# MPEG-1 layer III, 128 kbit/s, 44100 Hz, no padding: a frame of 417 bytes; zeros are silence.
_MP3_FRAME: Final = b"\xff\xfb\x90\x00".ljust(417, b"\0")
_MP3_FRAMES_PER_SECOND: Final = 44100 / 1152


@dataclass(frozen=True)
class Audio:
    """Silence."""

    seconds: float
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class Video:
    """Frames and their number per second."""

    frames: list[Image.Image]
    fps: float


def node_types() -> list[NodeType]:
    """The node classes of this file."""
    extras = "comfy_extras.nodes_audio"
    return [
        NodeType("EmptyAudio", _empty_audio, _EMPTY_AUDIO, ("AUDIO",), "", "audio", extras),
        _output("SaveAudio", _save_flac, (Input("audio", "AUDIO"), FILENAME_PREFIX)),
        _output(
            "SaveAudioMP3",
            _save_mp3,
            (
                Input("audio", "AUDIO"),
                FILENAME_PREFIX,
                choice("quality", "V0", "128k", "320k"),
            ),
        ),
        NodeType("CreateVideo", _create_video, _CREATE_VIDEO, ("VIDEO",), category="image/video"),
        _output("SaveVideo", _save_video, _SAVE_VIDEO),
        _output("SaveWEBM", _save_webm, _SAVE_WEBM),
    ]


_EMPTY_AUDIO: Final = (
    number("duration", 60.0, 0.0, 3600.0, step=0.01),
    integer("sample_rate", 44100, 1, 192000),
    integer("channels", 2, 1, 2),
)
_CREATE_VIDEO: Final = (
    Input("images", "IMAGE"),
    number("fps", 30.0, 1.0, 120.0, step=1.0),
)
_SAVE_VIDEO: Final = (
    Input("video", "VIDEO"),
    FILENAME_PREFIX,
    choice("format", "auto", "mp4"),
    choice("codec", "auto", "h264"),
)
_SAVE_WEBM: Final = (
    Input("images", "IMAGE"),
    FILENAME_PREFIX,
    choice("codec", "vp9", "av1"),
    number("fps", 24.0, 0.01, 1000.0, step=0.01),
    number("crf", 32.0, 0, 63.0, step=1),
)


def _output(name: str, run: Any, inputs: tuple[Input, ...]) -> NodeType:
    return NodeType(name, run, inputs, category="audio", output_node=True)


def _empty_audio(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return NodeResult((Audio(given["duration"], given["sample_rate"], given["channels"]),))


def _save_flac(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    file = context.folders.save("output", given["filename_prefix"], "flac", _flac(given["audio"]))
    return NodeResult(ui={"audio": [file]})


def _save_mp3(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    frames = max(1, round(given["audio"].seconds * _MP3_FRAMES_PER_SECOND))
    # Without an ID3 tag most programs do not take the first bytes for sound.
    data = b"ID3\x03\0\0\0\0\0\0" + _MP3_FRAME * frames
    file = context.folders.save("output", given["filename_prefix"], "mp3", data)
    return NodeResult(ui={"audio": [file]})


def _create_video(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return NodeResult((Video(given["images"], given["fps"]),))


def _save_video(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    video: Video = given["video"]
    body = b"".join(frame.tobytes() for frame in video.frames[:1])
    data = _box(b"ftyp", b"isom\0\0\x02\0isomiso2mp41") + _box(b"mdat", body)
    file = context.folders.save("output", given["filename_prefix"], "mp4", data)
    return NodeResult(ui={"images": [file], "animated": [True]})


def _save_webm(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    file = context.folders.save("output", given["filename_prefix"], "webm", _webm_head())
    return NodeResult(ui={"images": [file], "animated": [True]})


def _flac(audio: Audio) -> bytes:
    """The marker and a STREAMINFO block (RFC 9639, 8.2) of a stream without frames."""
    bits_per_sample = 16
    packed = (
        audio.sample_rate << 44 | (audio.channels - 1) << 41 | (bits_per_sample - 1) << 36
    )  # and 36 bits of 0 samples
    sizes = struct.pack(">HH", _FLAC_BLOCK_SAMPLES, _FLAC_BLOCK_SAMPLES) + bytes(6)
    info = sizes + struct.pack(">Q", packed) + bytes(16)
    return b"fLaC" + struct.pack(">I", 0x80000000 | len(info)) + info


def _box(kind: bytes, body: bytes) -> bytes:
    """A box of an ISO base media file (ISO/IEC 14496-12, 4.2)."""
    return struct.pack(">I", len(body) + 8) + kind + body


def _webm_head() -> bytes:
    """An EBML head (RFC 8794, 11.2) with DocType ``webm``, and an empty segment."""
    doc_type = b"\x42\x82\x84webm"
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(doc_type)]) + doc_type + b"\x18\x53\x80\x67\x80"
