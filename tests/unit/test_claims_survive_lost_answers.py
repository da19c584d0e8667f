"""A claim is made once, however often it takes to hear DynamoDB's answer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from easel_contract.record import TaskRecord
from easel_contract.task import TaskMessage, TaskMetadata, TaskType
from easel_contract.uid import new_uid
from easel_records.acceptance import AcceptedTasks
from easel_records.leases import AttemptsExhaustedError, TaskLeasedError, TaskLeases

from .records_table import mocked_table

pytestmark = pytest.mark.unit

LEASE_SECONDS = 5


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_lease(self) -> None:
        self.now += timedelta(seconds=2 * LEASE_SECONDS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(clock: Clock) -> Iterator[TaskLeases]:
    with mocked_table() as table:
        yield TaskLeases(table, lease_seconds=LEASE_SECONDS, max_attempts=2, now=clock)


@pytest.fixture
def waiting(leases: TaskLeases) -> TaskRecord:
    metadata = TaskMetadata(id="a", runtime="r", tasktype=TaskType.TEXT_TO_IMAGE, prefix="p")
    message = TaskMessage(uid=new_uid(), tenant="t", metadata=metadata, content={})
    record = TaskRecord.accepted(
        message, uid=message.uid or "", tenant="t", scope="t", expires_at=datetime.now(UTC)
    )
    AcceptedTasks(leases._table).add(record)
    return record


def test_a_claim_made_again_under_its_name_is_one_try(
    leases: TaskLeases, waiting: TaskRecord
) -> None:
    assert leases.claim(waiting, "mine").record.attempts == 1
    assert leases.claim(waiting, "mine").record.attempts == 1
    with pytest.raises(TaskLeasedError):
        leases.claim(waiting, "other")


def test_a_claim_made_again_after_its_lease_is_one_try_and_holds(
    leases: TaskLeases, waiting: TaskRecord, clock: Clock
) -> None:
    leases.claim(waiting, "mine")
    clock.pass_lease()
    again = leases.claim(waiting, "mine")
    assert again.record.attempts == 1
    assert again.record.lease_until is not None
    assert again.record.lease_until > clock.now
    with pytest.raises(TaskLeasedError):
        leases.claim(waiting, "other")


def test_a_claim_made_again_is_nothing_where_another_agent_has_taken_over(
    leases: TaskLeases, waiting: TaskRecord, clock: Clock
) -> None:
    leases.claim(waiting, "mine")
    clock.pass_lease()
    assert leases.claim(waiting, "other").record.attempts == 2
    with pytest.raises(TaskLeasedError):
        leases.claim(waiting, "mine")


def test_a_task_begun_too_often_is_not_begun_by_asking_again(
    leases: TaskLeases, waiting: TaskRecord, clock: Clock
) -> None:
    for owner in ("first", "second"):
        leases.claim(waiting, owner)
        clock.pass_lease()
    with pytest.raises(AttemptsExhaustedError):
        leases.claim(waiting, "third")
    # As if the answer had been lost.
    with pytest.raises(TaskLeasedError):
        leases.claim(waiting, "third")
