"""Nodes that save pictures: the ones whose files are a job's outcome."""

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

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
from easel_simulators.comfyui.nodes.media import temp_prefix

_IMAGES: Final = Input("images", "IMAGE")
_FPS: Final = number("fps", 6.0, 0.01, 1000.0, step=0.01)
_WEBP_METHODS: Final = {"default": 4, "fastest": 0, "slowest": 6}


def node_types() -> list[NodeType]:
    """The node classes of this file."""
    return [
        _output("SaveImage", _save_image, (_IMAGES, FILENAME_PREFIX), display_name="Save Image"),
        _output("PreviewImage", _preview_image, (_IMAGES,), display_name="Preview Image"),
        _output("SaveAnimatedWEBP", _save_animated_webp, _ANIMATED_WEBP),
        _output("SaveAnimatedPNG", _save_animated_png, _ANIMATED_PNG),
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


def _output(name: str, run: Any, inputs: tuple[Input, ...], **more: Any) -> NodeType:
    return NodeType(name, run, inputs, output_node=True, hidden=SAVED_METADATA, **more)


def _save_image(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return _saved(context, "output", given["filename_prefix"], given)


def _preview_image(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return _saved(context, "temp", temp_prefix(), given)


def _saved(context: RunContext, kind: str, prefix: str, given: Mapping[str, Any]) -> NodeResult:
    images: list[Image.Image] = given["images"]
    texts = workflow_texts(given)
    place = context.folders.place(kind, prefix, images[0].size)
    files = [
        place.save("png", context.encode_png(image, texts), batch_number)
        for batch_number, image in enumerate(images)
    ]
    return NodeResult(ui={"images": files})


def workflow_texts(given: Mapping[str, Any]) -> dict[str, str]:
    """What a file tells of the workflow that made it: JSON by keyword, the page's own included."""
    texts = {"prompt": given["prompt"], **(given["extra_pnginfo"] or {})}
    return {keyword: json.dumps(value) for keyword, value in texts.items()}


def _save_animated_webp(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    data = animation(
        given["images"],
        "WEBP",
        given["fps"],
        lossless=given["lossless"],
        quality=given["quality"],
        method=_WEBP_METHODS[given["method"]],
    )
    return _saved_animation(context, given, "webp", data)


def _save_animated_png(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    data = animation(given["images"], "PNG", given["fps"], compress_level=given["compress_level"])
    return _saved_animation(context, given, "png", data)


def _saved_animation(
    context: RunContext, given: Mapping[str, Any], extension: str, data: bytes
) -> NodeResult:
    place = context.folders.place("output", given["filename_prefix"], given["images"][0].size)
    return NodeResult(ui={"images": [place.save(extension, data)], "animated": [True]})


def animation(images: list[Image.Image], pil_format: str, fps: float, **options: Any) -> bytes:
    """An animated picture.

    Args:
        images: Its frames.
        pil_format: As Pillow names it.
        fps: Frames a second.
        options: Of Pillow's writer.
    """
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
