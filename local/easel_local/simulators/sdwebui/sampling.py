"""One generation's numbers: read from the body, bounded, and told again in ``info``."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from easel_local.simulators.pictures import MAX_PICTURE_PIXELS
from easel_local.simulators.sdwebui.checkpoints import Checkpoint
from easel_local.simulators.sdwebui.errors import WebuiError, out_of_memory
from easel_local.simulators.sdwebui.infotext import VERSION, compose

LATENT_PIXELS: Final = 8
"""A side of one latent pixel, in picture pixels: sizes are rounded down to multiples of it."""

MAX_PICTURES = 1024
_LARGEST_RANDOM_SEED = 4294967294
_BYTES_PER_PIXEL = 512
"""Roughly what decoding takes on a GPU; only the size told by an OutOfMemoryError."""


@dataclass(frozen=True)
class Loaded:
    """What the generation runs with, apart from its body."""

    checkpoint: Checkpoint
    vae: str | None
    clip_skip: int
    timestamp: str


@dataclass(frozen=True)
class Sampling:
    """A generation's body, typed, with its random choices made. Sizes are pixels as asked for."""

    prompt: str
    negative_prompt: str
    seed: int
    subseed: int
    subseed_strength: float
    sampler: str
    batch_size: int
    n_iter: int
    steps: int
    cfg_scale: float
    width: int
    height: int
    denoising_strength: float | None
    size: tuple[int, int]
    """Width and height of the pictures that come out."""
    extra: Mapping[str, object]
    """``extra_generation_params``: pairs of the infotext that only some generations have."""

    @property
    def pictures(self) -> int:
        """How many pictures come out."""
        return self.batch_size * self.n_iter

    def seed_of(self, index: int) -> int:
        """The seed of one picture; a variation keeps the seed and varies the subseed."""
        return self.seed if self.subseed_strength else self.seed + index

    def infotext(self, index: int, loaded: Loaded) -> str:
        """The infotext of one picture."""
        varied = self.subseed_strength or None
        pairs: dict[str, object] = {
            "Steps": self.steps,
            "Sampler": self.sampler,
            "CFG scale": self.cfg_scale,
            "Seed": self.seed_of(index),
            "Size": f"{self.width}x{self.height}",
            "Model hash": loaded.checkpoint.short_hash,
            "Model": loaded.checkpoint.model_name,
            "VAE": loaded.vae,
            "Variation seed": self.subseed + index if varied else None,
            "Variation seed strength": varied,
            **self.extra,
            "Clip skip": loaded.clip_skip if loaded.clip_skip > 1 else None,
            "Version": VERSION,
        }
        return compose(self.prompt, self.negative_prompt, pairs)

    def info(self, made: int, loaded: Loaded) -> dict[str, object]:
        """What ``info`` says, with the infotexts of the ``made`` pictures that came out."""
        count = range(self.pictures)
        return {
            "prompt": self.prompt,
            "all_prompts": [self.prompt for _ in count],
            "negative_prompt": self.negative_prompt,
            "all_negative_prompts": [self.negative_prompt for _ in count],
            "seed": self.seed,
            "all_seeds": [self.seed_of(index) for index in count],
            "subseed": self.subseed,
            "all_subseeds": [self.subseed + index for index in count],
            "subseed_strength": self.subseed_strength,
            "width": self.width,
            "height": self.height,
            "sampler_name": self.sampler,
            "cfg_scale": self.cfg_scale,
            "steps": self.steps,
            "batch_size": self.batch_size,
            "restore_faces": False,
            "face_restoration_model": None,
            "sd_model_name": loaded.checkpoint.model_name,
            "sd_model_hash": loaded.checkpoint.short_hash,
            "sd_vae_name": loaded.vae,
            "sd_vae_hash": None,
            "seed_resize_from_w": -1,
            "seed_resize_from_h": -1,
            "denoising_strength": self.denoising_strength,
            "extra_generation_params": dict(self.extra),
            "index_of_first_image": 0,
            "infotexts": [self.infotext(index, loaded) for index in range(max(made, 1))],
            "styles": [],
            "job_timestamp": loaded.timestamp,
            "clip_skip": loaded.clip_skip,
            "is_using_inpainting_conditioning": False,
            "version": VERSION,
        }


