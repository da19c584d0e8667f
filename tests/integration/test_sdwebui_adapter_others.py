"""SD WebUI is used by others too: whose turn, whose clock, whose interrupt, and what is stuck."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from PIL import Image

from easel_agent.errors import (
    CancelledTaskError,
    RejectedTaskError,
    RuntimeBrokenError,
    RuntimeBusyError,
    TransientError,
)
from easel_agent.runtimes.base import RuntimeState
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui import turn as sdwebui_turn
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import BrokenReason
from easel_contract.task import TaskType
from easel_simulators.faults import Fault
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from tests.collected import generate

from .simulated_runtime import as_text, client_of, until

pytestmark = pytest.mark.integration

SMALL = {"prompt": "a lamp", "steps": 1, "width": 64, "height": 64, "seed": 1}
UPSCALE = {
    "image": as_text(Image.new("RGB", (32, 32), "red")),
    "upscaler_1": "Lanczos",
    "upscaling_resize": 2,
}
T2I, EXTRA = TaskType.TEXT_TO_IMAGE, TaskType.EXTRA_SINGLE_IMAGE
CANCELLED = CancelledTaskError("its sender has cancelled the task")


def adapter(url: str, *, timeout: float = 20, wait: float = 20) -> SdWebUi:
    return SdWebUi(url, task_timeout_seconds=timeout, wait_seconds=wait, dynamic_model=False)


def progress(url: str) -> dict[str, Any]:
    state: dict[str, Any] = requests.get(f"{url}/sdapi/v1/progress", timeout=5).json()["state"]
    return state


def outcomes(server: SimulatedSdWebui) -> list[str]:
    records: Any = server.stats()["records"]
    return [record["outcome"] for record in records]


@pytest.fixture(params=[True, False], ids=["web ui", "nowebui"])
def web_ui(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_the_clock_begins_with_the_tasks_own_job(web_ui: bool) -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=1.2, web_ui=web_ui)) as server:
        runtime = adapter(server.url, timeout=2.0)
        runtime.warm_up(Job())
        job = Job()
        with client_of(server.url) as somebody, ThreadPoolExecutor(1) as pool:
            theirs = somebody.generate_later()
            until(somebody.sampling, "somebody's job runs")
            task = pool.submit(generate, runtime, T2I, SMALL, job)
            until(lambda: somebody.pending() == 1, "ours waits behind it")
            assert job.begun_at is None
            assert runtime.progress() is None
            assert theirs.result().ok
            until(lambda: job.begun_at is not None, "ours has begun")
            assert task.result(timeout=10).pictures
            assert time.monotonic() - (job.begun_at or 0) < 2.0
        assert outcomes(server) == ["completed"] * 3


def test_waiting_behind_others_is_bounded_and_their_job_is_left_alone() -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=1.5)) as server:
        runtime = adapter(server.url)
        runtime.warm_up(Job())
        impatient = adapter(server.url, wait=0.4)
        impatient._look(Job())
        with client_of(server.url) as somebody:
            theirs = somebody.generate_later(n_iter=1, steps=20)
            until(somebody.sampling, "somebody's job runs")
            with pytest.raises(RuntimeBusyError, match="longer than"):
                generate(impatient, T2I, SMALL)
            assert theirs.result().ok
            until(lambda: outcomes(server)[1:] == ["completed", "interrupted"], "ours was ended")
        assert generate(runtime, T2I, SMALL).pictures


def test_an_overdue_job_is_stopped_and_only_that_one() -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=1.0)) as server:
        runtime = adapter(server.url, timeout=0.4)
        with client_of(server.url) as somebody, ThreadPoolExecutor(1) as pool:
            task = pool.submit(generate, runtime, T2I, SMALL)
            until(somebody.sampling, "ours runs")
            theirs = somebody.generate_later()
            with pytest.raises(RejectedTaskError) as refused:
                task.result(timeout=10)
            assert refused.value.error.code is TaskErrorCode.DEADLINE_EXCEEDED
            assert theirs.result().ok
        assert outcomes(server) == ["interrupted", "completed"]


def test_a_cancel_while_the_picture_is_encoded_leaves_the_next_job_alone() -> None:
    # SD WebUI encodes after it has begun somebody else's job.
    with SimulatedSdWebui(Behaviour(service_seconds=0.6, encode_seconds=1.5)) as server:
        runtime = adapter(server.url)
        generate(runtime, T2I, SMALL)
        with client_of(server.url) as somebody, ThreadPoolExecutor(1) as pool:
            job = Job()
            large = SMALL | {"width": 512, "height": 512}
            task = pool.submit(generate, runtime, T2I, large, job)
            until(somebody.sampling, "ours runs")
            theirs = somebody.generate_later(width=64, height=64)
            until(lambda: outcomes(server)[1:] == ["completed", "running"], "theirs runs")
            job.stop(CANCELLED)
            with pytest.raises(CancelledTaskError):
                task.result(timeout=10)
            assert theirs.result().ok
        assert outcomes(server)[1:] == ["completed", "completed"]


def test_a_job_that_cannot_be_stopped_breaks_the_runtime(
    monkeypatch: pytest.MonkeyPatch, web_ui: bool
) -> None:
    monkeypatch.setattr(sdwebui_turn, "_END_SECONDS", 0.5)
    with SimulatedSdWebui(Behaviour(web_ui=web_ui)) as server:
        server.faults.add(Fault("hang", seconds=30))
        with pytest.raises(RuntimeBrokenError, match="did not stop a job") as broken:
            generate(adapter(server.url, timeout=0.3), T2I, SMALL)
        assert broken.value.reason is BrokenReason.HANGS


def test_a_server_where_nothing_moves_is_broken() -> None:
    with SimulatedSdWebui() as server:
        runtime = adapter(server.url, wait=1.0)
        generate(runtime, T2I, SMALL)
        server.faults.add(Fault("hang", seconds=30))
        with client_of(server.url) as somebody, ThreadPoolExecutor(1):
            somebody.generate_later()
            until(lambda: runtime.state().reason != "", "somebody's job hangs")
            with pytest.raises(RuntimeBrokenError, match="nothing moved") as broken:
                generate(runtime, T2I, SMALL)
            assert broken.value.reason is BrokenReason.BUSY_FOR_EVER
            server.stop()


@pytest.mark.parametrize("tasktype", [T2I, EXTRA])
def test_a_failed_upscale_does_not_leave_the_server_stuck(tasktype: TaskType) -> None:
    with SimulatedSdWebui() as server:
        runtime = adapter(server.url)
        with pytest.raises(RejectedTaskError, match="could not find upscaler named Nope"):
            generate(runtime, EXTRA, UPSCALE | {"upscaler_1": "Nope"})
        assert runtime.state() == RuntimeState(answers=True)
        content = SMALL if tasktype is T2I else UPSCALE
        assert generate(runtime, tasktype, content).pictures


def test_a_server_that_is_stuck_when_it_is_first_seen_is_healed() -> None:
    with SimulatedSdWebui() as server:
        server.faults.add(Fault("busy_forever"))
        requests.post(f"{server.url}/sdapi/v1/txt2img", json=SMALL, timeout=5)
        assert progress(server.url)["job_count"] != 0
        runtime = adapter(server.url)
        assert runtime.is_ready()
        assert "busy with another job" in runtime.state().reason
        assert generate(runtime, T2I, SMALL).pictures
        assert runtime.state() == RuntimeState(answers=True)


@pytest.mark.parametrize("how", ["interrupt", "skip"])
def test_a_persons_interrupt_is_a_failure_that_may_be_tried_again(how: str) -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=20)) as server:
        runtime = adapter(server.url, timeout=60)
        with client_of(server.url) as person, ThreadPoolExecutor(1) as pool:
            task = pool.submit(generate, runtime, T2I, SMALL)
            until(person.sampling, "ours runs")
            person.post(f"/sdapi/v1/{how}")
            with pytest.raises(TransientError, match="interrupted by somebody") as failed:
                task.result(timeout=10)
        assert failed.value.answer
        assert failed.value.error.retryable


def test_an_interrupt_of_somebodys_job_before_is_not_taken_for_ours() -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=1)) as server:
        runtime = adapter(server.url)
        generate(runtime, T2I, SMALL)
        with client_of(server.url) as person:
            theirs = person.generate_later()
            until(person.sampling, "somebody's job runs")
            person.post("/sdapi/v1/interrupt")
            theirs.result()
        assert progress(server.url)["interrupted"]
        assert generate(runtime, T2I, SMALL).pictures


def test_a_job_that_is_cancelled_while_it_waits_ends_at_once(web_ui: bool) -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=1.0, web_ui=web_ui)) as server:
        runtime = adapter(server.url)
        runtime.warm_up(Job())
        with client_of(server.url) as somebody, ThreadPoolExecutor(1) as pool:
            theirs = somebody.generate_later()
            until(somebody.sampling, "somebody's job runs")
            job = Job()
            task = pool.submit(generate, runtime, T2I, SMALL, job)
            until(lambda: somebody.pending() == 1, "ours waits behind it")
            started = time.monotonic()
            job.stop(CANCELLED)
            with pytest.raises(CancelledTaskError):
                task.result(timeout=5)
            assert time.monotonic() - started < 0.8
            assert theirs.result().ok
            until(lambda: len(outcomes(server)) == 3, "ours has had its turn")
            until(lambda: "running" not in outcomes(server), "all have ended")
        # Without an id it cannot be told from others' jobs, and runs to its end.
        assert outcomes(server)[1:] == ["completed", "interrupted" if web_ui else "completed"]


def test_two_agents_work_side_by_side(web_ui: bool) -> None:
    tasks = [SMALL | {"seed": seed, "prompt": f"lamp {seed}"} for seed in range(6)]
    tasks[2] |= {"override_settings": {"CLIP_stop_at_last_layers": 2}}
    tasks[3] |= {"override_settings": {"eta_noise_seed_delta": 5}}
    with SimulatedSdWebui(Behaviour()) as server:
        alone = adapter(server.url)
        expected = [generate(alone, T2I, content).pictures for content in tasks]
    with SimulatedSdWebui(Behaviour(service_seconds=0.15, web_ui=web_ui)) as server:
        runtimes = [adapter(server.url), adapter(server.url)]

        def works(which: int) -> list[list[bytes]]:
            runtimes[which].warm_up(Job())
            mine = tasks[which::2]
            return [generate(runtimes[which], T2I, content).pictures for content in mine]

        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(works, range(2)))
        assert made == [expected[0::2], expected[1::2]]
        warm_ups = server.stats()["jobs"]
        assert isinstance(warm_ups, int)
        assert not web_ui or warm_ups - len(tasks) <= 2
        assert set(outcomes(server)) == {"completed"}


def test_an_agent_that_comes_to_a_server_which_is_never_idle_finds_its_settings() -> None:
    setting = "CLIP_stop_at_last_layers"
    with (
        SimulatedSdWebui(Behaviour(service_seconds=0.3, config_keys=[setting])) as server,
        client_of(server.url) as somebody,
    ):
        theirs = [somebody.generate_later(override_settings={setting: 2}) for _ in range(8)]
        until(somebody.sampling, "somebody's jobs run")
        runtime = adapter(server.url)
        runtime.warm_up(Job())
        assert runtime._settings.baseline([setting]) == {setting: 1}
        assert all(job.result().ok for job in theirs)
