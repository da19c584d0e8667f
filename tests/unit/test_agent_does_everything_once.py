"""One final result per task, whatever is delivered twice (issue: "Once")."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_agent import preparation
from easel_agent.errors import TransientError
from easel_agent.queue import TaskQueue
from easel_agent.records import ResultRecord, ResultRecords, fingerprint_of
from easel_contract.errors import TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import TaskMessage

from .agent_world import BUCKET, World, eventually

pytestmark = pytest.mark.unit


def test_the_same_message_delivered_twice_is_done_and_announced_once(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "_DUPLICATE_PAUSES", 0)
    world.send(task)
    world.send(task)
    [result] = world.results(1)
    eventually(world.settled)
    world.no_more_results()
    assert result.result
    assert len(world.runtime.done) == 1


def test_the_same_request_sent_again_is_answered_again_and_not_done_again(
    world: World, task: dict[str, Any]
) -> None:
    world.send(task | {"created_at": "2026-11-22T00:00:00Z"})
    [first] = world.results(1)
    eventually(world.settled)
    world.send(task | {"created_at": "2026-11-22T01:00:00Z"})
    [second] = world.results(1)
    assert second == first
    assert second.event_id
    eventually(world.settled)
    assert len(world.runtime.done) == 1


def test_the_same_id_with_other_content_is_an_error(world: World, task: dict[str, Any]) -> None:
    world.send(task)
    [first] = world.results(1)
    eventually(world.settled)
    task["content"]["prompt"] = "A cat"
    world.send(task)
    [second] = world.results(1)
    assert first.result
    assert second.error is not None
    assert second.error.code is TaskErrorCode.ID_REUSED
    assert second.event_id != first.event_id
    eventually(world.settled)
    assert len(world.runtime.done) == 1
    assert world.dead_letters() == 0


def test_a_failed_task_is_recorded_too(world: World, task: dict[str, Any]) -> None:
    world.runtime.script = [TransientError("out of memory"), TransientError("out of memory")]
    world.send(task)
    [first] = world.results(1)
    eventually(world.settled)
    world.send(task | {"created_at": "2026-11-22T01:00:00Z"})
    [second] = world.results(1)
    assert second == first
    assert len(world.runtime.done) == 2


def test_a_result_that_was_recorded_but_not_announced_is_announced(
    world: World, task: dict[str, Any]
) -> None:
    message = TaskMessage.model_validate(task)
    recorded = TaskResult(id="test-t2i", result=True, status=ResultStatus.COMPLETED, event_id="e")
    fingerprint = fingerprint_of(message.metadata, message.content or {})
    records = ResultRecords(world.s3, BUCKET)
    records.claim(ResultRecord(fingerprint=fingerprint, result=recorded))
    world.send(task)
    assert world.results(1) == [recorded]
    eventually(world.settled)
    assert world.runtime.done == []
    found = records.find("test-t2i", fingerprint)
    assert found is not None
    assert found.announced


def test_the_first_of_two_records_counts(world: World, task: dict[str, Any]) -> None:
    def other_agent_is_faster() -> None:
        message = TaskMessage.model_validate(task)
        result = TaskResult(id="test-t2i", result=True, status=ResultStatus.COMPLETED, event_id="o")
        fingerprint = fingerprint_of(message.metadata, message.content or {})
        ResultRecords(world.s3, BUCKET).claim(ResultRecord(fingerprint=fingerprint, result=result))

    world.runtime.script = [other_agent_is_faster]
    world.send(task)
    [result] = world.results(1)
    assert result.event_id == "o"


def test_aws_errors_after_the_gpu_did_its_work_do_not_throw_it_away(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = {"put_object": 2, "delete_message": 2}

    def failing(client: Any, operation: str) -> Callable[..., Any]:
        real = getattr(client, operation)

        def call(**arguments: Any) -> Any:
            if failures[operation]:
                failures[operation] -= 1
                error = {"Error": {"Code": "ServiceUnavailable", "Message": "down"}}
                raise ClientError(error, operation)  # type: ignore[arg-type]
            return real(**arguments)

        return call

    monkeypatch.setattr(world.s3, "put_object", failing(world.s3, "put_object"))
    monkeypatch.setattr(world.sqs, "delete_message", failing(world.sqs, "delete_message"))
    world.send(task)
    [result] = world.results(1)
    assert result.result
    eventually(lambda: failures == {"put_object": 0, "delete_message": 0})
    eventually(world.settled)
    assert len(world.runtime.done) == 1


def test_a_task_whose_agents_died_every_time_is_told_of_and_buried(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TaskQueue.receive

    def received_often(self: TaskQueue, wait_seconds: int) -> Any:
        message = real(self, wait_seconds)
        if message is None:
            return None
        return type(message)(message.message_id, message.body, message.receipt_handle, 3)

    monkeypatch.setattr(TaskQueue, "receive", received_often)
    world.send(task)
    [result] = world.results(1)
    assert result.error is not None
    assert "begun 2 times and never ended" in result.error.message
    eventually(world.settled)
    assert world.runtime.done == []
    assert world.dead_letters() == 1


def test_a_record_of_another_version_is_none(world: World, task: dict[str, Any]) -> None:
    body = json.dumps({"version": 2}).encode()
    world.s3.put_object(Bucket=BUCKET, Key="_easel/results/test-t2i.json", Body=body)
    message = TaskMessage.model_validate(task)
    fingerprint = fingerprint_of(message.metadata, message.content or {})
    assert ResultRecords(world.s3, BUCKET).find("test-t2i", fingerprint) is None


def test_no_picture_of_a_finished_task_stays_in_memory(world: World, task: dict[str, Any]) -> None:
    world.send(task)
    world.results(1)
    eventually(world.settled)
    deadline = time.monotonic() + 5
    while world.agent.delivery._running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not world.agent.delivery._running
