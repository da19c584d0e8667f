"""A job can be stopped from outside, and only that job: both adapters, simulated runtimes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from easel_agent.errors import CancelledTaskError, RuntimeDeadError
from easel_agent.runtimes.base import Runtime, RuntimeState
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_contract.task import TaskType
from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.faults import Fault
from easel_simulators.sdwebui import Behaviour as SdWebUiBehaviour
from easel_simulators.sdwebui import SimulatedSdWebui
from tests.collected import generate

from .simulated_comfyui import Api, text_to_image
from .simulated_runtime import client_of, until

pytestmark = pytest.mark.integration

LONG_SECONDS = 30.0
STOP_SECONDS = 1.0
CANCELLED = CancelledTaskError("its sender has cancelled the task")


@dataclass
class Stage:
    """A simulated runtime and its adapter."""

    server: Any
    runtime: Runtime
    tasktype: TaskType
    content: dict[str, Any]

    def do(self, job: Job | None = None) -> Any:
        return generate(self.runtime, self.tasktype, self.content, job)

    def runtime_is_busy(self) -> bool:
        return self.runtime.state().reason != ""

    def outcomes(self) -> list[str]:
        """How its jobs ended, in order."""
        return [record["outcome"] for record in self.server.stats()["records"]]

    def slow_down(self) -> None:
        self.server.faults.add(Fault("slow", seconds=LONG_SECONDS))


def sd_webui(server: SimulatedSdWebui) -> SdWebUi:
    return SdWebUi(server.url, task_timeout_seconds=60, wait_seconds=60, dynamic_model=False)


@pytest.fixture(params=["sdwebui", "comfyui"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "sdwebui":
        with SimulatedSdWebui() as webui:
            content = {"prompt": "a dog", "steps": 2, "width": 64, "height": 64}
            yield Stage(webui, sd_webui(webui), TaskType.TEXT_TO_IMAGE, content)
    else:
        with SimulatedComfyUi() as comfy:
            yield Stage(
                comfy,
                ComfyUi(comfy.url, task_timeout_seconds=60, wait_seconds=60),
                TaskType.PIPELINE,
                text_to_image(),
            )


def test_a_running_job_is_stopped_at_once_and_the_runtime_is_free(stage: Stage) -> None:
    stage.slow_down()
    job = Job()
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(stage.do, job)
        until(stage.runtime_is_busy, "the job runs")
        started = time.monotonic()
        job.stop(CANCELLED)
        with pytest.raises(CancelledTaskError):
            task.result(timeout=10)
        assert time.monotonic() - started < STOP_SECONDS
        assert stage.runtime.state() == RuntimeState(answers=True)
    assert stage.do().pictures


def test_a_job_that_was_stopped_before_it_began_never_begins(stage: Stage) -> None:
    job = Job()
    job.stop(CANCELLED)
    with pytest.raises(CancelledTaskError):
        stage.do(job)
    assert stage.runtime.state() == RuntimeState(answers=True)


def test_a_stop_after_the_end_does_not_reach_the_next_job(stage: Stage) -> None:
    first, second = Job(), Job()
    assert stage.do(first).pictures
    first.stop(CANCELLED)
    assert stage.do(second).pictures


def test_a_job_that_is_given_up_ends_without_waiting_for_the_runtime(stage: Stage) -> None:
    stage.slow_down()
    job = Job()
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(stage.do, job)
        until(stage.runtime_is_busy, "the job runs")
        job.stop(RuntimeDeadError("the runtime does not answer"))
        with pytest.raises(RuntimeDeadError):
            task.result(timeout=10)


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.06, 0.09, 0.1, 0.11, 0.12, 0.15])
def test_a_stop_around_the_end_of_a_job_does_not_reach_the_next_one(
    stage: Stage, delay: float
) -> None:
    # The first ends by itself after about 0.1 s.
    stage.server.faults.add(Fault("slow", seconds=0.1))
    stage.server.faults.add(Fault("slow", seconds=0.6))
    job = Job()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stage.do, job)
        time.sleep(delay)
        job.stop(CANCELLED)
        assert first.exception(timeout=10) in (None, CANCELLED)
    assert stage.do().pictures
    until(lambda: stage.outcomes()[-1] != "running", "the next job has ended")
    assert stage.outcomes()[-1] == "completed"


def test_a_stop_of_a_waiting_job_of_sd_webui_leaves_somebodys_job_alone() -> None:
    with SimulatedSdWebui(SdWebUiBehaviour(service_seconds=1.5)) as server:
        stage = Stage(server, sd_webui(server), TaskType.TEXT_TO_IMAGE, {"prompt": "a dog"})
        stage.runtime.warm_up(Job())
        job = Job()
        with ThreadPoolExecutor(2) as pool, client_of(server.url) as somebody:
            theirs = somebody.generate_later()
            until(stage.runtime_is_busy, "somebody's job runs")
            task = pool.submit(stage.do, job)
            until(lambda: somebody.pending() == 1, "ours waits behind it")
            started = time.monotonic()
            job.stop(CANCELLED)
            with pytest.raises(CancelledTaskError):
                task.result(timeout=5)
            assert time.monotonic() - started < STOP_SECONDS
            assert theirs.result().ok
            until(lambda: stage.outcomes()[1:] == ["completed", "interrupted"], "ours was ended")
        assert stage.do().pictures


def test_a_stop_of_a_waiting_job_of_comfyui_leaves_somebodys_job_alone() -> None:
    with SimulatedComfyUi() as server:
        stage = Stage(
            server,
            ComfyUi(server.url, task_timeout_seconds=60, wait_seconds=60),
            TaskType.PIPELINE,
            text_to_image(),
        )
        stage.slow_down()
        api, job = Api(server.url), Job()
        other = api.queue(text_to_image())
        with ThreadPoolExecutor(1) as pool:
            until(lambda: api.running() == [other], "somebody's job runs")
            task = pool.submit(stage.do, job)
            until(lambda: len(api.get("/queue")["queue_pending"]) == 1, "ours waits behind it")
            job.stop(CANCELLED)
            with pytest.raises(CancelledTaskError):
                task.result(timeout=STOP_SECONDS)
        assert api.running() == [other]
        assert api.get("/queue")["queue_pending"] == []


def test_what_is_stopped_while_its_checkpoint_loads_never_begins() -> None:
    behaviour = SdWebUiBehaviour(load_seconds=1.0)
    with SimulatedSdWebui(behaviour) as server:
        runtime = SdWebUi(server.url, task_timeout_seconds=60, wait_seconds=60, dynamic_model=True)
        named = {"alwayson_scripts": {"sd_model_checkpoint": "sd15-b"}}
        job = Job()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(generate, runtime, TaskType.TEXT_TO_IMAGE, named, job)
            time.sleep(0.5)
            job.stop(CANCELLED)
            with pytest.raises(CancelledTaskError):
                task.result(timeout=10)
        assert server.stats()["jobs"] == 0


def test_a_load_is_given_up_where_the_runtime_is_dead() -> None:
    with SimulatedSdWebui(SdWebUiBehaviour(load_seconds=LONG_SECONDS)) as server:
        runtime = SdWebUi(server.url, task_timeout_seconds=60, wait_seconds=60, dynamic_model=True)
        named = {"alwayson_scripts": {"sd_model_checkpoint": "sd15-b"}}
        job = Job()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(generate, runtime, TaskType.TEXT_TO_IMAGE, named, job)
            time.sleep(0.5)
            job.stop(RuntimeDeadError("the runtime does not answer"))
            with pytest.raises(RuntimeDeadError):
                task.result(timeout=5)


def test_a_deaf_sd_webui_that_was_told_to_stop_is_given_up_when_it_is_dead() -> None:
    with SimulatedSdWebui() as server:
        stage = Stage(server, sd_webui(server), TaskType.TEXT_TO_IMAGE, {"prompt": "a dog"})
        server.faults.add(Fault("hang", seconds=LONG_SECONDS))
        job = Job()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(stage.do, job)
            until(stage.runtime_is_busy, "the job runs")
            job.stop(CANCELLED)
            with pytest.raises(TimeoutError):
                task.result(timeout=1)
            job.stop(RuntimeDeadError("the runtime does not answer"))
            with pytest.raises(CancelledTaskError):
                task.result(timeout=5)
