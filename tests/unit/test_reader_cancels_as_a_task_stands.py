"""A task is cancelled as it stands at that moment, and its sender hears of that once."""

from collections.abc import Callable
from typing import Any

import pytest

from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import ResultStatus
from easel_reader import handler as handler_module
from easel_records.reopening import reopen_failed_task

from .reader_world import World, cancel, world

pytestmark = pytest.mark.unit

__all__ = ["world"]


def test_a_waiting_task_is_cancelled_and_announced_once(world: World) -> None:
    record = world.accept()
    status, body = cancel("one")
    assert (status, body["status"], body["finished_at"] is not None) == (200, "cancelled", True)
    [callback] = world.callbacks()
    assert (callback.uid, callback.status, callback.context) == (
        record.uid,
        ResultStatus.CANCELLED,
        {"order": 7},
    )
    written = world.table.get(record.uid)
    assert written is not None
    assert written.result == callback.to_json()
    assert written.announced_at is not None
    assert cancel(record.uid)[0] == 200
    assert world.callbacks() == []


def test_a_cancellation_that_cannot_be_announced_is_left_to_the_agent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = world.accept()
    monkeypatch.setenv("EASEL_NOTIFICATIONS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:none")
    handler_module._service.cache_clear()
    assert cancel("one")[0] == 200
    written = world.table.get(record.uid)
    assert written is not None
    assert (written.status, written.announced_at) == (TaskStatus.CANCELLED, None)


def test_a_running_task_is_asked_to_end_and_an_ended_one_is_not(world: World) -> None:
    record = world.accept()
    world.leases.claim(record)
    status, body = cancel("one")
    assert (status, body["status"]) == (202, "running")
    assert body["cancel_requested_at"] is not None
    world.complete(world.accept("two"))
    status, body = cancel("two")
    assert (status, body["error"]["code"]) == (409, "task_ended")
    assert "has completed" in body["error"]["message"]


def test_a_task_that_names_a_url_is_announced_to_that_url_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.accept(callback_url="https://hooks.example.com/easel")
    routes: Any = handler_module._service()._routes
    sns = routes["POST", "/v1alpha2/tasks/{task}/cancel"].__self__._cancellation._sns
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(sns, "publish", lambda **message: sent.append(message))
    assert cancel("one")[0] == 200
    [message] = sent
    values = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert values == {
        "status": "cancelled",
        "runtime": "sdruntime",
        "callback_url": "https://hooks.example.com/easel",
    }


def begin(world: World, record: TaskRecord) -> None:
    world.leases.claim(record)


def give_back(world: World, record: TaskRecord) -> None:
    lease = world.leases.claim(record)
    world.leases.abandon(lease, counts=True, usage=lease.record.usage)


def complete(world: World, record: TaskRecord) -> None:
    world.complete(record)


def remove(world: World, record: TaskRecord) -> None:
    world.table.dynamodb.delete_item(TableName="records", Key={"pk": {"S": f"task/{record.uid}"}})


@pytest.mark.parametrize(
    ("meanwhile", "answer", "status"),
    [
        (begin, 202, TaskStatus.RUNNING),
        (give_back, 200, TaskStatus.CANCELLED),
        (complete, 409, TaskStatus.COMPLETED),
        (remove, 503, None),
    ],
)
def test_a_task_that_changes_between_look_and_write_is_looked_at_again(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[World, TaskRecord], None],
    answer: int,
    status: TaskStatus | None,
) -> None:
    record = world.accept()
    routes: Any = handler_module._service()._routes
    cancellation = routes["POST", "/v1alpha2/tasks/{task}/cancel"].__self__._cancellation
    real = cancellation._change

    def change(seen: TaskRecord) -> Any:
        monkeypatch.setattr(cancellation, "_change", real)
        meanwhile(world, record)
        return real(seen)

    monkeypatch.setattr(cancellation, "_change", change)
    assert cancel(record.uid)[0] == answer
    after = world.table.get(record.uid)
    assert (after and after.status) == status
    assert len(world.callbacks()) == (status is TaskStatus.CANCELLED)


def test_a_task_that_never_stands_still_is_503_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = world.accept()
    routes: Any = handler_module._service()._routes
    cancellation = routes["POST", "/v1alpha2/tasks/{task}/cancel"].__self__._cancellation
    looks: list[TaskRecord] = []
    monkeypatch.setattr(cancellation, "_change", looks.append)
    status, body = cancel(record.uid)
    assert (status, body["error"]["code"]) == (503, "unavailable")
    assert len(looks) == 3


def test_a_failed_task_that_is_tried_again_can_be_cancelled(world: World) -> None:
    record = world.accept(status=TaskStatus.FAILED)
    assert cancel(record.uid)[0] == 409
    assert reopen_failed_task(world.table, record)
    assert cancel(record.uid)[0] == 200
    [callback] = world.callbacks()
    assert callback.status is ResultStatus.CANCELLED
