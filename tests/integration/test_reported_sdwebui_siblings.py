"""What is reported of SD WebUI beside the cases, of the same kinds, as senders' requests."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from easel_contract.errors import TaskErrorCode
from easel_http.events import RefusedRequestError
from easel_simulators.sdwebui import SimulatedSdWebui

from .reported_world import ReportedWorld
from .test_reported_sdwebui_cases import BY_MODEL, DYNAMIC, STATIC, made_by, world_with

pytestmark = pytest.mark.integration

MODELS = [
    "base.safetensors",
    "SDXL/国风 v3.2 [fp16].safetensors",
    "lamp.ckpt",
    "a/lamp.safetensors",
]
CHINESE = "国风 v3.2 [fp16]"


def picture(mode: str = "RGB") -> str:
    buffer = io.BytesIO()
    Image.new(mode, (64, 64), "red" if mode == "RGB" else 255).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def task(
    tasktype: str = "text-to-image", runtime: str = "sdruntime", **more: Any
) -> dict[str, Any]:
    metadata = {"id": "sibling", "runtime": runtime, "tasktype": tasktype, "prefix": "cases"}
    small = {"prompt": "a lamp", "steps": 1, "width": 64, "height": 64}
    content = more if tasktype.startswith("extra") else small | more
    return {"task": {"metadata": metadata, "content": content}}


def v1alpha1(checkpoint: str, **scripts: Any) -> dict[str, Any]:
    own = {"task": "text-to-image", "sd_model_checkpoint": checkpoint, "id_task": "sibling"}
    return {
        "alwayson_scripts": own | scripts,
        "prompt": "a lamp",
        "steps": 1,
        "width": 64,
        "height": 64,
    }


@pytest.fixture
def dynamic() -> Iterator[ReportedWorld]:
    with world_with(MODELS, DYNAMIC) as (_, world):
        yield world


@pytest.fixture
def static() -> Iterator[tuple[SimulatedSdWebui, ReportedWorld]]:
    with world_with(["base.safetensors", "other.safetensors"], STATIC) as (server, world):
        yield server, world


NAMES: tuple[tuple[str, str | None], ...] = (
    ("SDXL/国风 v3.2 [fp16].safetensors", CHINESE),
    ("SDXL\\国风 v3.2 [fp16].safetensors", CHINESE),
    ("国风 v3.2 [fp16]", CHINESE),
    ("sdxl/国风 V3.2 [FP16]", CHINESE),
    ("models/Stable-diffusion/SDXL/国风 v3.2 [fp16].safetensors", CHINESE),
    ("lamp.ckpt", "lamp"),
    ("a/lamp", "lamp"),
    ("base.safetensors [0000000000]", None),
    ("base.safetensors [wrong]", None),
    ("bas", None),
    ("base.ckpt", None),
)


def test_a_checkpoint_under_any_of_its_names_or_none(dynamic: ReportedWorld) -> None:
    for number, (name, drawn_by) in enumerate(NAMES):
        named = {"sd_model_checkpoint": name}
        result = dynamic.done(
            task(
                runtime="sddynamic",
                **{"alwayson_scripts" if number % 2 else "override_settings": named},
            )
        )
        assert result.attempts == 1, name
        if drawn_by is not None:
            assert made_by(dynamic, result) == drawn_by, name
        else:
            assert result.error is not None, name
            assert result.error.code is TaskErrorCode.RUNTIME_REJECTED, name
            assert "known: " in result.error.message, name


def test_v1alpha1_finds_the_runtime_by_other_names_of_its_checkpoint() -> None:
    with world_with(["v1-5-pruned-emaonly.safetensors", "other.ckpt"], BY_MODEL) as (_, world):
        for name in ("v1-5-pruned-emaonly", "V1-5-Pruned-EMAonly.safetensors"):
            assert made_by(world, world.done(v1alpha1(name))) == "v1-5-pruned-emaonly"
        wrong = world.done(v1alpha1("v1-5-pruned-emaonly.safetensors [0123456789]"))
        assert wrong.error is not None
        assert "has that hash" in wrong.error.message
        for name in ("v1-5-pruned-emaonly.ckpt", "v1-5-pruned", "other.ckpt"):
            with pytest.raises(RefusedRequestError):
                world.post(v1alpha1(name))


I2I: dict[str, Any] = {"init_images": [picture()], "denoising_strength": 0.5}
HIRES = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.5}


MISTAKES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("text-to-image", {"steps": 0}),
    ("text-to-image", {"steps": -1}),
    ("text-to-image", {"steps": "ten"}),
    ("text-to-image", {"width": 0}),
    ("text-to-image", {"n_iter": 0}),
    ("text-to-image", {"batch_size": 0}),
    ("text-to-image", {"sampler_name": "Nope"}),
    ("text-to-image", {"scheduler": "Nope"}),
    ("text-to-image", {**HIRES, "hr_sampler_name": "Nope"}),
    ("text-to-image", {**HIRES, "hr_checkpoint_name": "nope"}),
    ("text-to-image", {"enable_hr": True, "hr_scale": 2}),
    ("text-to-image", {"refiner_checkpoint": "nope", "refiner_switch_at": 0.5, "steps": 4}),
    ("text-to-image", {"script_name": "nope"}),
    ("text-to-image", {"alwayson_scripts": {"nope": {"args": []}}}),
    ("text-to-image", {"alwayson_scripts": []}),
    ("text-to-image", {"override_settings": {"nope": 1}}),
    ("text-to-image", {"override_settings": {"sd_model_checkpoint": "other"}}),
    ("image-to-image", {}),
    ("image-to-image", {"init_images": []}),
    ("image-to-image", {"init_images": [None]}),
    ("image-to-image", {"init_images": ["%%"]}),
    ("image-to-image", {"init_images": [picture(), picture()]}),
    ("image-to-image", {**I2I, "mask": "%%"}),
    ("extra-single-image", {"image": picture(), "upscaler_1": "Nope"}),
    ("extra-single-image", {"upscaler_1": "Lanczos"}),
    ("extra-batch-images", {"imageList": [], "upscaler_1": "Lanczos"}),
)


def test_a_callers_mistake_costs_one_run_and_no_dead_letter(
    static: tuple[SimulatedSdWebui, ReportedWorld],
) -> None:
    _, world = static
    for tasktype, content in MISTAKES:
        result = world.done(task(tasktype, **content))
        assert result.error is not None, content
        assert (result.error.retryable, result.attempts) == (False, 1), (content, result.error)
    assert world.dead_letters() == 0
    assert made_by(world, world.done(task())) == "base"


EXTRAS: tuple[tuple[str, dict[str, Any], list[str]], ...] = (
    (
        "image-to-image",
        {**I2I, "mask": picture("L"), "override_settings": {"return_mask_composite": True}},
        ["picture", "mask_composite"],
    ),
    (
        "image-to-image",
        {
            **I2I,
            "mask": picture("L"),
            "n_iter": 2,
            "override_settings": {"return_mask": True, "return_mask_composite": True},
        },
        ["picture", "picture", "mask", "mask_composite", "mask", "mask_composite"],
    ),
    (
        "text-to-image",
        {
            "prompt": "a|b",
            "script_name": "prompt matrix",
            "script_args": [False, False, "positive", "comma", 0],
        },
        ["picture", "picture", "grid"],
    ),
)


def test_pictures_that_were_not_asked_for_come_last_and_are_named(
    static: tuple[SimulatedSdWebui, ReportedWorld],
) -> None:
    _, world = static
    for tasktype, content, kinds in EXTRAS:
        result = world.done(task(tasktype, **content))
        assert result.result, result.error
        assert [file["kind"] for file in world.answer(result)["easel"]["files"]] == kinds
        assert len(result.image_url) == len(kinds)


SETTINGS: tuple[dict[str, Any], ...] = (
    {"sd_vae": "nope.pt"},
    {"CLIP_stop_at_last_layers": 2, "samples_format": "jpg"},
    {"samples_format": "webp", "sd_vae": "None", "eta_noise_seed_delta": 31337},
)


def test_the_next_picture_is_as_if_there_had_been_none_before(
    static: tuple[SimulatedSdWebui, ReportedWorld],
) -> None:
    _, world = static
    alone = world.read(world.done(task(seed=1)).image_url[0])
    for settings in SETTINGS:
        world.done(
            task(
                seed=1,
                override_settings=settings,
                override_settings_restore_afterwards=False,
                infotext="a cat\nSteps: 1, Clip skip: 2, VAE: x.pt, ENSD: 7",
            )
        )
        assert world.read(world.done(task(seed=1)).image_url[0]) == alone, settings
