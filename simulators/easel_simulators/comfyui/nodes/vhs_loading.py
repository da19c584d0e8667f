"""The loaders of the custom node ComfyUI-VideoHelperSuite.

Their inputs are as recorded (``answers/vhs-loaders.json``): none says that a file is uploaded for
it. How names are read and checked: Kosinkadink/ComfyUI-VideoHelperSuite at 4ee72c0,
videohelpersuite/load_video_nodes.py, load_images_nodes.py, nodes.py and utils.py. What a video
holds is not decoded: frames are grey, sound is silence. Nothing is fetched from a URL.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageSequence, UnidentifiedImageError

from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.node_types import Input, NodeResult, NodeType, RunContext
from easel_simulators.comfyui.nodes import containers
from easel_simulators.comfyui.nodes.loading import path_hash
from easel_simulators.comfyui.nodes.media import Audio, InvalidDataError, read_audio
from easel_simulators.comfyui.nodes.pictures import EMPTY_COLOUR, check_size
from easel_simulators.comfyui.recorded import recorded_answer

MODULE: Final = "custom_nodes.ComfyUI-VideoHelperSuite"
CATEGORY: Final = "Video Helper Suite 🎥🅥🅗🅢"
_VIDEO_EXTENSIONS: Final = ("webm", "mp4", "mkv", "gif", "mov")
_AUDIO_EXTENSIONS: Final = ("mp3", "mp4", "wav", "ogg")
_PICTURE_EXTENSIONS: Final = frozenset(
    {".jpeg", ".tiff", ".png", ".webp", ".bmp", ".jpg", ".pgm", ".ppm", ".tif"}
)
_UNDECODED_SIZE: Final = (64, 64)
_MAX_FRAMES: Final = 1024

Find = Callable[[Folders, str], Path | None]


@dataclass(frozen=True)
class _Loader:
    """One class: its first input names a file."""

    name: str
    load: Callable[["_Loader", RunContext, Mapping[str, Any]], NodeResult]
    outputs: tuple[str, ...]
    find: Find
    refusal: str
    offered: Callable[[Folders], list[str]] | None = None

    def node_type(self, folders: Folders, groups: Mapping[str, Any]) -> NodeType:
        """The class with its recorded inputs."""
        inputs = tuple(self._inputs(folders, groups))

        def fingerprint(given: Mapping[str, Any]) -> str:
            return path_hash(self.find(folders, str(given[inputs[0].name])))

        return NodeType(
            self.name,
            lambda context, given: self.load(self, context, given),
            inputs,
            self.outputs,
            category=CATEGORY,
            module=MODULE,
            hidden=groups.get("hidden", {}),
            # Directories are looked at by name: a cached result of one is used again.
            fingerprint=None if self.find is _directory else fingerprint,
        )

    def _inputs(self, folders: Folders, groups: Mapping[str, Any]) -> Iterator[Input]:
        found = [
            (name, config, group == "required")
            for group in ("required", "optional")
            for name, config in groups.get(group, {}).items()
        ]
        for position, (name, config, required) in enumerate(found):
            kind, options = config[0], config[1] if config[1:] else None
            if position == 0:
                offered, check = self.offered, self._check(folders)
                if offered is not None:
                    yield Input(name, lambda: offered(folders), options, check=check)  # noqa: B023
                else:
                    yield Input(name, kind, options, check=check)
            elif isinstance(kind, list):
                yield Input(name, lambda kind=kind: kind, options, required)  # type: ignore[misc]
            else:
                yield Input(name, kind, options, required)

    def _check(self, folders: Folders) -> Callable[[object], str | None]:
        def check(value: object) -> str | None:
            if isinstance(value, str) and (self.is_url(value) or self.find(folders, value)):
                return None
            return self.refusal.format(value)

        return check

    def is_url(self, name: str) -> bool:
        """Whether it is a URL where one may be: in an input that takes a path."""
        return self.find is _at_path and name.split("://", maxsplit=1)[0] in ("http", "https")

    def file(self, context: RunContext, name: str) -> Path:
        """The named file.

        Raises:
            ValueError: There is none, or it is a URL: nothing is fetched here.
        """
        found = self.find(context.folders, name)
        if found is None:
            raise ValueError(f"{name} could not be loaded with cv.")
        return found


def _stripped(name: str) -> str:
    """As utils.py's ``strip_path``: without white space and quotation marks around it."""
    return name.strip().removeprefix('"').removesuffix('"')


def _uploaded(folders: Folders, name: str) -> Path | None:
    return folders.find(_stripped(name))


def _at_path(folders: Folders, name: str) -> Path | None:
    return folders.find_from_base(_stripped(name))


