"""No task's setting reaches another on SD WebUI, and no checkpoint draws what another was to."""

import json
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import requests
from PIL import Image

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_contract.task import TaskType
from easel_simulators.faults import Fault
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from tests.collected import Made, generate

from .simulated_runtime import as_text, client_of, until

pytestmark = pytest.mark.integration

SMALL = {"prompt": "a lamp", "steps": 1, "width": 64, "height": 64, "seed": 1}
MODELS = ("base.safetensors", "other.safetensors", "anime/lamp-v3.safetensors")
PICTURE = as_text(Image.new("RGB", (32, 32), "red"))
T2I = TaskType.TEXT_TO_IMAGE


def adapter(url: str, *, dynamic: bool = False) -> SdWebUi:
    return SdWebUi(url, task_timeout_seconds=20, wait_seconds=20, dynamic_model=dynamic)


def overriding(**settings: Any) -> dict[str, Any]:
    return SMALL | {"override_settings": settings}


def by_script(name: str) -> dict[str, Any]:
    return SMALL | {"alwayson_scripts": {"sd_model_checkpoint": name}}


def options(url: str) -> dict[str, Any]:
    told: dict[str, Any] = requests.get(f"{url}/sdapi/v1/options", timeout=5).json()
    return told


def set_options(url: str, **values: Any) -> None:
    assert requests.post(f"{url}/sdapi/v1/options", json=values, timeout=5).ok


def made_by(made: Made) -> str:
    name: str = json.loads(json.loads(made.answer)["info"])["sd_model_name"]
    return name


@pytest.fixture(params=["1.8.0", "1.10.1"])
def webui(request: pytest.FixtureRequest) -> Iterator[SimulatedSdWebui]:
    with SimulatedSdWebui(Behaviour(models=MODELS, version=request.param)) as server:
        yield server


@pytest.mark.parametrize(
    "content",
    [
        overriding(CLIP_stop_at_last_layers=2, samples_format="jpg"),
        overriding(eta_noise_seed_delta=31337) | {"override_settings_restore_afterwards": False},
    ],
)
def test_an_override_ends_with_its_task(webui: SimulatedSdWebui, content: dict[str, Any]) -> None:
    runtime = adapter(webui.url)
    runtime.warm_up(Job())
    at_first = options(webui.url)
    before = generate(runtime, T2I, SMALL).pictures
    overridden = generate(runtime, T2I, content).pictures
    assert overridden != before
    assert options(webui.url) == at_first  # the server has restored them itself
    assert generate(runtime, T2I, SMALL).pictures == before
    assert options(webui.url) == at_first


def test_what_somebody_left_behind_is_put_right_before_the_next_task(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url)
    before = generate(runtime, T2I, SMALL).pictures
    for values in (
        {"CLIP_stop_at_last_layers": 3},
        {"samples_format": "webp", "eta_noise_seed_delta": 7},
        {"sd_model_checkpoint": "other.safetensors"},
    ):
        set_options(webui.url, **values)
        assert generate(runtime, T2I, SMALL).pictures == before
    raw = SMALL | {
        "override_settings": {"CLIP_stop_at_last_layers": 2, "sd_model_checkpoint": "other"},
        "override_settings_restore_afterwards": False,
    }
    assert requests.post(f"{webui.url}/sdapi/v1/txt2img", json=raw, timeout=5).ok
    assert generate(runtime, T2I, SMALL).pictures == before


def test_a_setting_left_behind_while_nobody_looked_has_the_task_drawn_again() -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS, service_seconds=0.3)) as server:
        runtime = adapter(server.url)
        runtime.warm_up(Job())
        before = generate(runtime, T2I, SMALL).pictures
        assert runtime._settings.is_clean  # nothing is looked at before the next
        jobs = server.stats()["jobs"]
        set_options(server.url, CLIP_stop_at_last_layers=2)
        assert generate(runtime, T2I, SMALL).pictures == before
        assert server.stats()["jobs"] == int(str(jobs)) + 2
        assert generate(runtime, T2I, SMALL).pictures == before
        assert server.stats()["jobs"] == int(str(jobs)) + 3


def test_an_upscale_is_not_made_by_settings_that_were_left_behind(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url)
    content = {"image": PICTURE, "upscaler_1": "Lanczos", "upscaling_resize": 2}
    before = generate(runtime, TaskType.EXTRA_SINGLE_IMAGE, content).pictures
    set_options(webui.url, samples_format="jpg")
    assert generate(runtime, TaskType.EXTRA_SINGLE_IMAGE, content).pictures == before


def test_unknown_settings_are_refused_before_a_run_and_all_named(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url)
    with pytest.raises(RejectedTaskError, match=r"no setting 'bar', 'foo'$"):
        generate(runtime, T2I, overriding(foo=1, samples_format="png", bar=2))
    assert webui.stats()["jobs"] == 0


@pytest.mark.parametrize("value", [["x"], "x", 3])
def test_overrides_that_are_no_object_are_refused(webui: SimulatedSdWebui, value: Any) -> None:
    with pytest.raises(RejectedTaskError, match="override_settings must be an object"):
        generate(adapter(webui.url), T2I, SMALL | {"override_settings": value})


