"""Nodes that make and change pictures. An ``IMAGE`` is a list of RGB pictures."""

from collections.abc import Mapping
from typing import Any, Final

from PIL import Image, ImageFilter, ImageOps

from easel_simulators.comfyui.node_types import (
    Input,
    NodeResult,
    NodeType,
    RunContext,
    choice,
    integer,
    number,
)
from easel_simulators.pictures import MAX_PICTURE_PIXELS

EMPTY_COLOUR: Final = (127, 127, 127)
_MAX_SIDE: Final = 16384

_RESAMPLING: Final = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_UPSCALE_METHOD: Final = choice("upscale_method", *_RESAMPLING)


class OutOfMemoryError(Exception):
    """What PyTorch raises when a picture does not fit into the GPU's memory."""


# The name under which ComfyUI reports it.
OutOfMemoryError.__module__ = "torch"


def out_of_memory() -> OutOfMemoryError:
    """The error with ComfyUI's own words."""
    return OutOfMemoryError("Allocation on device \nThis error means you ran out of memory.\n")


def check_size(width: int, height: int, batch_size: int) -> None:
    """Refuse what the simulator will not hold in memory.

    Raises:
        OutOfMemoryError: More than ``MAX_PICTURE_PIXELS`` in all.
    """
    if width * height * batch_size > MAX_PICTURE_PIXELS:
        raise out_of_memory()


def node_types() -> list[NodeType]:
    """The node classes of this file."""
    return [
        NodeType("EmptyImage", _empty_image, _EMPTY_IMAGE, ("IMAGE",)),
        NodeType("ImageScale", _scale, _SCALE, ("IMAGE",), category="image/upscaling"),
        NodeType("ImageScaleBy", _scale_by, _SCALE_BY, ("IMAGE",), category="image/upscaling"),
        NodeType(
            "ImageInvert",
            lambda _, given: NodeResult(([ImageOps.invert(one) for one in given["image"]],)),
            (Input("image", "IMAGE"),),
            ("IMAGE",),
        ),
        NodeType("ImageBlur", _blur, _BLUR, ("IMAGE",), category="image/postprocessing"),
        NodeType("ImageCrop", _crop, _CROP, ("IMAGE",), category="image/transform"),
    ]


_EMPTY_IMAGE: Final = (
    integer("width", 512, 1, _MAX_SIDE, step=1),
    integer("height", 512, 1, _MAX_SIDE, step=1),
    integer("batch_size", 1, 1, 4096),
    integer("color", 0, 0, 0xFFFFFF, step=1, display="color"),
)
_SCALE: Final = (
    Input("image", "IMAGE"),
    _UPSCALE_METHOD,
    integer("width", 512, 0, _MAX_SIDE, step=1),
    integer("height", 512, 0, _MAX_SIDE, step=1),
    choice("crop", "disabled", "center"),
)
_SCALE_BY: Final = (
    Input("image", "IMAGE"),
    _UPSCALE_METHOD,
    number("scale_by", 1.0, 0.01, 8.0, step=0.01),
)
# comfy_extras/nodes_images.py; of the recordings it is in one, where it does not run.
_CROP: Final = (
    Input("image", "IMAGE"),
    integer("width", 512, 1, _MAX_SIDE, step=1),
    integer("height", 512, 1, _MAX_SIDE, step=1),
    integer("x", 0, 0, _MAX_SIDE, step=1),
    integer("y", 0, 0, _MAX_SIDE, step=1),
)
_BLUR: Final = (
    Input("image", "IMAGE"),
    integer("blur_radius", 1, 1, 31, step=1),
    number("sigma", 1.0, 0.1, 10.0, step=0.1),
)


def _empty_image(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    size = (given["width"], given["height"])
    check_size(*size, given["batch_size"])
    colour = tuple(given["color"].to_bytes(3, "big"))
    return NodeResult(([Image.new("RGB", size, colour)] * given["batch_size"],))


def _scale(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    pictures: list[Image.Image] = given["image"]
    width, height = given["width"], given["height"]
    if not width and not height:
        return NodeResult((pictures,))
    source_width, source_height = pictures[0].size
    # A side of 0 keeps the proportions.
    size = (
        width or max(1, round(source_width * height / source_height)),
        height or max(1, round(source_height * width / source_width)),
    )
    check_size(*size, len(pictures))
    method = _RESAMPLING[given["upscale_method"]]
    if given["crop"] == "center":
        return NodeResult(([ImageOps.fit(one, size, method) for one in pictures],))
    return NodeResult(([one.resize(size, method) for one in pictures],))


def _scale_by(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    pictures: list[Image.Image] = given["image"]
    factor = given["scale_by"]
    size = (
        max(1, round(pictures[0].width * factor)),
        max(1, round(pictures[0].height * factor)),
    )
    check_size(*size, len(pictures))
    method = _RESAMPLING[given["upscale_method"]]
    return NodeResult(([one.resize(size, method) for one in pictures],))


def _blur(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    blur = ImageFilter.GaussianBlur(given["sigma"])
    return NodeResult(([one.filter(blur) for one in given["image"]],))


def _crop(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    pictures: list[Image.Image] = given["image"]
    # A corner beyond the picture is its last pixel.
    left = min(given["x"], pictures[0].width - 1)
    top = min(given["y"], pictures[0].height - 1)
    right = min(left + given["width"], pictures[0].width)
    bottom = min(top + given["height"], pictures[0].height)
    return NodeResult(([one.crop((left, top, right, bottom)) for one in pictures],))
