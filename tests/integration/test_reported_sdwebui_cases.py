"""Public reports on SD WebUI and its like, each as its sender's request, to its callback."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image

from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_contract.errors import TaskErrorCode
from easel_contract.result import TaskResult
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from tests.unit.agent_world import BUCKET

from .reported_world import ReportedWorld, case, reported_world

pytestmark = pytest.mark.integration

STATIC = {"sdruntime": {"type": "sdwebui", "model_filename": "base.safetensors"}}
DYNAMIC = {"sddynamic": {"type": "sdwebui", "dynamic_model": True}}
BY_MODEL = {"sdruntime": {"type": "sdwebui", "model_filename": "v1-5-pruned-emaonly.safetensors"}}


@contextmanager
def world_with(
    models: list[str], runtimes: dict[str, Any]
) -> Iterator[tuple[SimulatedSdWebui, ReportedWorld]]:
    dynamic = runtimes is DYNAMIC
    with SimulatedSdWebui(Behaviour(models=models)) as server:
        runtime = SdWebUi(
            server.url, task_timeout_seconds=30, wait_seconds=30, dynamic_model=dynamic
        )
        with reported_world(runtime, "sdwebui", runtimes) as world:
            yield server, world


def made_by(world: ReportedWorld, result: TaskResult) -> str:
    """The checkpoint that a picture says it was drawn by."""
    assert result.result, result.error
    [uri] = result.image_url
    text = Image.open(io.BytesIO(world.read(uri))).info["parameters"]
    return text.partition("Model: ")[2].partition(",")[0]


def naming(path: str, checkpoint: str) -> dict[str, Any]:
    request: dict[str, Any] = case(path)
    request["task"]["content"]["alwayson_scripts"]["sd_model_checkpoint"] = checkpoint
    return request


@pytest.mark.parametrize(
    "name",
    [
        "anime/lamp-v3.safetensors",
        "lamp-v3.safetensors",
        "anime/lamp-v3",
        "lamp-v3",
        "anime_lamp-v3",
    ],
)
def test_a_checkpoint_in_a_subfolder_is_one_run(name: str) -> None:
    models = ["base.safetensors", "anime/lamp-v3.safetensors"]
    with world_with(models, DYNAMIC) as (_, world):
        result = world.done(naming("01-checkpoint-in-subfolder/request.json", name))
        assert made_by(world, result) == "lamp-v3"
        assert result.attempts == 1


@pytest.mark.parametrize("name", ["lamp [night].safetensors", "lamp [night]"])
def test_brackets_are_part_of_a_name(name: str) -> None:
    models = ["lamp [day].safetensors", "lamp [night].safetensors"]
    with world_with(models, DYNAMIC) as (_, world):
        result = world.done(naming("03-brackets-in-checkpoint-names/request.json", name))
        assert made_by(world, result) == "lamp [night]"


def test_an_unknown_hires_upscaler_is_the_callers_mistake() -> None:
    with world_with(["base.safetensors"], STATIC) as (_, world):
        result = world.done(case("05-unknown-hires-upscaler-is-retried/request.json"))
        assert result.error is not None
        assert result.error.code is TaskErrorCode.RUNTIME_REJECTED
        assert (result.error.retryable, result.attempts) == (False, 1)
        assert world.dead_letters() == 0


def test_sd_on_eks_uid_is_no_script() -> None:
    with world_with(["v1-5-pruned-emaonly.safetensors"], BY_MODEL) as (_, world):
        result = world.done(case("09-uid-in-v1alpha1/request.json"))
        assert made_by(world, result) == "v1-5-pruned-emaonly"


def test_an_s3_key_with_blanks_is_a_picture() -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, "PNG")
    with world_with(["base.safetensors"], STATIC) as (_, world):
        key = "in/Screenshot 2025-01-02 at 11.22.33.png"
        world.s3.put_object(Bucket=BUCKET, Key=key, Body=picture.getvalue())
        result = world.done(case("17-s3-key-with-a-blank/request.json"))
        assert made_by(world, result) == "base"


def test_pictures_come_although_the_caller_wants_none_sent() -> None:
    with world_with(["base.safetensors"], STATIC) as (_, world):
        result = world.done(case("19-send-images-false/request.json"))
        assert made_by(world, result) == "base"


def test_settings_do_not_stay() -> None:
    models = ["base.safetensors", "other.safetensors"]
    with world_with(models, STATIC) as (_, world):
        first, second, third = (
            world.done(case(f"20-settings-that-stay/{number}-request.json")) for number in (1, 2, 3)
        )
        assert first.error is not None  # a static runtime is never switched
        assert first.error.code is TaskErrorCode.RUNTIME_REJECTED
        assert made_by(world, second) == made_by(world, third) == "base"


def test_pictures_in_the_answer_are_the_ones_stored() -> None:
    with world_with(["base.safetensors"], STATIC) as (_, world):
        request = case("19-send-images-false/request.json")
        result = world.done(request)
        [uri] = result.image_url
        assert base64.b64decode(world.answer(result)["images"][0]) == world.read(uri)
