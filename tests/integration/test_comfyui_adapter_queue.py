"""The ComfyUI adapter beside other users of the same server: turns, clocks, interrupts."""

import io
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from easel_agent.errors import (
    CancelledTaskError,
    RejectedTaskError,
    RuntimeBusyError,
    TransientError,
)
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_agent.runtimes.comfyui.api import ComfyUiApi
from easel_agent.runtimes.job import Job
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TaskType
from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.faults import Fault
from tests.collected import Made, generate

from .simulated_comfyui import Api, Workflow, empty_image, text_to_image
from .simulated_runtime import until

pytestmark = pytest.mark.integration

LONG_SECONDS = 60.0
CANCELLED = CancelledTaskError("its sender has cancelled the task")


class Stage:
    """A simulated ComfyUI, and threads for the tasks of agents beside it."""

    def __init__(self, server: SimulatedComfyUi, pool: ThreadPoolExecutor) -> None:
        self.server = server
        self.api = Api(server.url)
        self._pool = pool

    def agent(self, *, timeout: float = 30.0, wait: float = 30.0) -> ComfyUi:
        return ComfyUi(self.server.url, task_timeout_seconds=timeout, wait_seconds=wait)

    def later(self, agent: ComfyUi, workflow: Workflow, job: Job | None = None) -> "Future[Made]":
        return self._pool.submit(generate, agent, TaskType.PIPELINE, workflow, job)

    def somebodys(self, seconds: float) -> str:
        """Has somebody's job run for some time; returns its id."""
        self.server.faults.add(Fault("slow", seconds=seconds))
        other = self.api.queue(text_to_image())
        until(lambda: self.api.running() == [other], "somebody's job runs")
        return other

    def waits(self) -> bool:
        return len(self.api.get("/queue")["queue_pending"]) == 1

    def status_of(self, prompt_id: str) -> str:
        return str(self.api.ended(prompt_id)["status"]["status_str"])


@pytest.fixture
def stage() -> Iterator[Stage]:
    with ThreadPoolExecutor(4) as pool, SimulatedComfyUi() as server:
        yield Stage(server, pool)


def test_the_clock_of_a_task_begins_with_its_own_job(stage: Stage) -> None:
    other, job = stage.somebodys(1.0), Job()
    stage.server.faults.add(Fault("slow", seconds=0.4))
    task = stage.later(stage.agent(timeout=0.7), text_to_image(seed=2), job)
    until(stage.waits, "ours waits")
    time.sleep(0.3)
    assert job.begun_at is None
    assert task.result().pictures
    assert job.begun_at is not None
    assert stage.status_of(other) == "success"


def test_a_wait_that_is_too_long_gives_the_turn_back(stage: Stage) -> None:
    other, job = stage.somebodys(LONG_SECONDS), Job()
    with pytest.raises(RuntimeBusyError, match=r"did not begin within 0\.3 s"):
        generate(stage.agent(wait=0.3), TaskType.PIPELINE, empty_image(1), job)
    assert job.begun_at is None
    assert stage.api.running() == [other]
    assert not stage.waits()


def test_a_task_that_is_stopped_while_it_waits_is_gone_at_once(stage: Stage) -> None:
    other, job = stage.somebodys(LONG_SECONDS), Job()
    task = stage.later(stage.agent(), empty_image(1), job)
    until(stage.waits, "ours waits")
    job.stop(CANCELLED)
    with pytest.raises(CancelledTaskError):
        task.result(timeout=1)
    assert stage.api.running() == [other]
    assert not stage.waits()


def test_a_job_that_somebody_takes_out_of_the_queue_is_tried_again(stage: Stage) -> None:
    stage.somebodys(LONG_SECONDS)
    task = stage.later(stage.agent(), empty_image(1))
    until(stage.waits, "ours waits")
    stage.api.post("/queue", {"clear": True})
    with pytest.raises(TransientError, match="somebody removed"):
        task.result(timeout=5)


