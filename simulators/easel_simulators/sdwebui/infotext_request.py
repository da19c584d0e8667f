"""The body's field ``infotext``: its pairs become fields and overrides of the request.

As AUTOMATIC1111 does it from 1.8.0 on (``apply_infotext`` in modules/api/api.py,
``get_override_settings`` in modules/infotext_utils.py; recorded for 1.10.1): a field that the body
names itself stays; a setting is overridden where its value in force is another, which pairs that
are missing bring about too (no "Clip skip" means 1).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, cast

from easel_simulators.sdwebui import infotext
from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.samplers import SCHEDULE_TYPE, ListedSamplers
from easel_simulators.sdwebui.settings import CHECKPOINT, CLIP_SKIP, VAE, Settings

Pairs = Mapping[str, object]
Values = Mapping[str, object]

_FIELDS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "prompt": ("Prompt", str),
    "negative_prompt": ("Negative prompt", str),
    "steps": ("Steps", int),
    "cfg_scale": ("CFG scale", float),
    "width": ("Size-1", int),
    "height": ("Size-2", int),
    "batch_size": ("Batch size", int),
    "seed": ("Seed", int),
    "subseed": ("Variation seed", int),
    "subseed_strength": ("Variation seed strength", float),
    "denoising_strength": ("Denoising strength", float),
    "hr_scale": ("Hires upscale", float),
    "hr_upscaler": ("Hires upscaler", str),
    "hr_second_pass_steps": ("Hires steps", int),
    "hr_resize_x": ("Hires resize-1", int),
    "hr_resize_y": ("Hires resize-2", int),
    "hr_checkpoint_name": ("Hires checkpoint", str),
    "hr_sampler_name": ("Hires sampler", str),
    "hr_scheduler": ("Hires schedule type", str),
    "hr_prompt": ("Hires prompt", str),
    "hr_negative_prompt": ("Hires negative prompt", str),
}

_SETTINGS: Final[Mapping[str, str]] = {
    "Clip skip": CLIP_SKIP,
    "Model hash": CHECKPOINT,
    "VAE": VAE,
    "ENSD": "eta_noise_seed_delta",
    "RNG": "randn_source",
    "Emphasis": "emphasis",
    "FP8 weight": "fp8_storage",
    "VAE Encoder": "sd_vae_encode_method",
    "VAE Decoder": "sd_vae_decode_method",
    "Schedule max sigma": "sigma_max",
    "Schedule min sigma": "sigma_min",
    "Schedule rho": "rho",
}


def applied(
    values: Values, given: Collection[str], settings: Settings, samplers: ListedSamplers
) -> dict[str, object]:
    """The body with its infotext's pairs in the fields that it does not name itself.

    Args:
        values: A validated body.
        given: The fields that the body names.
        settings: Those in force.
        samplers: The server's.

    Raises:
        WebuiError: A pair is no number where one is needed.
    """
    if not values["infotext"]:
        return dict(values)
    pairs = infotext.parse(str(values["infotext"]))
    if samplers.has_schedulers:
        pairs.setdefault("Hires schedule type", "Use same scheduler")
    found = _fields(pairs, samplers)
    changed = {name: value for name, value in found.items() if name in values.keys() - given}
    overrides = dict(cast("Values", values["override_settings"] or {}))
    for name, value in _overrides(pairs, settings).items():
        overrides.setdefault(name, value)
    return {**values, **changed, "override_settings": overrides}


def _fields(pairs: Pairs, samplers: ListedSamplers) -> dict[str, object]:
    found = {
        name: _converted(pairs[label], convert)
        for name, (label, convert) in _FIELDS.items()
        if label in pairs
    }
    if "Sampler" in pairs:
        sampler, schedule = samplers.named(str(pairs["Sampler"]), str(pairs[SCHEDULE_TYPE]))
        found |= {"sampler_name": sampler, "scheduler": schedule}
    found["enable_hr"] = "Denoising strength" in pairs
    return found


def _overrides(pairs: Pairs, settings: Settings) -> dict[str, object]:
    found: dict[str, object] = {}
    for label, name in _SETTINGS.items():
        if label not in pairs or (name == CHECKPOINT and settings.get("disable_weights_auto_swap")):
            continue
        now = settings.get(name)
        value = _converted(pairs[label], str if now is None else type(now))
        if value != now:
            found[name] = value
    return found


def _converted(value: object, convert: Callable[[str], object]) -> object:
    try:
        return convert(str(value))
    except ValueError as error:
        raise WebuiError.raised("ValueError", str(error)) from error
