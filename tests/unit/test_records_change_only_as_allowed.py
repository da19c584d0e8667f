"""Every way of changing a record, from every state: as the contract draws it, or nothing."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from easel_contract.record import END_STATUSES, TaskRecord, TaskStatus
from easel_contract.task import TaskMessage, TaskMetadata, TaskType
from easel_contract.uid import new_uid
from easel_contract.usage import Usage
from easel_records.acceptance import AcceptedTasks
from easel_records.cancelling import TaskCancelling
from easel_records.leases import (
    AttemptsExhaustedError,
    LeaseLostError,
    TaskEndedError,
    TaskLease,
    TaskLeasedError,
    TaskLeases,
)
from easel_records.reopening import reopen_failed_task
from easel_records.table import TaskTable

from .records_table import mocked_table

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RESULT = '{"id": "one"}'
STANDS: dict[str, dict[str, Any]] = {
    "queued": {"status": TaskStatus.QUEUED},
    "begun": {
        "status": TaskStatus.RUNNING,
        "attempts": 1,
        "lease_owner": "mine",
        "lease_until": NOW + MINUTE,
    },
    "left": {
        "status": TaskStatus.RUNNING,
        "attempts": 1,
        "lease_owner": "mine",
        "lease_until": NOW - MINUTE,
    },
    "completed": {"status": TaskStatus.COMPLETED, "attempts": 1, "result": RESULT},
    "failed": {"status": TaskStatus.FAILED, "attempts": 1, "result": RESULT},
    "cancelled": {"status": TaskStatus.CANCELLED, "result": RESULT},
}
"""States of a record; `left` is running under a lease that has expired."""


@dataclass(frozen=True)
class Parts:
    """All that writes records."""

    table: TaskTable
    accepted: AcceptedTasks
    leases: TaskLeases
    cancelling: TaskCancelling


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    with mocked_table() as table:
        yield Parts(
            table,
            AcceptedTasks(table),
            TaskLeases(table, lease_seconds=60, max_attempts=2, now=lambda: NOW),
            TaskCancelling(table, now=lambda: NOW),
        )


def record_that(stands: str) -> TaskRecord:
    metadata = TaskMetadata(id="one", runtime="r", tasktype=TaskType.PIPELINE, prefix="p")
    waiting = TaskRecord.accepted(
        TaskMessage(metadata=metadata, content={}, created_at=NOW),
        uid=new_uid(),
        tenant="team-a",
        scope="team-a",
        expires_at=NOW + timedelta(days=30),
    )
    return waiting.model_copy(update=STANDS[stands])


Act = Callable[[Parts, TaskRecord], object]
MINE = "mine"


def finishing(status: TaskStatus) -> Act:
    def finish(parts: Parts, record: TaskRecord) -> None:
        parts.leases.finish(TaskLease(MINE, record), status, result="{}", usage=Usage())

    return finish


ACTS: dict[str, Act] = {
    "discard": lambda parts, record: parts.accepted.discard(record.uid),
    "add": lambda parts, record: parts.accepted.add(record),
    "claim": lambda parts, record: parts.leases.claim(record, "another"),
    "renew": lambda parts, record: parts.leases.renew(
        TaskLease(MINE, record), progress=None, gpu_seconds=1
    ),
    "abandon": lambda parts, record: parts.leases.abandon(
        TaskLease(MINE, record), counts=True, usage=Usage()
    ),
    **{f"finish {status}": finishing(status) for status in sorted(END_STATUSES)},
    "refuse": lambda parts, record: parts.leases.refuse(record, result="{}"),
    "agent cancels": lambda parts, record: parts.leases.cancel_waiting(record, result="{}"),
    "reader cancels": lambda parts, record: parts.cancelling.cancel_waiting(
        record.uid, result="{}"
    ),
    "ask": lambda parts, record: parts.cancelling.request(record.uid),
    "mark announced": lambda parts, record: parts.cancelling.mark_announced(record.uid),
    "reopen": lambda parts, record: reopen_failed_task(parts.table, record),
}
REFUSALS = (LeaseLostError, TaskEndedError, TaskLeasedError)
GONE = None
ALLOWED: dict[tuple[str, str], TaskStatus | None] = {
    ("queued", "discard"): GONE,
    ("queued", "claim"): TaskStatus.RUNNING,
    ("left", "claim"): TaskStatus.RUNNING,
    **{
        # A lease that nobody has taken over is good for its agent, even a little late.
        (stands, act): status
        for stands in ("begun", "left")
        for act, status in {
            "renew": TaskStatus.RUNNING,
            "abandon": TaskStatus.QUEUED,
            "finish completed": TaskStatus.COMPLETED,
            "finish failed": TaskStatus.FAILED,
            "finish cancelled": TaskStatus.CANCELLED,
            "ask": TaskStatus.RUNNING,
        }.items()
    },
    **{(stands, "refuse"): TaskStatus.FAILED for stands in ("queued", "left")},
    **{(stands, "agent cancels"): TaskStatus.CANCELLED for stands in ("queued", "left")},
    ("queued", "reader cancels"): TaskStatus.CANCELLED,
    ("cancelled", "mark announced"): TaskStatus.CANCELLED,
    ("failed", "reopen"): TaskStatus.QUEUED,
}
"""The state after an act that a state allows. Everything else changes nothing."""


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("stands", STANDS)
def test_an_act_is_allowed_or_changes_nothing(parts: Parts, stands: str, act: str) -> None:
    record = record_that(stands)
    parts.table.put_new(record)
    try:
        ACTS[act](parts, record)
        refused = False
    except REFUSALS:
        refused = True
    after = parts.table.get(record.uid)
    if (stands, act) in ALLOWED:
        assert not refused
        assert (after and after.status) == ALLOWED[stands, act]
        assert after != record
    else:
        assert after == record


@pytest.mark.parametrize(
    ("stands", "act"),
    # The others may come as often as they like.
    [pair for pair in ALLOWED if pair[1] not in ("renew", "mark announced")],
)
def test_an_act_done_twice_changes_nothing_the_second_time(
    parts: Parts, stands: str, act: str
) -> None:
    record = record_that(stands)
    parts.table.put_new(record)
    ACTS[act](parts, record)
    once = parts.table.get(record.uid)
    with contextlib.suppress(*REFUSALS):
        ACTS[act](parts, record)
    assert parts.table.get(record.uid) == once


def test_a_record_counts_as_active_exactly_while_it_waits_or_runs(parts: Parts) -> None:
    for stands, act in ALLOWED:
        record = record_that(stands)
        parts.table.put_new(record)
        ACTS[act](parts, record)
        answer = parts.table.dynamodb.get_item(
            TableName="records", Key={"pk": {"S": f"task/{record.uid}"}}
        )
        item = answer.get("Item")
        if item is not None:
            status = item["status"]["S"]
            active = f"{status}/r" if status in ("queued", "running") else None
            assert (item["active"]["S"] if "active" in item else None) == active, (stands, act)
            assert ("lease_owner" in item) == (status == "running"), (stands, act)


def test_a_lease_that_was_taken_over_writes_nothing_any_more(parts: Parts) -> None:
    record = record_that("left")
    parts.table.put_new(record)
    taken = parts.leases.claim(record, "another").record
    assert (taken.attempts, taken.lease_owner) == (2, "another")
    for act in ("renew", "abandon", "finish completed", "finish failed", "finish cancelled"):
        with pytest.raises(LeaseLostError):
            ACTS[act](parts, record)
    assert parts.table.get(record.uid) == taken


def test_a_task_begun_too_often_is_only_ended(parts: Parts) -> None:
    record = record_that("left").model_copy(update={"attempts": 2})
    parts.table.put_new(record)
    with pytest.raises(AttemptsExhaustedError) as exhausted:
        parts.leases.claim(record, "another")
    lease = exhausted.value.lease
    assert lease.record.attempts == 2
    ended = parts.leases.finish(lease, TaskStatus.FAILED, result="{}", usage=Usage())
    assert ended.status is TaskStatus.FAILED


def test_a_try_that_does_not_count_is_taken_back(parts: Parts) -> None:
    record = record_that("begun")
    parts.table.put_new(record)
    given_back = parts.leases.abandon(TaskLease(MINE, record), counts=False, usage=Usage())
    assert (given_back.status, given_back.attempts) == (TaskStatus.QUEUED, 0)


def test_a_task_published_by_hand_gets_its_record_with_its_first_claim(parts: Parts) -> None:
    record = record_that("queued")
    lease = parts.leases.claim(record, "another")
    assert parts.table.get(record.uid) == lease.record
    other = record_that("queued")
    assert parts.leases.refuse(other, result="{}").status is TaskStatus.FAILED


def test_a_reopened_task_has_all_its_tries_and_no_past_deadline(parts: Parts) -> None:
    record = record_that("failed").model_copy(
        update={
            "deadline_at": NOW - MINUTE,
            "cancel_requested_at": NOW,
            "usage": Usage(gpu_seconds=9, pictures=1),
        }
    )
    parts.table.put_new(record)
    assert reopen_failed_task(parts.table, record)
    after = parts.table.get(record.uid)
    assert after is not None
    assert (after.attempts, after.usage, after.result) == (0, Usage(), None)
    assert (after.deadline_at, after.cancel_requested_at) == (None, None)
    assert parts.leases.claim(after, "another").record.attempts == 1