@pytest.mark.parametrize(
    "name",
    ["base.safetensors", "base", "Stable-diffusion/base.safetensors"],
)
def test_a_static_runtime_takes_its_own_checkpoint_and_is_never_switched(
    webui: SimulatedSdWebui, name: str
) -> None:
    runtime = adapter(webui.url)
    for content in (by_script(name), overriding(sd_model_checkpoint=name), SMALL):
        assert made_by(generate(runtime, T2I, content)) == "base"
    jobs = webui.stats()["jobs"]
    refused = overriding(sd_model_checkpoint="other.safetensors") | {
        "override_settings_restore_afterwards": False
    }
    for content in (refused, by_script("other"), by_script("anime/lamp-v3")):
        with pytest.raises(RejectedTaskError, match="does not switch checkpoints"):
            generate(runtime, T2I, content)
    assert webui.stats()["jobs"] == jobs
    assert made_by(generate(runtime, T2I, SMALL)) == "base"


@pytest.mark.parametrize(
    "name",
    ["anime/lamp-v3.safetensors", "lamp-v3.safetensors", "lamp-v3", "anime_lamp-v3"],
)
def test_a_dynamic_runtime_finds_a_checkpoint_in_a_subfolder(
    webui: SimulatedSdWebui, name: str
) -> None:
    runtime = adapter(webui.url, dynamic=True)
    for content in (by_script(name), overriding(sd_model_checkpoint=name)):
        assert made_by(generate(runtime, T2I, content)) == "lamp-v3"
        assert made_by(generate(runtime, T2I, SMALL)) == "base"


def test_two_names_for_two_checkpoints_are_refused(webui: SimulatedSdWebui) -> None:
    content = by_script("base") | {"override_settings": {"sd_model_checkpoint": "other"}}
    with pytest.raises(RejectedTaskError, match="name two checkpoints"):
        generate(adapter(webui.url, dynamic=True), T2I, content)


def test_a_checkpoint_of_a_hash_that_is_computed_late_is_the_same_one() -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS, hashes_cached=False)) as server:
        runtime = adapter(server.url)
        for content in (SMALL, by_script("base"), SMALL):
            assert made_by(generate(runtime, T2I, content)) == "base"


def test_an_infotext_that_asks_for_another_checkpoint_does_not_switch_the_next_task(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url)
    before = generate(runtime, T2I, SMALL).pictures
    content = {"infotext": "a cat\nSteps: 1, Sampler: Euler, Seed: 5, Size: 64x64, Clip skip: 2"}
    generate(runtime, T2I, content)
    assert generate(runtime, T2I, SMALL).pictures == before


def test_the_settings_of_a_new_process_are_its_own() -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS)) as first:
        runtime = adapter(first.url)
        generate(runtime, T2I, SMALL)
        port = int(first.url.rpartition(":")[2])
    assert not runtime.is_ready()  # as its monitor sees it
    with SimulatedSdWebui(Behaviour(models=("new.safetensors",)), port=port) as second:
        assert made_by(generate(runtime, T2I, SMALL)) == "new"
        assert second.stats()["jobs"] == 1


def test_a_process_that_nobody_saw_end_is_known_by_its_first_state() -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS)) as first:
        runtime = adapter(first.url)
        generate(runtime, T2I, SMALL)
        port = int(first.url.rpartition(":")[2])
    time.sleep(0.2)  # a process takes longer to start
    with SimulatedSdWebui(Behaviour(models=("new.safetensors",)), port=port):
        assert made_by(generate(runtime, T2I, SMALL)) == "new"


def test_a_stall_does_not_make_what_was_left_behind_the_rule(webui: SimulatedSdWebui) -> None:
    runtime = adapter(webui.url)
    before = generate(runtime, T2I, SMALL).pictures
    set_options(webui.url, CLIP_stop_at_last_layers=2)
    with patch.object(runtime._watcher, "read", side_effect=RuntimeDeadError("it stalls")):
        assert not runtime.is_ready()
    assert generate(runtime, T2I, SMALL).pictures == before


def test_a_failed_task_leaves_nothing_behind(webui: SimulatedSdWebui) -> None:
    runtime = adapter(webui.url)
    before = generate(runtime, T2I, SMALL).pictures
    webui.faults.add(Fault("out_of_memory"))
    with pytest.raises(TransientError):
        generate(runtime, T2I, overriding(CLIP_stop_at_last_layers=4))
    assert generate(runtime, T2I, SMALL).pictures == before


def test_pictures_are_always_sent(webui: SimulatedSdWebui) -> None:
    content = SMALL | {"send_images": False, "save_images": True}
    made = generate(adapter(webui.url), T2I, content)
    assert len(made.pictures) == 1


def test_settings_of_a_job_that_runs_are_left_to_it() -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS, service_seconds=0.6)) as server:
        runtime = adapter(server.url)
        before = generate(runtime, T2I, SMALL).pictures
        with client_of(server.url) as somebody:
            theirs = somebody.generate_later(override_settings={"CLIP_stop_at_last_layers": 2})
            until(somebody.sampling, "somebody's job runs")
            runtime._settings.is_clean = False
            assert generate(runtime, T2I, SMALL).pictures == before
            told = json.loads(theirs.result().json()["info"])
            assert "Clip skip: 2" in told["infotexts"][0]