def read_sampling(values: Mapping[str, object], sampler: str, rng: random.Random) -> Sampling:
    """Read a validated body.

    Args:
        values: A value for every field of ``txt2img`` or ``img2img``.
        sampler: The sampler's name, checked.
        rng: Chooses seeds where -1 was asked for.

    Raises:
        WebuiError: With the exception that SD WebUI raises for these numbers.
    """
    width, height = _whole(values, "width"), _whole(values, "height")
    denoising_strength = _optional_number(values, "denoising_strength")
    size, extra = _output(values, width, height, denoising_strength)
    sampling = Sampling(
        prompt=_text(values, "prompt"),
        negative_prompt=_text(values, "negative_prompt"),
        seed=_seed(values, "seed", rng),
        subseed=_seed(values, "subseed", rng),
        subseed_strength=_optional_number(values, "subseed_strength") or 0,
        sampler=sampler,
        batch_size=_whole(values, "batch_size"),
        n_iter=_whole(values, "n_iter"),
        steps=_whole(values, "steps"),
        cfg_scale=_optional_number(values, "cfg_scale") or 0.0,
        width=width,
        height=height,
        denoising_strength=denoising_strength,
        size=size,
        extra=extra,
    )
    _check(sampling)
    return sampling


def _check(sampling: Sampling) -> None:
    if sampling.pictures < 1 or sampling.n_iter < 1:
        raise WebuiError.raised("IndexError", "list index out of range")
    if sampling.steps == 0:
        raise WebuiError.raised("ZeroDivisionError", "integer division or modulo by zero")
    if sampling.steps < 0:
        raise WebuiError.raised("RuntimeError", "number of steps must be non-negative")
    rows, columns = sampling.height // LATENT_PIXELS, sampling.width // LATENT_PIXELS
    for side in (rows, columns):
        if side < 0:
            raise WebuiError.raised(
                "RuntimeError",
                f"Trying to create tensor with negative dimension {side}: [4, {rows}, {columns}]",
            )
    if not rows or not columns:
        raise WebuiError.raised(
            "RuntimeError",
            f"Calculated padded input size per channel: ({rows + 2} x {columns + 2}). Kernel "
            "size: (3 x 3). Kernel size can't be greater than actual input size",
        )
    pixels = sampling.size[0] * sampling.size[1]
    if pixels * sampling.pictures > MAX_PICTURE_PIXELS or sampling.pictures > MAX_PICTURES:
        raise out_of_memory(pixels * sampling.batch_size * _BYTES_PER_PIXEL / 2**30)


def _output(
    values: Mapping[str, object], width: int, height: int, denoising_strength: float | None
) -> tuple[tuple[int, int], dict[str, object]]:
    """The pictures' size and the infotext's extra pairs."""
    size = (width // LATENT_PIXELS * LATENT_PIXELS, height // LATENT_PIXELS * LATENT_PIXELS)
    if "init_images" in values:
        return size, {"Denoising strength": denoising_strength}
    if not values["enable_hr"]:
        return size, {}
    scale = _optional_number(values, "hr_scale") or 1.0
    wanted = (
        _whole(values, "hr_resize_x") or int(width * scale),
        _whole(values, "hr_resize_y") or int(height * scale),
    )
    extra = {
        "Denoising strength": denoising_strength,
        "Hires upscale": scale,
        "Hires upscaler": values["hr_upscaler"],
    }
    return (
        wanted[0] // LATENT_PIXELS * LATENT_PIXELS,
        wanted[1] // LATENT_PIXELS * LATENT_PIXELS,
    ), extra


def _whole(values: Mapping[str, object], name: str) -> int:
    value = values[name]
    if not isinstance(value, int):
        raise WebuiError.raised(
            "TypeError", "'<' not supported between instances of 'NoneType' and 'int'"
        )
    return value


def _optional_number(values: Mapping[str, object], name: str) -> float | None:
    value = values[name]
    return value if isinstance(value, int | float) else None


def _text(values: Mapping[str, object], name: str) -> str:
    value = values[name]
    return value if isinstance(value, str) else ""


def _seed(values: Mapping[str, object], name: str, rng: random.Random) -> int:
    value = values[name]
    return value if isinstance(value, int) and value != -1 else rng.randrange(_LARGEST_RANDOM_SEED)
