"""Whatever happens to a task, it ends in one callback and its message in the right place."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_agent import runtime_watch
from easel_agent.assembly import Agent
from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.base import Fetch, Generation
from easel_agent.settings import AgentSettings
from easel_agent.settlement import Settlement
from easel_contract.envelope import decode_result
from easel_contract.errors import TaskErrorCode
from easel_contract.result import TaskResult
from easel_contract.task import TaskType

pytestmark = pytest.mark.unit

BUCKET = "outputbucket"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
DEADLINE_SECONDS = 10


class FakeRuntime:
    """Does what its script says, one entry a task; then makes pictures."""

    def __init__(self) -> None:
        self.script: list[Exception | Callable[[], None]] = []
        self.done: list[tuple[TaskType, dict[str, Any]]] = []
        self.ready = True
        self.warm_ups = 0
        self.interrupted = threading.Event()

    def is_ready(self) -> bool:
        return self.ready

    def is_idle(self) -> bool:
        return self.ready

    def interrupt(self) -> None:
        self.interrupted.set()

    def abort(self) -> None:
        raise AssertionError("nothing hangs here")

    def warm_up(self) -> None:
        self.warm_ups += 1

    def place_inputs(self, content: dict[str, Any], _: Fetch) -> dict[str, Any]:
        return content

    def generate(self, tasktype: TaskType, content: dict[str, Any]) -> Generation:
        self.done.append((tasktype, content))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()
        return Generation([PNG, b"GIF89a"], b'{"images": []}')


class World:
    """Queues, topics and bucket in moto, and an agent that works on them."""

    def __init__(self) -> None:
        self.sqs, self.s3 = boto3.client("sqs"), boto3.client("s3")
        self._sns = boto3.client("sns")
        self.queue_url, _ = self._queue("tasks")
        self.dead_letter_queue_url, _ = self._queue("dead-letters")
        self._results_url, results_arn = self._queue("results")
        self.topic_arn = self._sns.create_topic(Name="notifications")["TopicArn"]
        self._sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=results_arn)
        self.s3.create_bucket(Bucket=BUCKET)
        self.runtime = FakeRuntime()
        self.settings = AgentSettings.from_environment(
            {
                "EASEL_RUNTIME_NAME": "sdruntime",
                "EASEL_RUNTIME_TYPE": "sdwebui",
                "EASEL_RUNTIME_URL": "http://127.0.0.1:7860",
                "EASEL_QUEUE_URL": self.queue_url,
                "EASEL_DEAD_LETTER_QUEUE_URL": self.dead_letter_queue_url,
                "EASEL_NOTIFICATIONS_TOPIC_ARN": self.topic_arn,
                "EASEL_OUTPUT_BUCKET": BUCKET,
                "EASEL_RECEIVE_WAIT_SECONDS": "1",
                "EASEL_MAX_RECEIVE_COUNT": "2",
                "EASEL_SHUTDOWN_GRACE_SECONDS": "60",
            }
        )
        self.worker = Agent(
            self.settings, self.runtime, sqs=self.sqs, sns=self._sns, s3=self.s3
        ).worker
        self.thread = threading.Thread(target=self.worker.run)

    def send(self, body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)

    def results(self, count: int) -> list[TaskResult]:
        """Waits for that many results, and a moment longer: there must not be more."""
        found: list[TaskResult] = []
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            answer = self.sqs.receive_message(QueueUrl=self._results_url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            found += [decode_result(message["Body"]) for message in messages]
            if len(found) >= count and not messages:
                break
            time.sleep(0.02)
        assert len(found) == count
        return found

    def settled(self) -> bool:
        """Whether the queue is empty, waiting messages and held ones counted."""
        attributes = self._attributes(self.queue_url)
        return all(
            attributes[name] == "0"
            for name in (
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            )
        )

    def dead_letters(self) -> int:
        return int(self._attributes(self.dead_letter_queue_url)["ApproximateNumberOfMessages"])

    def _queue(self, name: str) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        return url, self._attributes(url)["QueueArn"]

    def _attributes(self, url: str) -> dict[str, str]:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return {str(name): value for name, value in answer["Attributes"].items()}


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(Settlement, "_back_off_seconds", lambda *_: 0)
    monkeypatch.setattr(runtime_watch, "_POLL_SECONDS", 0.02)
    with mock_aws():
        world = World()
        world.thread.start()
        yield world
        world.worker.stop()
        world.thread.join(DEADLINE_SECONDS)
        assert not world.thread.is_alive()


@pytest.fixture
def task(golden: Callable[[str], Any]) -> dict[str, Any]:
    message: dict[str, Any] = golden("task-v1alpha2-text-to-image")
    return message


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


def test_content_by_reference_is_loaded(world: World, task: dict[str, Any]) -> None:
    key = "_easel/payloads/test-t2i-1.json"
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(task.pop("content")).encode())
    world.send(task | {"content_ref": f"s3://{BUCKET}/{key}"})
    [result] = world.results(1)
    assert result.result
    assert world.runtime.done[0][1]["prompt"] == "A dog"


@pytest.mark.parametrize(
    "reference",
    [
        f"s3://{BUCKET}/_easel/payloads/missing.json",
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
