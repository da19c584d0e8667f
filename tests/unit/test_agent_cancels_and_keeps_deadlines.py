"""A cancelled task and one whose deadline has passed end at once, each in one callback."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from easel_agent.errors import CancelledTaskError, RejectedTaskError, TransientError
from easel_contract.errors import TaskErrorCode
from easel_contract.record import Progress, TaskRecord, TaskStatus
from easel_contract.result import ResultStatus
from easel_records.cancelling import TaskCancelling

from .agent_world import BUCKET, World, eventually

pytestmark = pytest.mark.unit

CANCELLED = '{"id": "test-t2i", "result": false, "status": "cancelled", "event_id": "c"}'


def running(world: World, task: dict[str, Any], **metadata: Any) -> TaskRecord:
    """Sends a task that runs until it is stopped; returns its record when it runs."""
    world.runtime.script = [world.runtime.wait_until_stopped]
    record = world.accept(task, **metadata)
    eventually(lambda: bool(world.runtime.done))
    return record


def test_a_running_task_is_interrupted_and_announced_as_cancelled(
    world: World, task: dict[str, Any]
) -> None:
    record = running(world, task, context={"order": 1})
    TaskCancelling(world.table).request(record.uid)
    [result] = world.results(1)
    assert isinstance(world.runtime.stopped_by, CancelledTaskError)
    assert (result.status, result.result, result.error) == (ResultStatus.CANCELLED, False, None)
    assert (result.context, result.attempts) == ({"order": 1}, 1)
    eventually(world.settled)
    ended = world.record(record.uid)
    assert (ended.status, ended.result) == (TaskStatus.CANCELLED, result.to_json())
    assert world.dead_letters() == 0


def test_the_next_task_runs_at_once_after_a_cancelled_one(
    world: World, task: dict[str, Any]
) -> None:
    first = running(world, task)
    second = world.accept(task)
    TaskCancelling(world.table).request(first.uid)
    statuses = {result.uid: result.status for result in world.results(2)}
    assert statuses == {first.uid: ResultStatus.CANCELLED, second.uid: ResultStatus.COMPLETED}


def test_a_task_cancelled_while_it_waited_never_reaches_the_runtime(
    world: World, task: dict[str, Any]
) -> None:
    first = running(world, task)
    second = world.accept(task)
    cancelling = TaskCancelling(world.table)
    assert cancelling.cancel_waiting(second.uid, result=CANCELLED) is not None
    cancelling.mark_announced(second.uid)
    cancelling.request(first.uid)
    [result] = world.results(1)  # the reader has announced the other one
    assert result.uid == first.uid
    eventually(world.settled)
    assert len(world.runtime.done) == 1


def test_a_cancellation_that_was_not_announced_is_announced_by_the_agent(
    world: World, task: dict[str, Any]
) -> None:
    first = running(world, task)
    second = world.accept(task)
    TaskCancelling(world.table).cancel_waiting(second.uid, result=CANCELLED)
    TaskCancelling(world.table).request(first.uid)
    assert "c" in {result.event_id for result in world.results(2)}
    eventually(world.settled)


def test_a_task_cancelled_between_two_tries_is_not_tried_again(
    world: World, task: dict[str, Any]
) -> None:
    records: list[TaskRecord] = []

    def fail_after_the_request() -> None:
        TaskCancelling(world.table).request(records[0].uid)
        raise TransientError("out of memory")

    world.runtime.ready = False
    world.runtime.script = [fail_after_the_request]
    records.append(world.accept(task))
    world.runtime.ready = True
    [result] = world.results(1)
    assert result.status is ResultStatus.CANCELLED
    assert len(world.runtime.done) == 1


def test_a_task_whose_deadline_has_passed_never_reaches_the_runtime(
    world: World, task: dict[str, Any]
) -> None:
    message = task | {"created_at": "2026-11-28T00:00:00Z"}
    message["metadata"]["deadline_seconds"] = 60
    world.send(message)
    [result] = world.results(1)
    assert result.error is not None
    assert (result.error.code, result.attempts) == (TaskErrorCode.DEADLINE_EXCEEDED, 0)
    eventually(world.settled)
    assert world.runtime.done == []
    assert world.record(result.uid or "").status is TaskStatus.FAILED


def test_a_running_task_is_interrupted_at_its_deadline(world: World, task: dict[str, Any]) -> None:
    record = running(world, task, deadline_seconds=1)
    [result] = world.results(1)
    assert isinstance(world.runtime.stopped_by, RejectedTaskError)
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == (TaskErrorCode.DEADLINE_EXCEEDED, False)
    assert record.deadline_at is not None
    assert datetime.now(UTC) >= record.deadline_at


def test_progress_is_written_to_the_record_of_a_running_task(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.told = Progress(percent=40, step=8, steps=20)
    record = running(world, task)
    eventually(lambda: world.record(record.uid).progress == world.runtime.told)
    assert world.record(record.uid).usage.gpu_seconds > 0
    TaskCancelling(world.table).request(record.uid)
    world.results(1)
    assert world.record(record.uid).progress is None


def test_the_begin_is_announced_where_the_sender_asks_for_it(
    world: World, task: dict[str, Any]
) -> None:
    world.accept(task, notify=["running"])
    results = {result.status: result for result in world.results(2)}
    begin, end = results[ResultStatus.RUNNING], results[ResultStatus.COMPLETED]
    assert (begin.uid, begin.result, begin.attempts) == (end.uid, False, 1)
    assert begin.event_id != end.event_id


def test_a_task_costs_what_its_gpu_time_costs(world: World, task: dict[str, Any]) -> None:
    world.runtime.script = [lambda: time.sleep(0.05)]
    record = world.accept(task)
    [result] = world.results(1)
    usage = result.usage
    assert usage.gpu_seconds > 0
    # 3.6 an hour, as the world's settings say.
    assert usage.cost == pytest.approx(usage.gpu_seconds / 1000)
    assert (usage.currency, usage.pictures) == ("USD", 2)
    assert world.record(record.uid).usage == usage


def test_the_runtimes_answer_to_a_failed_task_is_stored(world: World, task: dict[str, Any]) -> None:
    answer = b'{"detail": "Sampler not found"}'
    world.runtime.script = [
        RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, "Sampler not found", answer)
    ]
    world.accept(task)
    [result] = world.results(1)
    assert not result.result
    assert result.image_url == []
    assert result.output_url is not None
    key = result.output_url.removeprefix(f"s3://{BUCKET}/")
    assert world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == answer
