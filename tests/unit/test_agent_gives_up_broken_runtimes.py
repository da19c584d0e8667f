"""A runtime that answers and does no job well: it is given up, and no task pays for it."""

import time
from typing import Any

import pytest

from easel_agent import runtime_monitor
from easel_agent.device_history import DeviceHistory
from easel_agent.errors import (
    DeviceFailedError,
    OutOfMemoryError,
    RejectedTaskError,
    RuntimeBrokenError,
    RuntimeBusyError,
    TransientError,
)
from easel_agent.retry_policy import RetryPolicy
from easel_agent.runtimes.base import Generation, MadeFile
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import BrokenReason
from easel_contract.record import TaskStatus

from .agent_world import BUCKET, PNG, World, eventually

pytestmark = pytest.mark.unit

STICKY = RuntimeBrokenError(
    BrokenReason.STICKY_DEVICE_ERROR, "CUDA error: an illegal memory access was encountered"
)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_monitor, "_POLL_SECONDS", 0.02)


def is_given_up(world: World) -> bool:
    return "broken" in (world.agent.monitor.failure(900) or "")


def restart(world: World) -> None:
    """What the kubelet does to a container whose liveness fails."""
    world.runtime.ready = False
    eventually(lambda: world.agent.monitor.failure(900) is None)
    world.runtime.ready = True


def named(task: dict[str, Any], task_id: str) -> dict[str, Any]:
    return task | {"metadata": task["metadata"] | {"id": task_id}}


def test_a_broken_runtime_gets_no_task_until_it_was_started_anew(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.script = [STICKY]
    uids = [world.accept(named(task, name)).uid for name in ("a", "b")]
    eventually(lambda: is_given_up(world))
    assert "illegal memory access" in (world.agent.monitor.failure(900) or "")
    eventually(lambda: world.waiting() == 2)
    assert len(world.runtime.done) == 1
    assert {world.record(uid).status for uid in uids} == {TaskStatus.QUEUED}
    assert {world.record(uid).attempts for uid in uids} == {0}
    text = world.agent.metrics.render().decode()
    assert 'easel_runtime_given_up_total{reason="sticky_device_error",' in text
    restart(world)
    assert {(one.result, one.attempts) for one in world.results(2)} == {(True, 1)}
    assert world.runtime.warm_ups == 2  # it is another process


def test_a_task_that_breaks_one_runtime_after_the_other_ends(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.script = [STICKY] * 4  # two deliveries are free, two count
    record = world.accept(task)
    for runs in range(1, 5):
        eventually(lambda runs=runs: len(world.runtime.done) == runs and is_given_up(world))
        restart(world)
    [result] = world.results(1)
    assert result.error is not None
    assert result.error.retryable
    assert "illegal memory access" in result.error.message
    eventually(lambda: world.dead_letters() == 1)
    assert world.record(record.uid).attempts == 2


def test_the_device_failing_at_two_tasks_in_a_row_is_broken(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RetryPolicy, "_delay_seconds", lambda *_: 2)  # the other one comes first
    failure = DeviceFailedError("CUDNN_STATUS_EXECUTION_FAILED")
    world.runtime.script = [failure, failure]
    uids = [world.accept(named(task, name)).uid for name in ("a", "b")]
    eventually(lambda: is_given_up(world))
    eventually(lambda: sorted(world.record(uid).attempts for uid in uids) == [0, 1])
    restart(world)
    assert all(one.result for one in world.results(2))


def test_one_task_alone_does_not_make_the_device_broken() -> None:
    device = DeviceHistory()
    assert not device.failed("a")
    assert not device.failed("a")
    device.went_well()
    assert not device.failed("b")
    assert device.failed("a")


def test_out_of_memory_is_tried_once_more_at_once(world: World, task: dict[str, Any]) -> None:
    def runs_out() -> None:
        time.sleep(0.3)
        raise OutOfMemoryError("CUDA out of memory")

    world.runtime.script = [runs_out]
    world.send(task)
    [result] = world.results(1)
    assert (result.result, result.attempts) == (True, 1)
    assert result.usage.gpu_seconds >= 0.3  # both runs are the task's
    assert world.runtime.freed == 1
    assert len(world.runtime.done) == 2


def test_a_task_that_does_not_fit_is_left_to_others_once(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.script = [OutOfMemoryError("CUDA out of memory")] * 2
    record = world.accept(task)
    eventually(lambda: "out of memory here" in world.agent.metrics.render().decode())
    assert not is_given_up(world)
    [result] = world.results(1)  # there is no other agent here
    assert (result.result, result.attempts) == (True, 2)
    assert world.record(record.uid).status is TaskStatus.COMPLETED


def test_a_failure_that_nobody_knows_is_tried_less_often(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.script = [TransientError("SD WebUI answered 500: Whatever", max_attempts=1)]
    world.send(task)
    [result] = world.results(1)
    assert result.error is not None
    assert (result.error.message, result.attempts) == ("SD WebUI answered 500: Whatever", 1)


def test_waiting_in_vain_behind_another_job_costs_no_try(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.script = [RuntimeBusyError("another job did not end in 300 s")]
    world.send(task)
    [result] = world.results(1)
    assert (result.result, result.attempts) == (True, 1)


def objects(world: World, uris: list[str]) -> list[bytes]:
    keys = [uri.removeprefix(f"s3://{BUCKET}/") for uri in uris]
    return [world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]


def test_what_was_made_before_a_failure_is_stored_and_named(
    world: World, task: dict[str, Any]
) -> None:
    made = Generation(b'{"status": "error"}', iter([MadeFile(PNG), MadeFile(PNG + b"2")]))
    failure = RejectedTaskError(
        TaskErrorCode.RUNTIME_FAILED, "node 9 (SaveVideo) failed", made=lambda: made
    )
    world.runtime.script = [failure]
    world.send(task)
    [result] = world.results(1)
    assert result.error == failure.error
    assert [uri[-6:] for uri in result.image_url] == ["-1.png", "-2.png"]
    assert objects(world, result.image_url) == [PNG, PNG + b"2"]
    assert objects(world, [result.output_url or ""]) == [b'{"status": "error"}']
    assert result.usage.pictures == 2


def test_a_failure_is_told_although_what_was_made_cannot_be_had(
    world: World, task: dict[str, Any]
) -> None:
    def files() -> Any:
        yield MadeFile(PNG)
        raise TransientError("the file is gone")

    failure = RejectedTaskError(
        TaskErrorCode.RUNTIME_FAILED,
        "node 9 (SaveVideo) failed",
        made=lambda: Generation(b"{}", files()),
    )
    world.runtime.script = [failure]
    world.send(task)
    [result] = world.results(1)
    assert result.error == failure.error
    assert len(result.image_url) == 1
    assert world.dead_letters() == 0
