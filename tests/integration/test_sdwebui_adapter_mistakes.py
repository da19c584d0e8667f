"""Whose fault it is on SD WebUI as it answers, and which of its pictures is what."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from easel_agent.errors import RejectedTaskError, RuntimeBrokenError
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_contract.metrics import BrokenReason
from easel_contract.task import TaskType
from easel_simulators.faults import STICKY, Fault
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from tests.collected import Made, generate

from .simulated_runtime import as_text

pytestmark = pytest.mark.integration

SMALL = {"prompt": "a cat", "steps": 2, "width": 64, "height": 64, "seed": 1}
PICTURE = as_text(Image.new("RGB", (96, 64), "red"))
T2I = TaskType.TEXT_TO_IMAGE


def adapter(url: str) -> SdWebUi:
    return SdWebUi(url, task_timeout_seconds=20, wait_seconds=60, dynamic_model=False)


def sizes(made: Made) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(picture)).size for picture in made.pictures]


@pytest.fixture
def webui() -> Iterator[SimulatedSdWebui]:
    with SimulatedSdWebui() as server:
        yield server


HIRES = SMALL | {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.4}


@pytest.mark.parametrize(
    ("tasktype", "content", "says"),
    [
        (T2I, HIRES | {"hr_upscaler": "4x-NotThere"}, "could not find upscaler named 4x-NotThere"),
        (T2I, HIRES | {"hr_checkpoint_name": "nope"}, "Could not find checkpoint with name nope"),
        (
            T2I,
            SMALL | {"enable_hr": True, "hr_upscaler": "Latent"},
            "'>' not supported between instances",
        ),
        (
            T2I,
            SMALL | {"steps": 4, "refiner_checkpoint": "nope", "refiner_switch_at": 0.5},
            "Could not find checkpoint with name nope",
        ),
        (T2I, SMALL | {"n_iter": 0}, "list index out of range"),
        (T2I, SMALL | {"batch_size": 0}, "list index out of range"),
        (
            TaskType.IMAGE_TO_IMAGE,
            SMALL | {"init_images": [PICTURE, PICTURE]},
            "bad number of images passed: 2",
        ),
        (TaskType.IMAGE_TO_IMAGE, SMALL | {"init_images": []}, "Expected 3D"),
        (TaskType.EXTRA_BATCH_IMAGES, {"imageList": []}, "made no picture"),
    ],
)
def test_mistakes_that_1_10_answers_with_500_or_without_a_picture_cost_one_run(
    tasktype: TaskType, content: dict[str, Any], says: str
) -> None:
    with SimulatedSdWebui(Behaviour(version="1.10.1")) as server:
        with pytest.raises(RejectedTaskError, match=says) as refused:
            generate(adapter(server.url), tasktype, content)
        assert not refused.value.error.retryable
        jobs = server.stats()["jobs"]
        assert isinstance(jobs, int)
        assert jobs <= 2  # its own, and a small one where the server would stay stuck


@pytest.mark.parametrize("version", ["1.8.0", "1.10.1"])
def test_an_unknown_sampler_is_refused_before_a_run_and_a_known_one_drawn_with(
    version: str,
) -> None:
    with SimulatedSdWebui(Behaviour(version=version)) as server:
        runtime = adapter(server.url)
        for wrong in ({"sampler_name": "Eulr"}, {"scheduler": "Karas"}, {"sampler_index": "nope"}):
            with pytest.raises(RejectedTaskError, match="there is no s"):
                generate(runtime, T2I, SMALL | wrong)
        assert server.stats()["jobs"] == 0
        for right in (
            {"sampler_name": "k_euler"},
            {"sampler_name": "dpm++ 2m karras"},
            {"sampler_name": "DPM++ 2M", "scheduler": "karras"},
            {"sampler_index": "Euler a"},
        ):
            assert sizes(generate(runtime, T2I, SMALL | right)) == [(64, 64)]


@pytest.mark.parametrize("kind", sorted(STICKY))
def test_a_cuda_error_that_sticks_breaks_the_runtime(webui: SimulatedSdWebui, kind: str) -> None:
    webui.faults.add(Fault(kind))
    runtime = adapter(webui.url)
    for act in (lambda: generate(runtime, T2I, SMALL), lambda: runtime.warm_up(Job())):
        with pytest.raises(RuntimeBrokenError) as broken:
            act()
        assert broken.value.reason is BrokenReason.STICKY_DEVICE_ERROR


@pytest.mark.parametrize(("kind", "says"), [("two_devices", "two"), ("shape_mismatch", "mat1")])
def test_what_only_looks_like_a_device_failure_is_the_callers(
    webui: SimulatedSdWebui, kind: str, says: str
) -> None:
    webui.faults.add(Fault(kind))
    with pytest.raises(RejectedTaskError, match=says):
        generate(adapter(webui.url), T2I, SMALL)


def kinds(made: Made) -> list[str]:
    """What the stored files are, by the answer."""
    return [file["kind"] for file in json.loads(made.answer)["easel"]["files"]]


def test_extra_pictures_stand_behind_the_ones_asked_for_and_are_named(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url)
    masked = SMALL | {
        "init_images": [PICTURE],
        "mask": as_text(Image.new("L", (96, 64), 255)),
        "override_settings": {"return_mask": True, "return_mask_composite": True},
    }
    made = generate(runtime, TaskType.IMAGE_TO_IMAGE, masked)
    assert kinds(made) == ["picture", "mask", "mask_composite"]
    matrix = SMALL | {
        "prompt": "a|b",
        "script_name": "prompt matrix",
        "script_args": [False, False, "positive", "comma", 0],
    }
    made = generate(runtime, T2I, matrix)
    assert kinds(made) == ["picture", "picture", "grid"]
    assert sizes(made)[0] == sizes(made)[1] != sizes(made)[2]
