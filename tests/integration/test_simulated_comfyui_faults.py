"""How the simulated ComfyUI's device fails: once, for good, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.faults import STICKY, Fault

from .simulated_comfyui import Api, Workflow, empty_image, text_to_image
from .simulated_runtime import until

pytestmark = pytest.mark.integration

PROBES = ("/queue", "/prompt", "/system_stats", "/history", "/object_info/KSampler", "/api/jobs")
LONG_SECONDS = 60.0


@contextmanager
def served(*faults: Fault) -> Iterator[tuple[SimulatedComfyUi, Api]]:
    with SimulatedComfyUi(Behaviour(faults=faults)) as server:
        yield server, Api(server.url)


def last_message(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    kind, data = entry["status"]["messages"][-1]
    return kind, data


def failure(api: Api, workflow: Workflow) -> dict[str, Any]:
    kind, data = last_message(api.run(workflow))
    assert kind == "execution_error"
    return data


@pytest.mark.parametrize(
    ("kind", "says"), [("out_of_memory", "Allocation on device"), ("cuda_error", "CUDA error")]
)
def test_jobs_fail_as_often_as_asked(kind: str, says: str) -> None:
    with served(Fault(kind, 2)) as (server, api):
        for seed in (1, 2):
            data = failure(api, text_to_image(seed=seed))
            assert data["node_type"] == "KSampler"
            assert says in data["exception_message"]
        assert last_message(api.run(text_to_image(seed=3)))[0] == "execution_success"
        records: Any = server.stats()["records"]
    assert [record["outcome"] for record in records] == ["failed", "failed", "completed"]


@pytest.mark.parametrize(("kind", "says"), STICKY.items())
def test_after_a_sticky_error_every_job_fails_until_the_process_ends(kind: str, says: str) -> None:
    with served(Fault(kind)) as (server, api):
        for index in range(3):
            data = failure(api, text_to_image(seed=index) if index == 0 else empty_image(index))
            assert data["exception_type"] == "torch.AcceleratorError"
            assert data["exception_message"].startswith(f"CUDA error: {says}\n")
        assert data["node_type"] == "EmptyImage"
        assert [api.request(path).status_code for path in PROBES] == [200] * len(PROBES)
        server.restart()
        assert last_message(api.run(text_to_image()))[0] == "execution_success"


def test_what_is_cached_before_a_sticky_error_needs_no_device() -> None:
    with served() as (server, api):
        api.run(empty_image(1))
        server.faults.add(Fault("device_side_assert"))
        failure(api, {**empty_image(1), "9": empty_image(2)["1"], "8": saver_of("9")})
        assert last_message(api.run(empty_image(1)))[0] == "execution_success"


def saver_of(node_id: str) -> dict[str, Any]:
    inputs = {"images": [node_id, 0], "filename_prefix": "x"}
    return {"class_type": "SaveImage", "inputs": inputs}


def test_mixed_devices_break_nothing() -> None:
    with served(Fault("two_devices")) as (_, api):
        data = failure(api, text_to_image())
        assert (data["exception_type"], data["node_type"]) == ("RuntimeError", "KSampler")
        assert "found at least two devices, cuda:0 and cpu!" in data["exception_message"]
        assert last_message(api.run(text_to_image()))[0] == "execution_success"


def test_hang_is_deaf_to_interrupts() -> None:
    with served(Fault("hang", seconds=0.5)) as (_, api):
        prompt_id = api.queue(text_to_image())
        until(lambda: bool(api.running()), "it hangs")
        api.post("/interrupt")
        assert api.running() == [prompt_id]
        assert last_message(api.ended(prompt_id))[0] == "execution_interrupted"


def test_a_hang_without_end_holds_the_queue_until_the_process_ends() -> None:
    with served(Fault("hang")) as (server, api):
        hanging = api.queue(text_to_image())
        until(lambda: api.running() == [hanging], "it hangs")
        waiting = api.queue(empty_image(1))
        for body in ({"prompt_id": hanging}, {}):
            assert api.post("/interrupt", body).status_code == 200
        api.post("/queue", {"delete": [hanging]})
        assert api.running() == [hanging]
        assert api.get(f"/api/jobs/{hanging}")["status"] == "in_progress"
        assert api.get(f"/api/jobs/{waiting}")["status"] == "pending"
        assert [api.request(path).status_code for path in PROBES] == [200] * len(PROBES)
        server.restart()
        assert api.get(f"/history/{hanging}") == {}
        assert last_message(api.run(empty_image(1)))[0] == "execution_success"


@pytest.mark.parametrize("kind", ["ValueError", "RuntimeError", "KeyError", "SystemExit", "no"])
def test_what_was_saved_before_a_failure_stays(kind: str) -> None:
    workflow = {
        **empty_image(1, "early"),
        "5": {"class_type": "ProbeFail", "inputs": {"image": ["1", 0], "kind": kind}},
        "6": saver_of("5"),
    }
    with served() as (_, api):
        entry = api.run(workflow)
        data = last_message(entry)[1]
        assert (data["node_type"], sorted(data["executed"])) == ("ProbeFail", ["1", "2"])
        assert data["exception_type"] == (kind if kind.endswith("Error") else "RuntimeError")
        assert list(entry["outputs"]) == ["2"]
        (file,) = entry["outputs"]["2"]["images"]
        assert api.view(**file).status_code == 200


def test_what_was_saved_before_an_interrupt_stays() -> None:
    workflow = {**text_to_image(), **{f"e{key}": one for key, one in empty_image(1).items()}}
    workflow["e2"]["inputs"]["images"] = ["e1", 0]
    with served(Fault("slow", seconds=LONG_SECONDS)) as (_, api):
        prompt_id = api.queue(workflow)
        until(lambda: bool(api.running()), "it runs")
        until(lambda: saved(api, "cap_00001_.png"), "the first picture is saved")
        api.post("/interrupt", {"prompt_id": prompt_id})
        entry = api.ended(prompt_id)
    assert last_message(entry)[0] == "execution_interrupted"
    assert list(entry["outputs"]) == ["e2"]


def saved(api: Api, filename: str) -> bool:
    return api.view(filename=filename).status_code == 200


@pytest.mark.parametrize("body", [{"kind": "illegal_memory_access"}, {"kind": "two_devices"}])
def test_faults_are_asked_for_over_http(body: dict[str, str]) -> None:
    with served() as (_, api):
        assert requests.post(f"{api.url}/_sim/faults", json=body, timeout=5).status_code == 200
        failure(api, text_to_image())
