"""Queues, topics and bucket in moto, and an agent that works on them with a scripted runtime."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3

from easel_agent.assembly import Agent, AwsClients
from easel_agent.runtimes.base import Fetch, Finished, Generation
from easel_agent.settings import AgentSettings
from easel_contract.envelope import decode_result
from easel_contract.result import TaskResult
from easel_contract.task import TaskType

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

    def generate(self, tasktype: TaskType, content: dict[str, Any]) -> Finished:
        self.done.append((tasktype, content))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()
        return Finished(lambda: Generation(b'{"images": []}', iter([PNG, b"GIF89a"])))


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
        clients = AwsClients(self.sqs, self._sns, self.s3)
        self.agent = Agent(self.settings, self.runtime, clients)
        self.worker = self.agent.worker
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

    def no_more_results(self) -> None:
        """Checks that nothing is published any more: call it when the queue is empty."""
        answer = self.sqs.receive_message(QueueUrl=self._results_url, MaxNumberOfMessages=10)
        assert "Messages" not in answer

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

    def waiting(self) -> int:
        """How many messages an agent could receive now."""
        return int(self._attributes(self.queue_url)["ApproximateNumberOfMessages"])

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
