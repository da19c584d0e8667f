"""One try is one begin, and one final result per task, whatever is delivered twice."""

import gc
import json
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_agent.errors import TransientError
from easel_agent.queue import TaskQueue
from easel_agent.runtimes.base import Finished
from easel_contract.errors import TaskErrorCode
from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.usage import Usage
from easel_records.leases import TaskLeases
from easel_records.table import TaskTable

from .agent_world import BUCKET, TABLE, World, eventually

pytestmark = pytest.mark.unit


def other_agent(world: World, **leases: Any) -> TaskLeases:
    return TaskLeases(
        TaskTable(world.dynamodb, TABLE), **({"lease_seconds": 60, "max_attempts": 2} | leases)
    )


def message_of(task: dict[str, Any], record: TaskRecord) -> str:
    return json.dumps(task | {"uid": record.uid, "tenant": record.tenant})


def test_the_same_message_delivered_twice_is_done_once_and_announced_alike(
    world: World, task: dict[str, Any]
) -> None:
    record = world.accept(task)
    [first] = world.results(1)
    eventually(world.settled)
    world.send(message_of(task, record))
    [second] = world.results(1)
    eventually(world.settled)
    assert first == second
    assert first.uid == record.uid
    assert len(world.runtime.done) == 1


def test_the_same_id_may_come_again_and_each_task_gets_pictures_of_its_own(
    world: World, task: dict[str, Any]
) -> None:
    records = [world.accept(task) for _ in range(3)]
    results = world.results(3)
    assert {result.uid for result in results} == {record.uid for record in records}
    assert len({url for result in results for url in result.image_url}) == 6
    assert len(world.runtime.done) == 3
    eventually(world.settled)


def test_a_message_published_by_hand_gets_a_record_at_its_first_claim(
    world: World, task: dict[str, Any]
) -> None:
    world.send(task)
    [result] = world.results(1)
    assert result.uid is not None
    eventually(lambda: world.record(result.uid or "").status is TaskStatus.COMPLETED)
    record = world.record(result.uid)
    assert (record.tenant, record.scope, record.attempts) == ("direct", "*", 1)
    assert record.result == result.to_json()


def test_two_messages_with_one_idempotency_key_are_one_task(
    world: World, task: dict[str, Any]
) -> None:
    task["metadata"]["idempotency_key"] = "order-1"
    world.send(task)
    [first] = world.results(1)
    eventually(world.settled)
    world.send(task)
    [second] = world.results(1)
    assert second == first
    assert len(world.runtime.done) == 1


def test_an_idempotency_key_with_other_content_is_refused(
    world: World, task: dict[str, Any]
) -> None:
    task["metadata"]["idempotency_key"] = "order-1"
    world.send(task)
    [first] = world.results(1)
    task["content"]["prompt"] = "A cat"
    world.send(task)
    [second] = world.results(1)
    assert second.error is not None
    assert second.error.code is TaskErrorCode.IDEMPOTENCY_KEY_REUSED
    assert second.uid not in (None, first.uid)
    assert len(world.runtime.done) == 1
    eventually(world.settled)
    assert world.dead_letters() == 0


