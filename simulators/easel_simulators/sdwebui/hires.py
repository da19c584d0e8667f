"""Hires fix and the refiner: what they ask for, and what infotexts tell of them.

Sizes and pairs as in ``StableDiffusionProcessingTxt2Img`` (AUTOMATIC1111 1.10.1,
modules/processing.py); the pairs' lengths are those of a1111_1.10.1_generate_and_errors.json.
"""

from collections.abc import Mapping
from typing import Final, cast

from easel_simulators.sdwebui.checkpoints import Checkpoint, Checkpoints
from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.settings import recorded_answer

LATENT_PIXELS: Final = 8
"""A side of one latent pixel, in picture pixels: sizes are rounded down to multiples of it."""

Size = tuple[int, int]
Values = Mapping[str, object]

_NO_REFINER: Final = (None, "", "None", "none")
_SAME_CHECKPOINT: Final = "Use same checkpoint"
_SAME_SAMPLER: Final = "Use same sampler"


def target_of(values: Values, size: Size) -> Size:
    """The size of the pictures after the second pass, in whole latent pixels.

    Args:
        values: A validated text-to-image body with ``enable_hr``.
        size: Width and height that were asked for, in pixels.

    Raises:
        WebuiError: 500: the scale is no finite number.
    """
    wanted = (_whole(values, "hr_resize_x"), _whole(values, "hr_resize_y"))
    if wanted == (0, 0):
        scale = _number(values, "hr_scale") or 1.0
        try:
            wanted = (int(size[0] * scale), int(size[1] * scale))
        except (OverflowError, ValueError) as error:
            raise WebuiError.raised(type(error).__name__, str(error)) from error
    elif wanted[1] == 0:
        wanted = (wanted[0], wanted[0] * size[1] // size[0])
    elif wanted[0] == 0:
        wanted = (wanted[1] * size[0] // size[1], wanted[1])
    width, height = (max(side // LATENT_PIXELS, 1) * LATENT_PIXELS for side in wanted)
    return width, height


def check(values: Values, checkpoints: Checkpoints) -> None:
    """Check the names that hires fix and the refiner are given.

    Raises:
        WebuiError: 500: a checkpoint or an upscaler is not there.
    """
    if values["refiner_checkpoint"] not in _NO_REFINER:
        _closest(values["refiner_checkpoint"], checkpoints)
    if not values.get("enable_hr"):
        return
    if _own_checkpoint(values):
        _closest(values["hr_checkpoint_name"], checkpoints)
    upscaler = values["hr_upscaler"]
    if upscaler is not None and upscaler not in _upscalers():
        raise WebuiError.raised("Exception", f"could not find upscaler named {upscaler}")


def told(
    values: Values, sampler: str, loaded: Checkpoint, checkpoints: Checkpoints, *, lazy: bool
) -> dict[str, object]:
    """Pairs of ``extra_generation_params``.

    Args:
        values: A validated body whose names have been checked.
        sampler: The sampler of the first pass.
        loaded: The checkpoint that is loaded.
        checkpoints: Finds the others.
        lazy: Whether the second pass's prompts and schedule are told as null, as 1.10.1 does.
    """
    pairs = _hires_pairs(values, sampler, checkpoints, lazy=lazy) if values.get("enable_hr") else {}
    if values["refiner_checkpoint"] not in _NO_REFINER:
        refiner = _closest(values["refiner_checkpoint"], checkpoints)
        if refiner.file_name != loaded.file_name:
            pairs["Refiner"] = refiner.short_title
            pairs["Refiner switch at"] = values["refiner_switch_at"]
    return pairs


def _hires_pairs(
    values: Values, sampler: str, checkpoints: Checkpoints, *, lazy: bool
) -> dict[str, object]:
    pairs: dict[str, object] = {"Denoising strength": values["denoising_strength"]}
    if _own_checkpoint(values):
        named = _closest(values["hr_checkpoint_name"], checkpoints)
        pairs["Hires checkpoint"] = named.short_title
    if values["hr_sampler_name"] not in (None, "", sampler, _SAME_SAMPLER):
        pairs["Hires sampler"] = values["hr_sampler_name"]
    if lazy:
        pairs |= dict.fromkeys(("Hires prompt", "Hires negative prompt", "Hires schedule type"))
    width, height = _whole(values, "hr_resize_x"), _whole(values, "hr_resize_y")
    if width or height:
        pairs["Hires resize"] = f"{width}x{height}"
    else:
        pairs["Hires upscale"] = values["hr_scale"]
    if values["hr_second_pass_steps"]:
        pairs["Hires steps"] = values["hr_second_pass_steps"]
    if values["hr_upscaler"] is not None:
        pairs["Hires upscaler"] = values["hr_upscaler"]
    return pairs


def _own_checkpoint(values: Values) -> bool:
    return values["hr_checkpoint_name"] not in (None, "", _SAME_CHECKPOINT)


def _closest(name: object, checkpoints: Checkpoints) -> Checkpoint:
    found = checkpoints.closest(str(name))
    if found is None:
        raise WebuiError.raised("Exception", f"Could not find checkpoint with name {name}")
    return found


def _upscalers() -> set[object]:
    lists = ("upscalers", "latent-upscale-modes")
    return {
        one["name"]
        for name in lists
        for one in cast("list[dict[str, object]]", recorded_answer(name))
    }


def _whole(values: Values, name: str) -> int:
    value = values[name]
    return value if isinstance(value, int) else 0


def _number(values: Values, name: str) -> float:
    value = values[name]
    return value if isinstance(value, int | float) else 0.0
