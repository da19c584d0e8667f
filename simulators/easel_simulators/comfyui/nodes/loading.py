"""Nodes that load pictures, and what the inputs that name an uploaded file have in common."""

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.node_types import (
    Input,
    NodeResult,
    NodeType,
    RunContext,
    integer,
)
from easel_simulators.comfyui.nodes.pictures import check_size

_CHANNELS: Final = Input("channel", lambda: ["alpha", "red", "green", "blue"], None)
_REMOTE: Final = {
    "route": "/internal/files/output",
    "refresh_button": True,
    "control_after_refresh": "first",
}
_CAPTURE: Final = (
    integer("width", 0, 0, 16384, step=1),
    integer("height", 0, 0, 16384, step=1),
    Input("capture_on_queue", "BOOLEAN", {"default": True}),
)


def node_types(folders: Folders) -> list[NodeType]:
    """The node classes of this file; uploaded files lie in ``folders``."""
    picture = uploaded(folders, "image", ("image",), "image")
    # Words, not a list of files: the web page asks for the files.
    options = {"image_upload": True, "image_folder": "output", "remote": _REMOTE}
    saved = Input("image", "COMBO", options, check=_exists(folders, "image"))
    captured = Input("image", "WEBCAM", check=lambda _: None)
    return [
        _loader(folders, "LoadImage", (picture,), ("IMAGE", "MASK")),
        _loader(folders, "LoadImageMask", (picture, _CHANNELS), ("MASK",)),
        _loader(folders, "LoadImageOutput", (saved,), ("IMAGE", "MASK")),
        _loader(folders, "WebcamCapture", (captured, *_CAPTURE), ("IMAGE",)),
        _load_latent(folders),
    ]


def uploaded(
    folders: Folders, name: str, media: tuple[str, ...], flag: str, *, v3: bool = False
) -> Input:
    """An input that names an uploaded file.

    Args:
        folders: Where the files lie.
        name: Of the input.
        media: What its combo box offers of the files: first halves of media types.
        flag: What the web page offers to upload; also what a wrong name is called by.
        v3: As ``Input.v3``.
    """

    def offered() -> list[str]:
        return [one for one in folders.input_names() if _medium(one) in media]

    return Input(name, offered, {f"{flag}_upload": True}, check=_exists(folders, flag), v3=v3)


def _medium(name: str) -> str:
    """As folder_paths.py's ``filter_files_content_types``: by the name alone."""
    guessed = mimetypes.guess_type(name, strict=False)[0] or ""
    return guessed.partition("/")[0]


def _exists(folders: Folders, what: str) -> Any:
    def check(value: object) -> str | None:
        found = folders.find(value) if isinstance(value, str) else None
        return None if found else f"Invalid {what} file: {value}"

    return check


def file_hash(folders: Folders, name: object) -> str:
    """A fingerprint of an uploaded file's content; "" when there is none."""
    return path_hash(folders.find(name) if isinstance(name, str) else None)


def path_hash(path: Path | None) -> str:
    """The same of a path; a file may be deleted at any time."""
    if path is None:
        return ""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _loader(
    folders: Folders, name: str, inputs: tuple[Input, ...], outputs: tuple[str, ...]
) -> NodeType:
    def fingerprint(given: Mapping[str, Any]) -> str:
        return file_hash(folders, given["image"])

    return NodeType(name, _load_image, inputs, outputs, fingerprint=fingerprint)


def _load_image(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    picture = read_picture(context.folders, given["image"])
    if "channel" in given:
        return NodeResult((picture.getchannel(given["channel"][0].upper()),))
    mask = ImageOps.invert(picture.getchannel("A"))
    return NodeResult(([picture.convert("RGB")], mask))


def read_picture(folders: Folders, name: str) -> Image.Image:
    """A picture of the folders, as RGBA.

    Raises:
        OSError: It is not there, or no picture.
        OutOfMemoryError: It is larger than the simulator holds.
    """
    path = folders.find(name)
    if path is None:
        raise FileNotFoundError(f"[Errno 2] No such file or directory: {name!r}")
    # Pillow's refusal names the file and is what ComfyUI reports, with a line's end.
    with Image.open(path) as opened:
        check_size(opened.width, opened.height, 1)
        return ImageOps.exif_transpose(opened).convert("RGBA")


def _load_latent(folders: Folders) -> NodeType:
    def offered() -> list[str]:
        return [one for one in folders.input_names() if one.endswith(".latent")]

    def load(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
        found = context.folders.find(given["latent"])
        # Reading latents is not imitated: no task of easel's is known to bring one.
        raise NotImplementedError(f"the simulator does not read latents: {found}")

    return NodeType(
        "LoadLatent",
        load,
        (Input("latent", offered, None, check=_exists(folders, "latent")),),
        ("LATENT",),
        category="_for_testing",
        fingerprint=lambda given: file_hash(folders, given["latent"]),
    )