def test_a_history_that_somebody_clears_while_the_job_runs_is_no_loss(stage: Stage) -> None:
    stage.server.faults.add(Fault("slow", seconds=0.8))
    task = stage.later(stage.agent(), empty_image(1))
    until(lambda: bool(stage.api.running()), "ours runs")
    stage.api.post("/history", {"clear": True})
    assert task.result().pictures


def test_a_history_that_somebody_clears_as_the_job_ends_is_no_dead_runtime(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    history_entry = ComfyUiApi.history_entry

    def cleared(api: ComfyUiApi, prompt_id: str, seconds: float | None = None) -> Any:
        if not stage.api.running():
            stage.api.post("/history", {"clear": True})
        return history_entry(api, prompt_id, seconds)

    monkeypatch.setattr(ComfyUiApi, "history_entry", cleared)
    monkeypatch.setattr("easel_agent.runtimes.comfyui.job._QUEUE_CHECK_SECONDS", 0.1)
    with pytest.raises(TransientError, match="somebody removed"):
        generate(stage.agent(), TaskType.PIPELINE, text_to_image())


def test_a_job_that_gets_its_turn_as_the_wait_ends_is_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = stage.somebodys(LONG_SECONDS)
    stage.server.faults.add(Fault("slow", seconds=0.5))
    withdraw = ComfyUiApi.withdraw

    def too_late(api: ComfyUiApi, prompt_id: str) -> None:
        monkeypatch.setattr(ComfyUiApi, "withdraw", withdraw)
        stage.api.post("/interrupt", {"prompt_id": other})
        until(lambda: stage.api.running() == [prompt_id], "ours runs")
        withdraw(api, prompt_id)

    monkeypatch.setattr(ComfyUiApi, "withdraw", too_late)
    assert generate(stage.agent(wait=0.3), TaskType.PIPELINE, text_to_image()).pictures


def test_an_overdue_job_never_takes_somebodys_with_it(stage: Stage) -> None:
    stage.server.faults.add(Fault("slow", seconds=LONG_SECONDS))
    task = stage.later(stage.agent(timeout=0.4), text_to_image())
    until(lambda: bool(stage.api.running()), "ours runs")
    other = stage.api.queue(empty_image(3))
    with pytest.raises(RejectedTaskError) as overdue:
        task.result()
    assert overdue.value.error.code is TaskErrorCode.DEADLINE_EXCEEDED
    assert stage.status_of(other) == "success"


def test_two_agents_work_side_by_side(stage: Stage) -> None:
    first, second = stage.agent(timeout=1.0), stage.agent(timeout=1.0)
    # Together they take longer than one of them may.
    for _ in range(6):
        stage.server.faults.add(Fault("slow", seconds=0.4))

    def colours(agent: ComfyUi, numbers: range) -> list[Any]:
        made = [generate(agent, TaskType.PIPELINE, empty_image(one)) for one in numbers]
        return [Image.open(io.BytesIO(one.pictures[0])).getpixel((0, 0)) for one in made]

    others = stage._pool.submit(colours, second, range(4, 7))
    assert colours(first, range(1, 4)) == [(0, 0, blue) for blue in (1, 2, 3)]
    assert others.result() == [(0, 0, blue) for blue in (4, 5, 6)]


def test_one_agents_cancel_leaves_the_others_job_alone(stage: Stage) -> None:
    stage.server.faults.add(Fault("slow", seconds=0.8))
    running = stage.later(stage.agent(), empty_image(1))
    until(lambda: bool(stage.api.running()), "the first runs")
    job = Job()
    waiting = stage.later(stage.agent(), empty_image(2), job)
    until(stage.waits, "the second waits")
    job.stop(CANCELLED)
    with pytest.raises(CancelledTaskError):
        waiting.result(timeout=1)
    assert running.result().pictures


def test_the_usual_task_asks_the_queue_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    place = ComfyUiApi.place
    monkeypatch.setattr(
        ComfyUiApi, "place", lambda api, prompt_id: asked.append(1) or place(api, prompt_id)
    )
    assert generate(stage.agent(), TaskType.PIPELINE, text_to_image()).pictures
    assert len(asked) <= 2
