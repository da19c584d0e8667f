"""When the next task is taken, and how long it is held."""

import pytest

from easel_agent import pace as pace_module
from easel_agent.pace import Pace
from easel_contract.task import TaskType

pytestmark = pytest.mark.unit

T2I, PIPELINE = TaskType.TEXT_TO_IMAGE, TaskType.PIPELINE


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    return clock


def job(pace: Pace, clock: Clock, seconds: float, tasktype: TaskType = T2I) -> None:
    pace.begin(tasktype)
    clock.now += seconds
    pace.end(measured=True)


def test_an_idle_agent_wants_a_task() -> None:
    pace = Pace()
    assert pace.is_idle()
    assert pace.wants_next()


def test_a_long_task_is_not_followed_by_another_too_early(clock: Clock) -> None:
    pace = Pace()
    job(pace, clock, 60)
    pace.begin(T2I)
    assert not pace.is_idle()
    assert not pace.wants_next()
    clock.now += 57
    assert not pace.wants_next()
    clock.now += 1.5
    assert pace.wants_next()
    assert pace.hold_seconds() == 5


def test_of_an_unknown_kind_of_task_nothing_is_expected(clock: Clock) -> None:
    pace = Pace()
    job(pace, clock, 60)
    pace.begin(PIPELINE)
    assert pace.wants_next()
    assert pace.hold_seconds() == 5


def test_a_failed_task_tells_nothing_of_the_next(clock: Clock) -> None:
    pace = Pace()
    job(pace, clock, 60)
    for _ in range(20):
        pace.begin(T2I)
        pace.end(measured=False)
    pace.begin(T2I)
    assert not pace.wants_next()


def test_the_newest_tasks_count_most(clock: Clock) -> None:
    pace = Pace()
    job(pace, clock, 60)
    for _ in range(20):
        job(pace, clock, 1)
    pace.begin(T2I)
    assert pace.wants_next()


def test_tasks_quicker_than_a_receive_are_known(clock: Clock) -> None:
    pace = Pace()
    assert not pace.is_quick()
    job(pace, clock, 0.01)
    assert pace.is_quick()
    job(pace, clock, 60)
    assert not pace.is_quick()
