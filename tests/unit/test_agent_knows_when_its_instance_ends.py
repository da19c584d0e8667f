"""Which tasks an agent still finishes where it knows when its instance ends."""

import threading
import time
from typing import Any

import pytest

from easel_agent import task_forecast
from easel_agent.errors import InterruptedTaskError, RuntimeDeadError
from easel_agent.prefetch_policy import PrefetchPolicy
from easel_agent.runtimes.job import Job
from easel_agent.stopping import Stopping
from easel_agent.task_forecast import TaskForecast
from easel_contract.record import Progress
from easel_contract.task import TaskType

from .agent_world import DEADLINE_SECONDS, World, eventually

pytestmark = pytest.mark.unit

T2I = TaskType.TEXT_TO_IMAGE


class Policy(PrefetchPolicy):
    """Expects the running job to end in so many seconds."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__()
        self.seconds = seconds

    def expected_end_seconds(self) -> float | None:
        return self.seconds


def job_that_runs_for(seconds: float, monkeypatch: pytest.MonkeyPatch) -> Job:
    job = Job()
    job.begun(at=1000.0)

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return 1000.0 + seconds

    monkeypatch.setattr(task_forecast, "time", Clock)
    return job


@pytest.mark.parametrize(
    ("percent", "steps", "usual", "left"),
    [
        # Half of it is done, and the step that it is at perhaps as well.
        (51.0, 20, 300.0, 10 * 45 / 55),
        (51.0, None, None, 10.0),
        # One step of a hundred in ten seconds; others of its kind took less.
        (2.0, 100, 30.0, 10 * 98 / 2),
        # One step says little where others of its kind take longer.
        (6.0, 20, 300.0, 300.0),
        # Before the first step the model may be loading.
        (1.0, 20, 40.0, 40.0),
        (1.0, 1, None, 0.0),
        # It takes longer than others of its kind: nobody knows how much.
        (1.0, 20, -5.0, 0.0),
        (100.0, 20, 300.0, 0.0),
    ],
)
def test_how_long_a_task_will_take(
    percent: float,
    steps: int | None,
    usual: float | None,
    left: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Progress(percent=percent, step=0, steps=steps)
    forecast = TaskForecast(Policy(usual), lambda: told)
    job = job_that_runs_for(10, monkeypatch)
    assert forecast.seconds_left(job) == pytest.approx(left, abs=0.01)


def test_a_runtime_that_tells_of_one_node_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_that_runs_for(10, monkeypatch)
    assert TaskForecast(Policy(70.0), None).seconds_left(job) == 70
    assert TaskForecast(Policy(None), None).seconds_left(job) == 0


def test_a_job_that_has_not_begun_takes_what_others_take() -> None:
    told = Progress(percent=90)
    assert TaskForecast(Policy(70.0), lambda: told).seconds_left(Job()) == 70


def seen_out(
    job: Job, usual: float, *, ends_in: float | None, seconds: float, grace: float = 700
) -> bool:
    """Whether the job may go on for so long after a stop."""
    stopping = Stopping(TaskForecast(Policy(usual), None))
    stopping.ask(grace)
    if ends_in is not None:
        stopping.instance_ends_in(ends_in)
    is_over = threading.Event()
    thread = threading.Thread(target=stopping.see_out, args=(lambda: job, is_over))
    thread.start()
    time.sleep(seconds)
    is_over.set()
    thread.join(DEADLINE_SECONDS)
    return job.error is None


def test_told_that_120_s_are_left() -> None:
    assert seen_out(Job(), 5, ends_in=120, seconds=0.3)
    assert seen_out(Job(), 60, ends_in=120, seconds=0.3)
    job = Job()
    assert not seen_out(job, 300, ends_in=120, seconds=0.3)
    assert isinstance(job.error, InterruptedTaskError)
    assert str(job.error) == "its instance ends in 120 s, the task in about 300 s"


def test_ten_seconds_are_kept_for_storing() -> None:
    assert seen_out(Job(), 105, ends_in=120, seconds=0.2)
    assert not seen_out(Job(), 115, ends_in=120, seconds=0.2)


def test_a_scale_in_leaves_the_whole_grace_to_a_task() -> None:
    assert seen_out(Job(), 300, ends_in=None, grace=100, seconds=0.3)
    assert not seen_out(Job(), 300, ends_in=None, grace=0.2, seconds=0.8)


def test_a_task_of_unknown_length_is_given_back_at_the_end() -> None:
    assert seen_out(Job(), 0, ends_in=12, seconds=1)
    assert not seen_out(Job(), 0, ends_in=10.5, seconds=1.2)


def test_an_instance_never_gives_more_than_the_grace() -> None:
    assert not seen_out(Job(), 0, ends_in=120, grace=0.2, seconds=0.8)


def test_a_runtime_that_does_not_stop_is_not_waited_for() -> None:
    told: list[Exception] = []
    job = Job()
    with job.interruptible(told.append):
        assert not seen_out(job, 300, ends_in=120, seconds=2)
    # Its task is one that was interrupted, whatever became of the runtime.
    assert isinstance(job.error, InterruptedTaskError)
    assert [type(error) for error in told[:2]] == [InterruptedTaskError, RuntimeDeadError]


def test_the_notice_may_come_after_sigterm(world: World, task: dict[str, Any]) -> None:
    begun = threading.Event()

    def work() -> None:
        begun.set()
        world.runtime.wait_until_stopped()

    world.runtime.script = [work]
    record = world.accept(task)
    assert begun.wait(DEADLINE_SECONDS)
    world.worker.stop()
    time.sleep(0.7)
    assert world.runtime.stopped_by is None
    world.worker.stop(instance_ends_in=10.2)
    world.thread.join(DEADLINE_SECONDS)
    assert isinstance(world.runtime.stopped_by, InterruptedTaskError)
    eventually(lambda: world.waiting() == 1)
    assert world.record(record.uid).attempts == 0
    world.no_more_results()


def test_a_warm_up_is_given_up_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, told = threading.Event(), threading.Event()

    def load_a_model(job: Job) -> None:
        """Deaf to interrupts, as SD WebUI is while it loads; a connection that is cut ends it."""

        def interrupt(error: Exception) -> None:
            if isinstance(error, RuntimeDeadError):
                told.set()

        with job.interruptible(interrupt):
            begun.set()
            told.wait(DEADLINE_SECONDS)
        job.check()

    monkeypatch.setattr(world.runtime, "warm_up", load_a_model)
    monkeypatch.setattr(world.worker, "_is_warm", False)
    thread = threading.Thread(target=world.worker._warm_up)
    thread.start()
    assert begun.wait(DEADLINE_SECONDS)
    world.worker.stop()
    thread.join(2)
    assert not thread.is_alive()
    world.thread.join(2)
    assert not world.thread.is_alive()
