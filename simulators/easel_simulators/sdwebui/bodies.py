"""The fields of each request body, from ``/openapi.json`` of SD WebUI 1.8.0.

1.10.1 has two more: a1111_1.10.1_generate_and_errors.json.

Their order is the order of ``parameters`` in the answer, which echoes them.
"""

from collections.abc import Sequence
from typing import Final

from easel_simulators.sdwebui.schema import (
    Field,
    array,
    boolean,
    integer,
    mapping,
    number,
    string,
)

_SAMPLING: Final = (
    Field("prompt", string, ""),
    Field("negative_prompt", string, ""),
    Field("styles", array),
    Field("seed", integer, -1),
    Field("subseed", integer, -1),
    Field("subseed_strength", number, 0),
    Field("seed_resize_from_h", integer, -1),
    Field("seed_resize_from_w", integer, -1),
    Field("sampler_name", string),
    Field("batch_size", integer, 1),
    Field("n_iter", integer, 1),
    Field("steps", integer, 50),
    Field("cfg_scale", number, 7.0),
    Field("width", integer, 512),
    Field("height", integer, 512),
    Field("restore_faces", boolean),
    Field("tiling", boolean),
    Field("do_not_save_samples", boolean, False),
    Field("do_not_save_grid", boolean, False),
    Field("eta", number),
)

_SIGMAS_AND_OVERRIDES: Final = (
    Field("s_min_uncond", number),
    Field("s_churn", number),
    Field("s_tmax", number),
    Field("s_tmin", number),
    Field("s_noise", number),
    Field("override_settings", mapping),
    Field("override_settings_restore_afterwards", boolean, True),
    Field("refiner_checkpoint", string),
    Field("refiner_switch_at", number),
    Field("disable_extra_networks", boolean, False),
    Field("firstpass_image", string),
    Field("comments", mapping),
)

_SCRIPTS_AND_ANSWER: Final = (
    Field("script_name", string),
    Field("script_args", array, [], nullable=False),
    Field("send_images", boolean, True, nullable=False),
    Field("save_images", boolean, False, nullable=False),
    Field("alwayson_scripts", mapping, {}, nullable=False),
    Field("infotext", string),
)

TXT2IMG: Final = (
    *_SAMPLING,
    Field("denoising_strength", number),
    *_SIGMAS_AND_OVERRIDES,
    Field("enable_hr", boolean, False),
    Field("firstphase_width", integer, 0),
    Field("firstphase_height", integer, 0),
    Field("hr_scale", number, 2.0),
    Field("hr_upscaler", string),
    Field("hr_second_pass_steps", integer, 0),
    Field("hr_resize_x", integer, 0),
    Field("hr_resize_y", integer, 0),
    Field("hr_checkpoint_name", string),
    Field("hr_sampler_name", string),
    Field("hr_prompt", string, ""),
    Field("hr_negative_prompt", string, ""),
    Field("force_task_id", string),
    Field("sampler_index", string, "Euler"),
    *_SCRIPTS_AND_ANSWER,
)

IMG2IMG: Final = (
    *_SAMPLING,
    Field("denoising_strength", number, 0.75),
    *_SIGMAS_AND_OVERRIDES,
    Field("init_images", array),
    Field("resize_mode", integer, 0),
    Field("image_cfg_scale", number),
    Field("mask", string),
    Field("mask_blur_x", integer, 4),
    Field("mask_blur_y", integer, 4),
    Field("mask_blur", integer),
    Field("mask_round", boolean, True),
    Field("inpainting_fill", integer, 0),
    Field("inpaint_full_res", boolean, True),
    Field("inpaint_full_res_padding", integer, 0),
    Field("inpainting_mask_invert", integer, 0),
    Field("initial_noise_multiplier", number),
    Field("latent_mask", string),
    Field("force_task_id", string),
    Field("sampler_index", string, "Euler"),
    Field("include_init_images", boolean, False, nullable=False),
    *_SCRIPTS_AND_ANSWER,
)

_UPSCALING: Final = (
    Field("resize_mode", integer, 0, nullable=False, choices=(0, 1)),
    Field("show_extras_results", boolean, True, nullable=False),
    Field("gfpgan_visibility", number, 0, nullable=False, minimum=0, maximum=1),
    Field("codeformer_visibility", number, 0, nullable=False, minimum=0, maximum=1),
    Field("codeformer_weight", number, 0, nullable=False, minimum=0, maximum=1),
    Field("upscaling_resize", number, 2, nullable=False, minimum=1, maximum=8),
    Field("upscaling_resize_w", integer, 512, nullable=False, minimum=1),
    Field("upscaling_resize_h", integer, 512, nullable=False, minimum=1),
    Field("upscaling_crop", boolean, True, nullable=False),
    Field("upscaler_1", string, "None", nullable=False),
    Field("upscaler_2", string, "None", nullable=False),
    Field("extras_upscaler_2_visibility", number, 0, nullable=False, minimum=0, maximum=1),
    Field("upscale_first", boolean, False, nullable=False),
)

EXTRA_SINGLE: Final = (*_UPSCALING, Field("image", string, "", nullable=False))

_FILE: Final = (
    Field("data", string, required=True, nullable=False),
    Field("name", string, required=True, nullable=False),
)

EXTRA_BATCH: Final = (
    *_UPSCALING,
    Field("imageList", array, [], required=True, nullable=False, items=_FILE),
)

PNG_INFO: Final = (Field("image", string, required=True, nullable=False),)

_SCHEDULERS: Final = {"sampler_name": "scheduler", "hr_sampler_name": "hr_scheduler"}


def with_schedulers(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields of a version that has schedules: one behind each sampler's name."""
    found: list[Field] = []
    for one in fields:
        found.append(one)
        if one.name in _SCHEDULERS:
            found.append(Field(_SCHEDULERS[one.name], string))
    return tuple(found)
