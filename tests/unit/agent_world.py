"""Queues, topics and bucket in moto, and an agent that works on them with a scripted runtime."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import boto3

from easel_agent.composition import Agent, AwsClients
from easel_agent.runtimes.base import Fetch, Finished, Generation, MadeFile, Runtime, RuntimeState
from easel_agent.runtimes.job import Job
from easel_agent.settings import AgentSettings
from easel_agent.traces import Traces
from easel_contract.envelope import decode_result
from easel_contract.record import Progress, TaskRecord
from easel_contract.result import TaskResult
from easel_contract.task import TaskMessage, TaskType
from easel_contract.uid import new_uid
from easel_records.table import TaskTable
from tests.unit.records_table import create_table

BUCKET = "outputbucket"
TABLE = "records"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
DEADLINE_SECONDS = 10


class FakeRuntime:
    """Does what its script says, one entry a task; then makes pictures."""

    def __init__(self) -> None:
        self.script: list[Exception | Callable[[], None]] = []
        self.done: list[tuple[TaskType, dict[str, Any]]] = []
        self.ready = True
        self.warm_ups = 0
        self.freed = 0
        self.pictures = 2
        self.stopped_by: Exception | None = None
        self.told: Progress | None = None

    def is_ready(self) -> bool:
        return self.ready

    def state(self) -> RuntimeState:
        return RuntimeState(answers=self.ready, reason="" if self.ready else "it is not there")

    def free_memory(self) -> None:
        self.freed += 1

    def progress(self) -> Progress | None:
        return self.told

    def warm_up(self, job: Job) -> None:
        job.check()
        self.warm_ups += 1

    def place_inputs(self, content: dict[str, Any], _: Fetch, __: Job) -> dict[str, Any]:
        return content

    def generate(self, tasktype: TaskType, content: dict[str, Any], job: Job) -> Finished:
        job.check()
        self.done.append((tasktype, content))
        job.begun()
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        with job.interruptible(self._stop):
            if step is not None:
                step()
        job.check()
        return Finished(
            lambda: Generation(b'{"images": []}', map(MadeFile, [PNG, b"GIF89a"][: self.pictures]))
        )

    def wait_until_stopped(self) -> None:
        """A step of the script: works until the job is stopped."""
        eventually(lambda: self.stopped_by is not None)

    def _stop(self, error: Exception) -> None:
        self.stopped_by = error


class World:
    """Queues, topics and bucket in moto, and an agent that works on them.

    Args:
        runtime: an adapter; None takes a scripted runtime.
        runtime_type: the adapter's.
        more: further settings, by the names of their environment variables.
        traces: who is told of tasks.
    """

    def __init__(
        self,
        runtime: Runtime | None = None,
        runtime_type: str = "sdwebui",
        more: Mapping[str, str] = MappingProxyType({}),
        traces: Traces | None = None,
    ) -> None:
        self.sqs, self.s3 = boto3.client("sqs"), boto3.client("s3")
        # The receiver's own: tests break the agent's.
        self._receiver = boto3.client("sqs")
        self._sns = boto3.client("sns")
        self.queue_url, _ = self._queue("tasks")
        self.dead_letter_queue_url, _ = self._queue("dead-letters")
        self._results_url, results_arn = self._queue("results")
        self.topic_arn = self._sns.create_topic(Name="notifications")["TopicArn"]
        self._sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=results_arn)
        self.s3.create_bucket(Bucket=BUCKET)
        self.dynamodb = boto3.client("dynamodb")
        create_table(self.dynamodb, TABLE)
        self.table = TaskTable(self.dynamodb, TABLE)
        self.runtime = FakeRuntime()
        settings = self._settings({"EASEL_RUNTIME_TYPE": runtime_type})
        self.settings = AgentSettings.from_environment(settings | dict(more))
        self.agent_sns: Any = boto3.client("sns")
        clients = AwsClients(self.sqs, self.agent_sns, self.s3, self.dynamodb)
        self.agent = Agent(self.settings, runtime or self.runtime, clients, traces)
        self.worker = self.agent.worker
        self.thread = threading.Thread(target=self.worker.run)

    def _settings(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "EASEL_RUNTIME_NAME": "sdruntime",
            "EASEL_RUNTIME_URL": "http://127.0.0.1:7860",
            "EASEL_QUEUE_URL": self.queue_url,
            "EASEL_DEAD_LETTER_QUEUE_URL": self.dead_letter_queue_url,
            "EASEL_NOTIFICATIONS_TOPIC_ARN": self.topic_arn,
            "EASEL_OUTPUT_BUCKET": BUCKET,
            "EASEL_RECEIVE_WAIT_SECONDS": "1",
            "EASEL_RECORDS_TABLE": TABLE,
            "EASEL_MAX_ATTEMPTS": "2",
            "EASEL_PRICE_PER_HOUR": "3.6",
            "EASEL_SHUTDOWN_GRACE_SECONDS": "60",
            **more,
        }

    def send(self, body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)

    def accept(self, body: dict[str, Any], **metadata: Any) -> TaskRecord:
        """Sends a task as the intake does: with a record."""
        message, record = self._accepted(body, metadata)
        self.table.put_new(record)
        self.send(message.to_json())
        return record

    def prepared_record(self, body: dict[str, Any]) -> TaskRecord:
        """What `accept` would write."""
        return self._accepted(body, {})[1]

    def _accepted(
        self, body: dict[str, Any], metadata: dict[str, Any]
    ) -> tuple[TaskMessage, TaskRecord]:
        asked = body | {"metadata": body["metadata"] | metadata}
        message = TaskMessage.model_validate(
            asked | {"uid": new_uid(), "tenant": "default", "created_at": datetime.now(UTC)}
        )
        record = TaskRecord.accepted(
            message,
            uid=message.uid or "",
            tenant="default",
            scope="default",
            expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(days=1),
        )
        return message, record

    def record(self, uid: str) -> TaskRecord:
        found = self.table.get(uid)
        assert found is not None
        return found

    def results(self, count: int) -> list[TaskResult]:
        """Waits for that many results, and a moment longer: there must not be more."""
        found: list[TaskResult] = []
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            answer = self._receiver.receive_message(
                QueueUrl=self._results_url, MaxNumberOfMessages=10
            )
            messages = answer.get("Messages", [])
            for message in messages:  # else it is there again after half a minute
                self._receiver.delete_message(
                    QueueUrl=self._results_url, ReceiptHandle=message["ReceiptHandle"]
                )
            found += [decode_result(message["Body"]) for message in messages]
            if len(found) >= count and not messages:
                break
            time.sleep(0.02)
        assert len(found) == count
        return found

    def no_more_results(self) -> None:
        """Checks that nothing is published any more: call it when the queue is empty."""
        answer = self._receiver.receive_message(QueueUrl=self._results_url, MaxNumberOfMessages=10)
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
