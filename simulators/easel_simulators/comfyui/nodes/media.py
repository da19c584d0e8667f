"""Nodes that load, make and save sound and video; the files are those of ``containers``."""

import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.node_types import (
    FILENAME_PREFIX,
    SAVED_METADATA,
    Input,
    NodeResult,
    NodeType,
    RunContext,
    choice,
    integer,
    number,
)
from easel_simulators.comfyui.nodes import containers
from easel_simulators.comfyui.nodes.loading import file_hash, uploaded

_TEMP_LETTERS: Final = 5


class InvalidDataError(ValueError):
    """What PyAV raises for a file that is no sound or video."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"Invalid data found when processing input: '{path}'")


InvalidDataError.__module__ = "av.error"


@dataclass(frozen=True)
class Audio:
    """Silence."""

    seconds: float
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class Video:
    """Frames and their number per second, or a file that has not been read yet."""

    frames: list[Image.Image]
    fps: float
    source: Path | None = None


def node_types(folders: Folders) -> list[NodeType]:
    """The node classes of this file; uploaded files lie in ``folders``."""
    return [
        NodeType("EmptyAudio", _empty_audio, _EMPTY_AUDIO, ("AUDIO",), "", "audio", _AUDIO),
        _output("SaveAudio", _save_flac, (_AUDIO_INPUT, FILENAME_PREFIX)),
        _output("SaveAudioMP3", _save_mp3, (_AUDIO_INPUT, FILENAME_PREFIX, _MP3_QUALITY)),
        _output("SaveAudioOpus", _save_opus, (_AUDIO_INPUT, FILENAME_PREFIX, _OPUS_QUALITY)),
        _output("PreviewAudio", _preview_audio, (_AUDIO_INPUT,)),
        NodeType("CreateVideo", _create_video, _CREATE_VIDEO, ("VIDEO",), category="image/video"),
        _output("SaveVideo", _save_video, _SAVE_VIDEO),
        _output("SaveWEBM", _save_webm, _SAVE_WEBM),
        *_loaders(folders),
    ]


# SaveAudioOpus and PreviewAudio: comfy_extras/nodes_audio.py; not recorded.
_AUDIO: Final = "comfy_extras.nodes_audio"
_AUDIO_INPUT: Final = Input("audio", "AUDIO")
_MP3_QUALITY: Final = choice("quality", "V0", "128k", "320k")
_OPUS_QUALITY: Final = choice("quality", "64k", "96k", "128k", "192k", "320k")
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
    return NodeType(
        name, run, inputs, category="audio", output_node=True, hidden=SAVED_METADATA, v3=True
    )


def _loaders(folders: Folders) -> list[NodeType]:
    """The classes that ``comfy_0.8.0_jobs_uploads_prompts`` has."""
    audio = uploaded(folders, "audio", ("audio", "video"), "audio", v3=True)
    video = uploaded(folders, "file", ("video",), "video", v3=True)
    recorded = Input("audio", "AUDIO_RECORD", check=lambda _: None)

    def loader(name: str, run: Any, one: Input, output: str) -> NodeType:
        return NodeType(
            name,
            run,
            (one,),
            (output,),
            category="audio",
            fingerprint=lambda given: file_hash(folders, given[one.name]),
            v3=True,
        )

    return [
        loader("LoadAudio", _load_audio, audio, "AUDIO"),
        loader("RecordAudio", _load_audio, recorded, "AUDIO"),
        loader("LoadVideo", _load_video, video, "VIDEO"),
    ]


def _empty_audio(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return NodeResult((Audio(given["duration"], given["sample_rate"], given["channels"]),))


def _load_audio(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return NodeResult((read_audio(_found(context, given["audio"])),))


def read_audio(path: Path) -> Audio:
    """The sound of a file: a second of silence, whatever it holds.

    Raises:
        InvalidDataError: It is no file with sound.
    """
    if not containers.is_audio(path.read_bytes()):
        raise InvalidDataError(path)
    return Audio(1.0, 44100, 2)


def _load_video(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    # Read by the node that uses it: comfy_api's VideoFromFile.
    return NodeResult((Video([], 24.0, _found(context, given["file"])),))


def _found(context: RunContext, name: str) -> Path:
    path = context.folders.find(name)
    if path is None:
        raise FileNotFoundError(f"[Errno 2] No such file or directory: {name!r}")
    return path


def _saved_audio(extension: str, data: Callable[[Mapping[str, Any]], bytes]) -> Any:
    def save(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
        place = context.folders.place("output", given["filename_prefix"])
        return NodeResult((given["audio"],), {"audio": [place.save(extension, data(given))]})

    return save


_save_flac = _saved_audio(
    "flac", lambda given: containers.flac(given["audio"].sample_rate, given["audio"].channels)
)
_save_mp3 = _saved_audio("mp3", lambda given: containers.mp3(given["audio"].seconds))
_save_opus = _saved_audio(
    "opus", lambda given: containers.opus(given["audio"].sample_rate, given["audio"].channels)
)


def _preview_audio(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    audio: Audio = given["audio"]
    place = context.folders.place("temp", temp_prefix())
    file = place.save("flac", containers.flac(audio.sample_rate, audio.channels))
    return NodeResult((audio,), {"audio": [file]})


def temp_prefix() -> str:
    """The prefix of a preview's file: other letters each time."""
    letters = random.choices(string.ascii_lowercase, k=_TEMP_LETTERS)  # noqa: S311 - a file name
    return f"ComfyUI_temp_{''.join(letters)}"


def _create_video(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return NodeResult((Video(given["images"], given["fps"]),))


def _save_video(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    video: Video = given["video"]
    if video.source is None:
        body = first_frame(video.frames)
    else:
        body = video.source.read_bytes()
        if not containers.is_video(body):
            raise InvalidDataError(video.source)
    place = context.folders.place("output", given["filename_prefix"])
    file = place.save("mp4", containers.video("mp4", body))
    return NodeResult(ui={"images": [file], "animated": [True]})


def _save_webm(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    place = context.folders.place("output", given["filename_prefix"])
    file = place.save("webm", containers.video("webm", first_frame(given["images"])))
    return NodeResult(ui={"images": [file], "animated": [True]})


def first_frame(frames: list[Image.Image]) -> bytes:
    """What a video's file holds in place of frames: the first one's pixels."""
    return b"".join(frame.tobytes() for frame in frames[:1])
