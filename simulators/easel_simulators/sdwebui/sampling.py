"""One generation's numbers: read from the body, bounded, and told again in ``info``."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from easel_simulators.pictures import MAX_PICTURE_PIXELS
from easel_simulators.sdwebui.checkpoints import Checkpoint
from easel_simulators.sdwebui.errors import WebuiError, out_of_memory
from easel_simulators.sdwebui.hires import LATENT_PIXELS, Size, target_of
from easel_simulators.sdwebui.infotext import compose
from easel_simulators.sdwebui.samplers import SCHEDULE_TYPE, Choice

MAX_PICTURES = 1024
_LARGEST_RANDOM_SEED = 4294967294
_BYTES_PER_PIXEL = 512
"""Roughly what decoding takes on a GPU; only the size told by an OutOfMemoryError."""
_DENOISING: Final = "Denoising strength"

Values = Mapping[str, object]


@dataclass(frozen=True)
class Loaded:
    """What the generation runs with, apart from its body.

    Attributes:
        settings: The settings that are not the defaults, as JSON.
        version: What the server calls its version.
    """

    checkpoint: Checkpoint
    vae: str | None
    clip_skip: int
    settings: str
    timestamp: str
    version: str


@dataclass(frozen=True)
class Sampling:
    """A generation's body, typed, with its random choices made. Sizes are pixels as asked for.

    Attributes:
        prompts: One for each picture.
        negative_prompts: One for each picture.
        first_size: Width and height of the pictures before the second pass of hires fix.
        size: Width and height of the pictures that come out.
        extra: ``extra_generation_params``: pairs of the infotext that only some generations have.
        hires: Whether there is a second pass.
    """

    prompts: Sequence[str]
    negative_prompts: Sequence[str]
    seeds: Sequence[int]
    subseed: int
    subseed_strength: float
    sampler: Choice
    batch_size: int
    n_iter: int
    steps: int
    cfg_scale: float
    width: int
    height: int
    denoising_strength: float | None
    first_size: Size
    size: Size
    extra: Mapping[str, object]
    hires: bool = False

    @property
    def pictures(self) -> int:
        """How many pictures come out."""
        return len(self.prompts)

    def seed_of(self, index: int) -> int:
        """The seed of one picture; a variation keeps the seed and varies the subseed."""
        return self.seeds[index]

    def infotext(self, index: int, loaded: Loaded) -> str:
        """The infotext of one picture."""
        varied = self.subseed_strength or None
        pairs: dict[str, object] = {
            "Steps": self.steps,
            "Sampler": self.sampler.name,
            SCHEDULE_TYPE: self.sampler.schedule,
            "CFG scale": self.cfg_scale,
            "Seed": self.seed_of(index),
            "Size": f"{self.width}x{self.height}",
            "Model hash": loaded.checkpoint.short_hash,
            "Model": loaded.checkpoint.stem,
            "VAE": loaded.vae,
            "Variation seed": self.subseed + index if varied else None,
            "Variation seed strength": varied,
            _DENOISING: None,
            "Clip skip": loaded.clip_skip if loaded.clip_skip > 1 else None,
            **self.extra,
            "Version": loaded.version,
        }
        return compose(self.prompts[index], self.negative_prompts[index], pairs)

    def info(self, infotexts: Sequence[str], first: int, loaded: Loaded) -> dict[str, object]:
        """What ``info`` says.

        Args:
            infotexts: Those of the pictures that came out.
            first: Where in the answer's list the pictures that were asked for begin.
            loaded: What it ran with.
        """
        return {
            "prompt": self.prompts[0],
            "all_prompts": list(self.prompts),
            "negative_prompt": self.negative_prompts[0],
            "all_negative_prompts": list(self.negative_prompts),
            "seed": self.seeds[0],
            "all_seeds": list(self.seeds),
            "subseed": self.subseed,
            "all_subseeds": [self.subseed + index for index in range(self.pictures)],
            "subseed_strength": self.subseed_strength,
            "width": self.width,
            "height": self.height,
            "sampler_name": self.sampler.name,
            "cfg_scale": self.cfg_scale,
            "steps": self.steps,
            "batch_size": self.batch_size,
            "restore_faces": False,
            "face_restoration_model": None,
            **_model_info(loaded),
            "seed_resize_from_w": -1,
            "seed_resize_from_h": -1,
            "denoising_strength": self.denoising_strength,
            "extra_generation_params": dict(self.extra),
            "index_of_first_image": first,
            "infotexts": list(infotexts),
            "styles": [],
            "job_timestamp": loaded.timestamp,
            "clip_skip": loaded.clip_skip,
            "is_using_inpainting_conditioning": False,
            "version": loaded.version,
        }


def _model_info(loaded: Loaded) -> dict[str, object]:
    return {
        "sd_model_name": loaded.checkpoint.stem,
        "sd_model_hash": loaded.checkpoint.short_hash,
        "sd_vae_name": loaded.vae,
        "sd_vae_hash": None,
    }


def read_sampling(values: Values, sampler: Choice, rng: random.Random) -> Sampling:
    """Read a validated body.

    Args:
        values: A value for every field of ``txt2img`` or ``img2img``.
        sampler: What it samples with.
        rng: Chooses seeds where -1 was asked for.

    Raises:
        WebuiError: With the exception that SD WebUI raises for these numbers.
    """
    width, height = _whole(values, "width"), _whole(values, "height")
    batch_size, n_iter = _whole(values, "batch_size"), _whole(values, "n_iter")
    count = max(batch_size, 0) * max(n_iter, 0)
    hires = bool(values.get("enable_hr"))
    first_size = (width // LATENT_PIXELS * LATENT_PIXELS, height // LATENT_PIXELS * LATENT_PIXELS)
    _check(count, _whole(values, "steps"), width, height)
    size = target_of(values, (width, height)) if hires else first_size
    _check_memory(size[0] * size[1], count, batch_size)
    strength = _optional_number(values, "subseed_strength") or 0
    seed = _seed(values, "seed", rng)
    return Sampling(
        prompts=[_text(values, "prompt")] * count,
        negative_prompts=[_text(values, "negative_prompt")] * count,
        seeds=[seed if strength else seed + index for index in range(count)],
        subseed=_seed(values, "subseed", rng),
        subseed_strength=strength,
        sampler=sampler,
        batch_size=batch_size,
        n_iter=n_iter,
        steps=_whole(values, "steps"),
        cfg_scale=_optional_number(values, "cfg_scale") or 0.0,
        width=width,
        height=height,
        denoising_strength=_denoising_strength(values, hires=hires),
        first_size=first_size,
        size=size,
        extra={},
        hires=hires,
    )


def _check_memory(pixels: int, count: int, batch_size: int) -> None:
    if pixels * count > MAX_PICTURE_PIXELS or count > MAX_PICTURES:
        raise out_of_memory(pixels * batch_size * _BYTES_PER_PIXEL / 2**30)


def _check(count: int, steps: int, width: int, height: int) -> None:
    if count < 1:
        raise WebuiError.raised("IndexError", "list index out of range")
    if steps == 0:
        raise WebuiError.raised("ZeroDivisionError", "integer division or modulo by zero")
    if steps < 0:
        raise WebuiError.raised("RuntimeError", "number of steps must be non-negative")
    rows, columns = height // LATENT_PIXELS, width // LATENT_PIXELS
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


def _denoising_strength(values: Values, *, hires: bool) -> float | None:
    """How far to go from the picture that is there.

    Raises:
        WebuiError: A second pass has none (recorded), or image-to-image (not recorded: the same
            sum in ``setup_img2img_steps``, modules/sd_samplers_common.py).
    """
    strength = _optional_number(values, "denoising_strength")
    if strength is None and hires:
        raise WebuiError.raised(
            "TypeError", "'>' not supported between instances of 'NoneType' and 'int'"
        )
    if strength is None and "init_images" in values:
        raise WebuiError.raised(
            "TypeError", "'<' not supported between instances of 'float' and 'NoneType'"
        )
    return strength


def _whole(values: Values, name: str) -> int:
    value = values[name]
    if not isinstance(value, int):
        raise WebuiError.raised(
            "TypeError", "'<' not supported between instances of 'NoneType' and 'int'"
        )
    return value


def _optional_number(values: Values, name: str) -> float | None:
    value = values[name]
    return value if isinstance(value, int | float) else None


def _text(values: Values, name: str) -> str:
    value = values[name]
    return value if isinstance(value, str) else ""


def _seed(values: Values, name: str, rng: random.Random) -> int:
    value = values[name]
    return value if isinstance(value, int) and value != -1 else rng.randrange(_LARGEST_RANDOM_SEED)