def test_a_failed_task_is_announced_again_and_dead_lettered_again(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.script = [TransientError("out of memory"), TransientError("out of memory")]
    record = world.accept(task)
    [first] = world.results(1)
    eventually(world.settled)
    assert (first.attempts, world.record(record.uid).status) == (2, TaskStatus.FAILED)
    world.send(message_of(task, record))
    [second] = world.results(1)
    assert second == first
    assert len(world.runtime.done) == 2
    eventually(lambda: world.dead_letters() == 2)


def test_a_result_that_was_finished_but_not_announced_is_announced(
    world: World, task: dict[str, Any]
) -> None:
    text = '{"id": "test-t2i", "result": true, "status": "completed", "event_id": "e",  "more": 1}'
    leases = other_agent(world)
    published: list[str] = []
    real = world.agent_sns.publish

    def publish(**arguments: Any) -> Any:
        published.append(arguments["Message"])
        return real(**arguments)

    world.agent_sns.publish = publish
    record = world.prepared_record(task)
    world.table.put_new(record)
    lease = leases.claim(record)
    leases.finish(lease, TaskStatus.COMPLETED, result=text, usage=Usage())
    world.send(message_of(task, record))
    world.results(1)
    eventually(world.settled)
    assert published == [text]
    assert world.runtime.done == []


def test_a_task_that_another_agent_has_waits_and_costs_no_try(
    world: World, task: dict[str, Any]
) -> None:
    record = world.prepared_record(task)
    world.table.put_new(record)
    lease = other_agent(world).claim(record)
    world.send(message_of(task, record))
    eventually(lambda: world.waiting() == 0)
    time.sleep(0.5)
    assert world.runtime.done == []
    assert world.record(record.uid).attempts == lease.record.attempts == 1
    assert world.record(record.uid).lease_owner == lease.owner


def test_a_task_of_an_agent_that_died_is_taken_over_when_its_lease_has_expired(
    world: World, task: dict[str, Any]
) -> None:
    record = world.prepared_record(task)
    world.table.put_new(record)
    other_agent(world, lease_seconds=0).claim(record)
    world.send(message_of(task, record))
    [result] = world.results(1)
    assert (result.result, result.attempts) == (True, 2)


def test_an_agent_that_lost_its_lease_announces_nothing(world: World, task: dict[str, Any]) -> None:
    record = world.prepared_record(task)

    def other_agent_takes_over() -> None:
        later = lambda: datetime.now(UTC) + timedelta(hours=1)  # noqa: E731
        leases = other_agent(world, now=later)
        leases.finish(
            leases.claim(record), TaskStatus.COMPLETED, result='{"id": "o"}', usage=Usage()
        )

    world.runtime.script = [other_agent_takes_over]
    world.table.put_new(record)
    world.send(message_of(task, record))
    eventually(lambda: len(world.runtime.done) == 1)
    time.sleep(0.5)
    world.no_more_results()
    assert world.record(record.uid).result == '{"id": "o"}'


def test_a_task_given_back_because_of_a_stop_has_cost_no_try(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = world.settings.model_copy(update={"shutdown_grace_seconds": 0})
    monkeypatch.setattr(world.worker, "_settings", settings)
    world.runtime.script = [world.runtime.wait_until_stopped]
    record = world.accept(task)
    eventually(lambda: len(world.runtime.done) == 1)
    assert world.record(record.uid).attempts == 1
    world.worker.stop()
    world.thread.join(10)
    given_back = world.record(record.uid)
    assert (given_back.status, given_back.attempts) == (TaskStatus.QUEUED, 0)
    assert given_back.lease_owner is None


def test_aws_errors_after_the_gpu_did_its_work_do_not_throw_it_away(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = {"put_object": 2, "delete_message": 2, "update_item": 2}

    def failing(client: Any, operation: str) -> Callable[..., Any]:
        real = getattr(client, operation)

        def call(**arguments: Any) -> Any:
            if failures[operation]:
                failures[operation] -= 1
                error = {"Error": {"Code": "ServiceUnavailable", "Message": "down"}}
                raise ClientError(error, operation)  # type: ignore[arg-type]
            return real(**arguments)

        return call

    for client in (world.s3, world.sqs, world.dynamodb):
        for operation in failures:
            if hasattr(client, operation):
                monkeypatch.setattr(client, operation, failing(client, operation))
    world.send(task)
    [result] = world.results(1)
    assert result.result
    eventually(lambda: not any(failures.values()))
    eventually(world.settled)
    assert len(world.runtime.done) == 1


def test_a_task_whose_agents_died_every_time_is_told_of_and_dead_lettered(
    world: World, task: dict[str, Any]
) -> None:
    record = world.prepared_record(task)
    world.table.put_new(record)
    for _ in range(2):
        other_agent(world, lease_seconds=0).claim(record)
    world.send(message_of(task, record))
    [result] = world.results(1)
    assert result.error is not None
    assert "begun 2 times and never ended" in result.error.message
    assert result.attempts == 2
    eventually(world.settled)
    assert world.runtime.done == []
    assert world.dead_letters() == 1


def test_being_handed_out_often_is_no_try(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TaskQueue.receive

    def received_often(self: TaskQueue, wait_seconds: int) -> Any:
        message = real(self, wait_seconds)
        if message is None:
            return None
        return type(message)(
            message.message_id, message.body, message.receipt_handle, 19, message.sent_at
        )

    monkeypatch.setattr(TaskQueue, "receive", received_often)
    world.accept(task)
    [result] = world.results(1)
    assert (result.result, result.attempts) == (True, 1)


def test_a_task_with_one_picture_takes_seven_aws_calls(world: World, task: dict[str, Any]) -> None:
    calls: list[str] = []

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        # Renewals of the lease follow the clock, and come on top where this machine is slow.
        if not (model.name == "UpdateItem" and b'"SET #lease_until' in params["body"]):
            calls.append(model.name)

    for client in (world.sqs, world.s3, world.dynamodb, world.agent_sns):
        client.meta.events.register("before-call", note)
    world.runtime.pictures = 1
    record = world.accept(task)
    eventually(lambda: world.record(record.uid).status is TaskStatus.COMPLETED)
    eventually(world.settled)
    tasks_own = [
        *("UpdateItem", "UpdateItem", "PutObject", "PutObject", "Publish", "DeleteMessage"),
    ]
    assert sorted(
        call for call in calls if call in {*tasks_own, "ChangeMessageVisibility"}
    ) == sorted(tasks_own)


def test_no_picture_is_written_over_another(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nonces = iter(["aaaa", "aaaa", "bbbb", "cccc", "dddd"])
    monkeypatch.setattr("easel_agent.outputs.new_nonce", lambda: next(nonces))
    world.accept(task)
    [first] = world.results(1)
    world.accept(task)
    [second] = world.results(1)
    assert not {*first.image_url, first.output_url} & {*second.image_url, second.output_url}


def test_nothing_but_pictures_and_the_answer_is_written_to_the_bucket(
    world: World, task: dict[str, Any]
) -> None:
    world.accept(task)
    [result] = world.results(1)
    eventually(world.settled)
    listed = world.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    keys = {f"s3://{BUCKET}/{item['Key']}" for item in listed}
    assert keys == {*result.image_url, result.output_url}


def test_no_picture_of_a_finished_task_stays_in_memory(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Finished]] = []
    generate = world.runtime.generate

    def noted(*arguments: Any) -> Finished:
        finished = generate(*arguments)
        made.append(weakref.ref(finished))
        return finished

    monkeypatch.setattr(world.runtime, "generate", noted)
    world.send(task)
    world.results(1)
    eventually(world.settled)
    delivery = world.agent.worker._background.delivery
    eventually(lambda: not delivery._running)
    assert len(made) == 1
    eventually(lambda: gc.collect() >= 0 and made[0]() is None)
