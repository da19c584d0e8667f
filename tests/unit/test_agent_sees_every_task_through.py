"""Whatever happens to a task, it ends in one callback and its message in the right place."""

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TaskType

from .agent_world import BUCKET, DEADLINE_SECONDS, World, eventually

UID = "01a222df-731e-7e1e-b7bf-a8654cc8087d"

pytestmark = pytest.mark.unit


def test_a_task_ends_in_pictures_an_answer_and_a_callback(
    world: World, task: dict[str, Any]
) -> None:
    task["metadata"]["context"] = {"abc": 123}
    world.send(task)
    [result] = world.results(1)
    assert (result.id, result.result, result.context) == ("test-t2i", True, {"abc": 123})
    assert result.runtime == "sdruntime"
    assert world.runtime.done == [(TaskType.TEXT_TO_IMAGE, task["content"])]
    keys = {uri.removeprefix(f"s3://{BUCKET}/") for uri in result.image_url}
    stem = result.image_url[0].removesuffix("-1.png")
    assert result.image_url == [f"{stem}-1.png", f"{stem}-2.gif"]
    assert result.output_url == f"{stem}.out"
    assert stem.startswith(f"s3://{BUCKET}/output/test-t2i/test-t2i-")
    types = {key: world.s3.head_object(Bucket=BUCKET, Key=key)["ContentType"] for key in keys}
    assert sorted(types.values()) == ["image/gif", "image/png"]
    answer_key = result.output_url.removeprefix(f"s3://{BUCKET}/")
    answer = world.s3.get_object(Bucket=BUCKET, Key=answer_key)["Body"].read()
    assert answer == b'{"images": []}'
    eventually(world.settled)


@pytest.mark.parametrize(
    ("identity", "key"),
    [
        ({"uid": UID, "tenant": "default"}, f"_easel/payloads/{UID}.json"),
        ({}, "_easel/payloads/direct/test-t2i-1.json"),
        # After its try in the dead-letter queue.
        ({"uid": UID, "tenant": "direct"}, "_easel/payloads/direct/test-t2i-1.json"),
    ],
)
def test_content_by_reference_is_loaded(
    world: World, task: dict[str, Any], identity: dict[str, str], key: str
) -> None:
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(task.pop("content")).encode())
    world.send(task | identity | {"content_ref": f"s3://{BUCKET}/{key}"})
    [result] = world.results(1)
    assert result.result
    assert world.runtime.done[0][1]["prompt"] == "A dog"


@pytest.mark.parametrize(
    "reference",
    [
        f"s3://{BUCKET}/_easel/payloads/direct/missing.json",
        # Another task's, which the intake has stored.
        f"s3://{BUCKET}/_easel/payloads/{UID}.json",
        f"s3://{BUCKET}/_easel/payloads/direct",
        f"s3://{BUCKET}/output/other/other-abcd.out",
        "s3://elsewhere/_easel/payloads/x.json",
    ],
)
def test_a_reference_that_leads_nowhere_is_the_callers_fault(
    world: World, task: dict[str, Any], reference: str
) -> None:
    del task["content"]
    world.send(task | {"content_ref": reference})
    [result] = world.results(1)
    assert result.error is not None
    assert result.error.code is TaskErrorCode.INPUT_UNAVAILABLE
    assert reference in result.error.message
    eventually(world.settled)
    assert world.runtime.done == []


def test_a_rejected_task_fails_once_and_is_gone(world: World, task: dict[str, Any]) -> None:
    error = RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, "Sampler not found")
    world.runtime.script = [error]
    world.send(task)
    [result] = world.results(1)
    assert result.error == error.error
    assert not result.result
    eventually(world.settled)
    assert world.dead_letters() == 0


def test_a_task_type_of_another_runtime_is_rejected(world: World, task: dict[str, Any]) -> None:
    task["metadata"]["tasktype"] = "pipeline"
    world.send(task)
    [result] = world.results(1)
    assert result.error is not None
    assert result.error.code is TaskErrorCode.UNSUPPORTED_TASK
    assert "text-to-image" in result.error.message
    assert world.runtime.done == []


