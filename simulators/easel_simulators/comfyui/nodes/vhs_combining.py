"""Video Combine of ComfyUI-VideoHelperSuite: stands for every node with an output key of its own.

What it saves and lists: Kosinkadink/ComfyUI-VideoHelperSuite at 4ee72c0, videohelpersuite/nodes.py
(``combine_video``) and video_formats. Beside the file that it lists it leaves the first frame as a
PNG, and with sound the video without it.
"""

import io
import os
import re
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image, PngImagePlugin

from easel_simulators.comfyui.folders import SavePlace
from easel_simulators.comfyui.node_types import (
    Input,
    NodeResult,
    NodeType,
    RunContext,
    choice,
    integer,
)
from easel_simulators.comfyui.nodes import containers
from easel_simulators.comfyui.nodes.media import first_frame
from easel_simulators.comfyui.nodes.saving import animation, workflow_texts
from easel_simulators.comfyui.nodes.vhs_loading import CATEGORY, MODULE

_EXTENSIONS: Final = {
    "video/ProRes": "mov",
    "video/av1-webm": "webm",
    "video/ffmpeg-gif": "gif",
    "video/ffv1-mkv": "mkv",
    "video/h264-mp4": "mp4",
    "video/h265-mp4": "mp4",
    "video/webm": "webm",
}
"""Of its formats those whose files the simulator can begin."""

_HIDDEN: Final = {
    "prompt": "PROMPT",
    "extra_pnginfo": "EXTRA_PNGINFO",
    "unique_id": "UNIQUE_ID",
}
_INPUTS: Final = (
    Input("images", "IMAGE"),
    Input("frame_rate", "FLOAT", {"default": 8, "min": 1, "step": 1}),
    integer("loop_count", 0, 0, 100, step=1),
    Input("filename_prefix", "STRING", {"default": "AnimateDiff"}),
    choice("format", "image/gif", "image/webp", *_EXTENSIONS),
    Input("pingpong", "BOOLEAN", {"default": False}),
    Input("save_output", "BOOLEAN", {"default": True}),
    Input("audio", "AUDIO", required=False),
    Input("meta_batch", "VHS_BatchManager", required=False),
    Input("vae", "VAE", required=False),
)


def node_types() -> list[NodeType]:
    """The node class of this file."""
    return [
        NodeType(
            "VHS_VideoCombine",
            _combine,
            _INPUTS,
            ("VHS_FILENAMES",),
            display_name="Video Combine 🎥🅥🅗🅢",
            category=CATEGORY,
            module=MODULE,
            output_node=True,
            hidden=_HIDDEN,
        )
    ]


def _combine(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    frames: list[Image.Image] = given["images"]
    kind = "output" if given["save_output"] else "temp"
    place = context.folders.place(kind, given["filename_prefix"])
    stem = f"{place.stem}_{_next_number(place):05}"
    written = [place.write(f"{stem}.png", _first_picture(frames[0], given))]
    if given["pingpong"]:
        frames = frames + frames[-2:0:-1]
    extension = _EXTENSIONS.get(given["format"])
    if extension in (None, "gif"):
        name = given["format"].partition("/")[2] if extension is None else "gif"
        data = animation(frames, name.upper(), given["frame_rate"], loop=given["loop_count"])
        written.append(place.write(f"{stem}.{name}", data))
    else:
        data = containers.video(str(extension), first_frame(frames))
        written.append(place.write(f"{stem}.{extension}", data))
        if given.get("audio") is not None:
            written.append(place.write(f"{stem}-audio.{extension}", data))
    paths = [str(place.folder / file["filename"]) for file in written]
    shown = {
        **written[-1],
        "format": given["format"],
        "frame_rate": given["frame_rate"],
        "workflow": written[0]["filename"],
        "fullpath": paths[-1],
    }
    return NodeResult(((given["save_output"], paths),), {"gifs": [shown]})


def _next_number(place: SavePlace) -> int:
    """Counts its own names: without the underline that other nodes put behind the number."""
    named = re.compile(rf"{re.escape(place.stem)}_(\d{{1,18}})\D*\..+", re.IGNORECASE)
    found = map(named.fullmatch, os.listdir(place.folder))  # noqa: PTH208
    return max((int(one[1]) for one in found if one), default=0) + 1


def _first_picture(picture: Image.Image, given: Mapping[str, Any]) -> bytes:
    texts = PngImagePlugin.PngInfo()
    for keyword, text in workflow_texts(given).items():
        texts.add_text(keyword, text)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=texts)
    return buffer.getvalue()
