"""Nodes that save pictures: the ones whose files are a job's outcome."""

import io
import json
import random
import string
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

from easel_local.simulators.comfyui.node_types import (
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

_IMAGES: Final = Input("images", "IMAGE")
_FPS: Final = number("fps", 6.0, 0.01, 1000.0, step=0.01)
_WEBP_METHODS: Final = {"default": 4, "fastest": 0, "slowest": 6}
_TEMP_LETTERS: Final = 5


def node_types() -> list[NodeType]:
    """The node classes of this file."""
    return [
        _output("SaveImage", _save_image, (_IMAGES, FILENAME_PREFIX), display_name="Save Image"),
        _output("PreviewImage", _preview_image, (_IMAGES,), display_name="Preview Image"),
        _output("SaveAnimatedWEBP", _save_animated_webp, _ANIMATED_WEBP),
        _output("SaveAnimatedPNG", _save_animated_png, _ANIMATED_PNG),
        # VideoHelperSuite's node stands for every custom node with an output key of its own.
        _output(
            "VHS_VideoCombine",
            _combine_video,
            _VIDEO_COMBINE,
            display_name="Video Combine",
            module="custom_nodes.ComfyUI-VideoHelperSuite",
        ),
    ]


_ANIMATED_WEBP: Final = (
    _IMAGES,
    FILENAME_PREFIX,
    _FPS,
    Input("lossless", "BOOLEAN", {"default": True}),
    integer("quality", 80, 0, 100),
    choice("method", *_WEBP_METHODS),
)
_ANIMATED_PNG: Final = (_IMAGES, FILENAME_PREFIX, _FPS, integer("compress_level", 4, 0, 9))
_VIDEO_COMBINE: Final = (
    _IMAGES,
    number("frame_rate", 8.0, 1.0, 1000.0, step=1.0),
    integer("loop_count", 0, 0, 100, step=1),
    FILENAME_PREFIX,
    choice("format", "image/gif"),
    Input("pingpong", "BOOLEAN", {"default": False}),
    Input("save_output", "BOOLEAN", {"default": True}),
)


def _output(name: str, run: Any, inputs: tuple[Input, ...], **more: Any) -> NodeType:
    return NodeType(name, run, inputs, output_node=True, hidden=SAVED_METADATA, **more)


def _save_image(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return _saved(context, "output", given["filename_prefix"], given["images"])


def _preview_image(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    letters = random.choices(string.ascii_lowercase, k=_TEMP_LETTERS)  # noqa: S311 - a file name
    return _saved(context, "temp", f"ComfyUI_temp_{''.join(letters)}", given["images"])


def _saved(context: RunContext, kind: str, prefix: str, images: list[Image.Image]) -> NodeResult:
    texts = {"prompt": json.dumps(context.prompt)}
    files = [
        context.folders.save(kind, prefix, "png", context.encode_png(image, texts))
        for image in images
    ]
    return NodeResult(ui={"images": files})


def _save_animated_webp(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    data = _animation(
        given["images"],
        "WEBP",
        given["fps"],
        lossless=given["lossless"],
        quality=given["quality"],
        method=_WEBP_METHODS[given["method"]],
    )
    file = context.folders.save("output", given["filename_prefix"], "webp", data)
    return NodeResult(ui={"images": [file], "animated": [True]})


def _save_animated_png(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    data = _animation(given["images"], "PNG", given["fps"], compress_level=given["compress_level"])
    file = context.folders.save("output", given["filename_prefix"], "png", data)
    return NodeResult(ui={"images": [file], "animated": [True]})


def _combine_video(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    frames = given["images"]
    if given["pingpong"]:
        frames = frames + frames[-2:0:-1]
    data = _animation(frames, "GIF", given["frame_rate"], loop=given["loop_count"])
    kind = "output" if given["save_output"] else "temp"
    file = context.folders.save(kind, given["filename_prefix"], "gif", data)
    shown = {**file, "format": given["format"], "frame_rate": given["frame_rate"]}
    return NodeResult(ui={"gifs": [shown]})


def _animation(images: list[Image.Image], pil_format: str, fps: float, **options: Any) -> bytes:
    buffer = io.BytesIO()
    first, *others = _distinct(images)
    first.save(
        buffer,
        pil_format,
        save_all=True,
        append_images=others,
        duration=max(1, round(1000 / fps)),
        **options,
    )
    return buffer.getvalue()


def _distinct(images: list[Image.Image]) -> list[Image.Image]:
    """Number each frame in a corner: Pillow merges equal frames, and one is no animation."""
    frames = []
    for index, image in enumerate(images):
        frame = image.copy()
        frame.putpixel((index % frame.width, 0), (index % 256, 255, 0))
        frames.append(frame)
    return frames