def test_outputs_whose_list_no_callback_can_carry_are_a_failure_that_says_so(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel_agent.uploads._MAX_URLS_BYTES", 100)
    world.send(task)
    [result] = world.results(1)
    assert result.error is not None
    assert result.error.code is TaskErrorCode.RUNTIME_FAILED
    assert "2 outputs does not fit into a callback" in result.error.message
    eventually(world.settled)


def test_a_transient_error_is_tried_again(world: World, task: dict[str, Any]) -> None:
    world.runtime.script = [TransientError("out of memory")]
    world.send(task)
    [result] = world.results(1)
    assert result.result
    assert len(world.runtime.done) == 2
    eventually(world.settled)


def test_the_last_try_ends_in_a_callback_and_the_dead_letter_queue(
    world: World, task: dict[str, Any]
) -> None:
    world.runtime.script = [TransientError("out of memory"), TransientError("out of memory")]
    world.send(task)
    [result] = world.results(1)
    assert result.error is not None
    assert (result.error.retryable, result.error.message) == (True, "out of memory")
    eventually(world.settled)
    assert world.dead_letters() == 1


def test_a_fault_of_ours_does_not_end_the_worker(world: World, task: dict[str, Any]) -> None:
    world.runtime.script = [ZeroDivisionError("a bug")]
    world.send(task)
    [result] = world.results(1)
    assert result.result


def test_a_dead_runtime_gets_the_task_again_when_it_is_back(
    world: World, task: dict[str, Any]
) -> None:
    def die() -> None:
        world.runtime.ready = False
        raise RuntimeDeadError("connection refused")

    world.runtime.script = [die]
    world.send(task)
    eventually(lambda: bool(world.runtime.done))
    eventually(lambda: not world.settled())
    assert len(world.runtime.done) == 1
    world.runtime.ready = True
    [result] = world.results(1)
    assert result.result
    assert world.runtime.warm_ups == 2


@pytest.mark.parametrize(
    ("body", "results"),
    [
        ("no json", 0),
        ("[]", 0),
        ('{"metadata": {"id": "../x"}}', 0),
        ('{"metadata": {"id": "readable"}, "content": {}}', 1),
        ('{"metadata": {"id": "readable"}}', 1),
    ],
)
def test_a_poison_message_is_buried_and_its_sender_told_where_he_is_known(
    world: World, task: dict[str, Any], body: str, results: int
) -> None:
    world.send(body)
    world.send(task)
    found = world.results(results + 1)
    told = [result for result in found if result.id == "readable"]
    assert len(told) == results
    assert all(r.error and r.error.code is TaskErrorCode.INVALID_TASK for r in told)
    eventually(world.settled)
    assert world.dead_letters() == 1


def test_a_poison_message_with_a_context_that_fits_into_no_callback_is_buried_and_told(
    world: World, task: dict[str, Any]
) -> None:
    # With what a callback has beside it that is more than SNS takes.
    world.send(json.dumps({"metadata": {"id": "readable", "context": "x" * 261_950}}))
    world.send(task)
    [told] = [result for result in world.results(2) if result.id == "readable"]
    assert told.context is None
    assert told.error
    assert "metadata.context: must be at most 32768 bytes" in told.error.message
    eventually(world.settled)
    assert world.dead_letters() == 1


def test_a_poison_message_is_buried_where_the_topic_refuses_what_is_to_be_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        status = {"HTTPStatusCode": 400}
        answer: Any = {"Error": {"Code": "InvalidParameter"}, "ResponseMetadata": status}
        raise ClientError(answer, "Publish")

    monkeypatch.setattr(world.agent_sns, "publish", refuse)
    world.send('{"metadata": {"id": "readable"}}')
    eventually(lambda: world.dead_letters() == 1)
    eventually(world.settled)


def test_stop_finishes_the_running_task_and_begins_no_other(
    world: World, task: dict[str, Any]
) -> None:
    running, go_on = threading.Event(), threading.Event()

    def work() -> None:
        running.set()
        assert go_on.wait(DEADLINE_SECONDS)

    world.runtime.script = [work]
    world.send(task)
    assert running.wait(DEADLINE_SECONDS)
    world.send(task)
    world.worker.stop()
    go_on.set()
    world.thread.join(DEADLINE_SECONDS)
    [result] = world.results(1)
    assert result.result
    assert len(world.runtime.done) == 1
    assert not world.settled()
