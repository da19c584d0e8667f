"""When the next task is taken, and how long it is held."""

import pytest

from easel_agent import prefetch_policy
from easel_agent.prefetch_policy import PrefetchPolicy
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
    monkeypatch.setattr(prefetch_policy, "time", clock)
    return clock


def job(policy: PrefetchPolicy, clock: Clock, seconds: float, tasktype: TaskType = T2I) -> None:
    policy.begin(tasktype)
    clock.now += seconds
    policy.end(measured=True)


def test_an_idle_agent_wants_a_task() -> None:
    policy = PrefetchPolicy()
    assert policy.is_idle()
    assert policy.wants_next()


def test_a_long_task_is_not_followed_by_another_too_early(clock: Clock) -> None:
    policy = PrefetchPolicy()
    job(policy, clock, 60)
    policy.begin(T2I)
    assert not policy.is_idle()
    assert not policy.wants_next()
    clock.now += 57
    assert not policy.wants_next()
    clock.now += 1.5
    assert policy.wants_next()
    assert policy.hold_seconds() == 5


def test_of_an_unknown_kind_of_task_nothing_is_expected(clock: Clock) -> None:
    policy = PrefetchPolicy()
    job(policy, clock, 60)
    policy.begin(PIPELINE)
    assert policy.wants_next()
    assert policy.hold_seconds() == 5


def test_a_failed_task_tells_nothing_of_the_next(clock: Clock) -> None:
    policy = PrefetchPolicy()
    job(policy, clock, 60)
    for _ in range(20):
        policy.begin(T2I)
        policy.end(measured=False)
    policy.begin(T2I)
    assert not policy.wants_next()


def test_the_newest_tasks_count_most(clock: Clock) -> None:
    policy = PrefetchPolicy()
    job(policy, clock, 60)
    for _ in range(20):
        job(policy, clock, 1)
    policy.begin(T2I)
    assert policy.wants_next()


def test_tasks_quicker_than_a_receive_are_known(clock: Clock) -> None:
    policy = PrefetchPolicy()
    assert not policy.is_quick()
    job(policy, clock, 0.01)
    assert policy.is_quick()
    job(policy, clock, 60)
    assert not policy.is_quick()


def test_the_end_of_an_overdue_task_is_not_foreseen(clock: Clock) -> None:
    policy = PrefetchPolicy()
    job(policy, clock, 60)
    policy.begin(T2I)
    clock.now += 59
    assert policy.expected_end_seconds() == 1
    clock.now += 11
    # The next one may be received, but no moment is the one before its begin.
    assert policy.wants_next()
    assert policy.left_seconds() == 0
    assert policy.expected_end_seconds() == -10
