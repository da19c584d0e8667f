"""A job can be stopped from outside, and only that job: both adapters, simulated runtimes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from easel_agent.errors import CancelledTaskError, RuntimeDeadError
from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.comfyui import ComfyUi
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui import SdWebUi
from easel_contract.record import Progress
from easel_contract.task import TaskType
from easel_local.simulators.comfyui import Behaviour as ComfyUiBehaviour
from easel_local.simulators.comfyui import SimulatedComfyUi
from easel_local.simulators.faults import Fault
from easel_local.simulators.sdwebui import Behaviour as SdWebUiBehaviour
from easel_local.simulators.sdwebui import SimulatedSdWebui
from tests.collected import generate

from .simulated_comfyui import text_to_image
from .simulated_runtime import until

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

    def slow_down(self) -> None:
        self.server.faults.add(Fault("slow", seconds=LONG_SECONDS))


@pytest.fixture(params=["sdwebui", "comfyui"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "sdwebui":
        with SimulatedSdWebui() as webui:
            adapter = SdWebUi(webui.url, task_timeout_seconds=60, dynamic_model=False)
            content = {"prompt": "a dog", "steps": 2, "width": 64, "height": 64}
            yield Stage(webui, adapter, TaskType.TEXT_TO_IMAGE, content)
    else:
        with SimulatedComfyUi() as comfy:
            yield Stage(comfy, ComfyUi(comfy.url, 60), TaskType.PIPELINE, text_to_image())


def test_a_running_job_is_stopped_at_once_and_the_runtime_is_free(stage: Stage) -> None:
    stage.slow_down()
    job = Job()
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(stage.do, job)
        until(lambda: not stage.runtime.is_idle(), "the job runs")
        started = time.monotonic()
        job.stop(CANCELLED)
        with pytest.raises(CancelledTaskError):
            task.result(timeout=10)
        assert time.monotonic() - started < STOP_SECONDS
        assert stage.runtime.is_idle()
    assert stage.do().pictures


def test_a_job_that_was_stopped_before_it_began_never_begins(stage: Stage) -> None:
    job = Job()
    job.stop(CANCELLED)
    with pytest.raises(CancelledTaskError):
        stage.do(job)
    assert stage.runtime.is_idle()


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
        until(lambda: not stage.runtime.is_idle(), "the job runs")
        job.stop(RuntimeDeadError("the runtime does not answer"))
        with pytest.raises(RuntimeDeadError):
            task.result(timeout=10)


def progress_of(runtime: Runtime, tasktype: TaskType, content: dict[str, Any]) -> Progress:
    """Returns the first that a runtime tells of a task of 20 steps; stops the task then."""
    job, told = Job(), []

    def tells() -> bool:
        progress = runtime.progress()
        if progress is not None and progress.step:
            told.append(progress)
        return bool(told)

    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(generate, runtime, tasktype, content, job)
        until(tells, "the runtime tells its progress")
        job.stop(CANCELLED)
        with pytest.raises(CancelledTaskError):
            task.result(timeout=10)
    return told[0]


def test_sd_webui_tells_how_far_it_is() -> None:
    with SimulatedSdWebui(SdWebUiBehaviour(service_seconds=5)) as server:
        runtime = SdWebUi(server.url, task_timeout_seconds=60, dynamic_model=False)
        told = progress_of(runtime, TaskType.TEXT_TO_IMAGE, {"prompt": "a dog", "steps": 20})
    assert told.steps == 20
    assert 0 < told.percent < 100


def test_comfyui_tells_how_far_its_sampler_is() -> None:
    workflow = text_to_image()
    sampler = next(node for node in workflow.values() if node["class_type"] == "KSampler")
    sampler["inputs"]["steps"] = 20
    with SimulatedComfyUi(ComfyUiBehaviour(service_seconds=5)) as server:
        runtime = ComfyUi(server.url, 60)
        told = progress_of(runtime, TaskType.PIPELINE, workflow)
        assert runtime.progress() is None  # no job of ours runs
    assert told.steps == 20
    assert told.percent == pytest.approx(5 * (told.step or 0))


def test_a_runtime_that_does_not_answer_tells_nothing() -> None:
    started = time.monotonic()
    for runtime in (
        SdWebUi("http://127.0.0.1:9", task_timeout_seconds=60, dynamic_model=False),
        ComfyUi("http://127.0.0.1:9", 60),
    ):
        assert runtime.progress() is None
    assert time.monotonic() - started < 5
