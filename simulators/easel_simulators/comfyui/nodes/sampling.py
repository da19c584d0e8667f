"""Nodes from a checkpoint to a picture: load, encode the prompt, sample, decode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from easel_simulators import drawing
from easel_simulators.comfyui.node_types import (
    Input,
    NodeResult,
    NodeType,
    RunContext,
    choice,
    integer,
    number,
)
from easel_simulators.comfyui.nodes.pictures import EMPTY_COLOUR, check_size
from easel_simulators.comfyui.recorded import recorded_words

_MAX_SEED: Final = 2**64 - 1


@dataclass(frozen=True)
class Latent:
    """A batch of pictures to be: None until something has been sampled or encoded."""

    width: int
    height: int
    batch_size: int
    pictures: Sequence[Image.Image] | None = None


def node_types(models: Sequence[str], service_seconds: float) -> list[NodeType]:
    """The node classes of this file, for those checkpoints and that time for each KSampler."""
    return [
        NodeType(
            "CheckpointLoaderSimple",
            _load_checkpoint,
            (Input("ckpt_name", lambda: models),),
            ("MODEL", "CLIP", "VAE"),
            display_name="Load Checkpoint",
            category="loaders",
        ),
        NodeType(
            "CLIPTextEncode",
            lambda _, given: NodeResult((given["text"],)),
            (Input("text", "STRING", {"multiline": True}), Input("clip", "CLIP")),
            ("CONDITIONING",),
            category="conditioning",
        ),
        NodeType("EmptyLatentImage", _empty_latent, _LATENT_SIZE, ("LATENT",), category="latent"),
        NodeType(
            "KSampler",
            lambda context, given: _sample(context, given, service_seconds),
            _KSAMPLER,
            ("LATENT",),
            category="sampling",
        ),
        NodeType(
            "VAEDecode", _decode, _inputs_of("samples", "LATENT"), ("IMAGE",), category="latent"
        ),
        NodeType(
            "VAEEncode", _encode, _inputs_of("pixels", "IMAGE"), ("LATENT",), category="latent"
        ),
    ]


def _inputs_of(name: str, kind: str) -> tuple[Input, Input]:
    return Input(name, kind), Input("vae", "VAE")


_LATENT_SIZE: Final = (
    integer("width", 512, 16, 16384, step=8),
    integer("height", 512, 16, 16384, step=8),
    integer("batch_size", 1, 1, 4096),
)

_KSAMPLER: Final = (
    Input("model", "MODEL"),
    integer("seed", 0, 0, _MAX_SEED, control_after_generate=True),
    integer("steps", 20, 1, 10000),
    number("cfg", 8.0, 0.0, 100.0, step=0.1, round=0.01),
    choice("sampler_name", *recorded_words("samplers")),
    choice("scheduler", *recorded_words("schedulers")),
    Input("positive", "CONDITIONING"),
    Input("negative", "CONDITIONING"),
    Input("latent_image", "LATENT"),
    number("denoise", 1.0, 0.0, 1.0, step=0.01),
)


def _load_checkpoint(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    name = given["ckpt_name"]
    context.load_checkpoint(name)
    return NodeResult((name, name, name))


def _empty_latent(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    width, height, batch_size = given["width"], given["height"], given["batch_size"]
    check_size(width, height, batch_size)
    return NodeResult((Latent(width, height, batch_size),))


def _sample(context: RunContext, given: Mapping[str, Any], service_seconds: float) -> NodeResult:
    steps = given["steps"]
    for step in range(1, steps + 1):
        context.work(service_seconds / steps)
        context.progress(step, steps)
    latent: Latent = given["latent_image"]
    drawn = [
        drawing.draw(given["positive"], given["seed"] + index, latent.width, latent.height)
        for index in range(latent.batch_size)
    ]
    if latent.pictures is not None:
        drawn = [
            Image.blend(start, picture, given["denoise"])
            for start, picture in zip(latent.pictures, drawn, strict=True)
        ]
    return NodeResult((Latent(latent.width, latent.height, latent.batch_size, drawn),))


def _decode(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    latent: Latent = given["samples"]
    if latent.pictures is not None:
        return NodeResult((list(latent.pictures),))
    empty = Image.new("RGB", (latent.width, latent.height), EMPTY_COLOUR)
    return NodeResult(([empty] * latent.batch_size,))


def _encode(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    pictures: list[Image.Image] = given["pixels"]
    width, height = pictures[0].size
    return NodeResult((Latent(width, height, len(pictures), pictures),))