def _directory(folders: Folders, name: str) -> Path | None:
    return folders.find_directory(_stripped(name))


def _with_extension(extensions: tuple[str, ...]) -> Callable[[Folders], list[str]]:
    def offered(folders: Folders) -> list[str]:
        names = folders.input_names()
        return [name for name in names if name.rpartition(".")[2].lower() in extensions]

    return offered


def _load_video(loader: _Loader, context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    path = loader.file(context, given["video"])
    frames = _frames(path)
    frames = frames[given.get("skip_first_frames", 0) :: given.get("select_every_nth", 1)]
    if given["frame_load_cap"]:
        frames = frames[: given["frame_load_cap"]]
    if not frames:
        raise RuntimeError("No frames generated")
    return NodeResult((frames, len(frames), _sound_of(path), {"loaded_frame_count": len(frames)}))


def _sound_of(path: Path) -> Audio | None:
    """Silence for a container that can hold sound; a real one reads it when a node asks for it."""
    try:
        return read_audio(path)
    except InvalidDataError:
        return None


def _frames(path: Path) -> list[Image.Image]:
    """The frames of an animation; of a video, which is not decoded, one grey one.

    Raises:
        ValueError: It is neither.
    """
    try:
        with Image.open(path) as opened:
            check_size(
                opened.width, opened.height, min(getattr(opened, "n_frames", 1), _MAX_FRAMES)
            )
            found = islice(ImageSequence.Iterator(opened), _MAX_FRAMES)
            return [frame.convert("RGB") for frame in found]
    except UnidentifiedImageError:
        if not containers.is_video(path.read_bytes()):
            raise ValueError(f"{path} could not be loaded with cv.") from None
        return [Image.new("RGB", _UNDECODED_SIZE, EMPTY_COLOUR)]


def _load_audio(loader: _Loader, context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    path = loader.file(context, given.get("audio") or given["audio_file"])
    try:
        audio = read_audio(path)
    except InvalidDataError:
        # FFmpeg's own words follow in a real one.
        raise Exception(f"VHS failed to extract audio from {path}:\n") from None  # noqa: TRY002
    return NodeResult((audio, audio.seconds))


def _load_picture(loader: _Loader, context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    frames = _frames(loader.file(context, given["image"]))
    return NodeResult((frames, Image.new("L", frames[0].size)))


def _load_pictures(loader: _Loader, context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    directory = loader.file(context, given["directory"])
    names = sorted(p for p in directory.iterdir() if p.suffix.lower() in _PICTURE_EXTENSIONS)
    if not names:
        raise FileNotFoundError(f"No files in directory '{directory}'.")
    kept = names[given.get("skip_first_images", 0) :: given.get("select_every_nth", 1)]
    frames = [_frames(path)[0] for path in kept[: given.get("image_load_cap") or _MAX_FRAMES]]
    return NodeResult((frames, Image.new("L", frames[0].size), len(frames)))


_VIDEO: Final = ("IMAGE", "INT", "AUDIO", "VHS_VIDEOINFO")
_SOUND: Final = ("AUDIO", "FLOAT")
_NO_VIDEO: Final = "Invalid video file: {}"
_NO_PATH: Final = "Invalid file path: {}"
_VIDEOS: Final = _with_extension(_VIDEO_EXTENSIONS)

_LOADERS: Final = (
    _Loader("VHS_LoadVideo", _load_video, _VIDEO, _uploaded, _NO_VIDEO, _VIDEOS),
    _Loader("VHS_LoadVideoFFmpeg", _load_video, _VIDEO, _uploaded, _NO_VIDEO, _VIDEOS),
    _Loader("VHS_LoadVideoPath", _load_video, _VIDEO, _at_path, _NO_PATH),
    _Loader(
        "VHS_LoadAudioUpload",
        _load_audio,
        _SOUND,
        _uploaded,
        _NO_PATH,
        _with_extension(_AUDIO_EXTENSIONS),
    ),
    _Loader("VHS_LoadAudio", _load_audio, _SOUND, _at_path, _NO_PATH),
    _Loader("VHS_LoadImagePath", _load_picture, ("IMAGE", "MASK"), _at_path, _NO_PATH),
    _Loader(
        "VHS_LoadImages",
        _load_pictures,
        ("IMAGE", "MASK", "INT"),
        _directory,
        "Directory '{}' cannot be found.",
        Folders.input_directories,
    ),
)


def node_types(folders: Folders) -> list[NodeType]:
    """The node classes of this file; uploaded files lie in ``folders``."""
    recorded: dict[str, Any] = recorded_answer("vhs-loaders")
    return [one.node_type(folders, recorded[one.name]) for one in _LOADERS]
