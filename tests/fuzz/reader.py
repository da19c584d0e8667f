"""The agent's way from a message to a task, on an AWS that only takes notes.

All parts are the agent's own, but that AWS's clients keep what is sent to them, that a delivery is
made at once instead of by a thread, that no URL is fetched, and that records are not written.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from easel_agent.claims import Claims
from easel_agent.delivery import Delivery, Destinations
from easel_agent.device_history import DeviceHistory
from easel_agent.errors import RejectedTaskError
from easel_agent.failure_handler import FailureHandler
from easel_agent.heartbeat import Heartbeat
from easel_agent.inputs import InputLoader
from easel_agent.lease import Lease, LeaseHolder
from easel_agent.lifecycle import TaskState
from easel_agent.metrics import Metrics
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.picture_sizes import PixelBudget
from easel_agent.preparation import Preparation
from easel_agent.pricing import Pricing
from easel_agent.queue import QueueMessage, TaskQueue
from easel_agent.retry_policy import RetryPolicy
from easel_agent.runtimes.base import Fetch
from easel_agent.runtimes.comfyui import request as comfyui_request
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui import request as sdwebui_request
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_agent.settings import AgentSettings
from easel_agent.urls import ContentUrl
from easel_contract.errors import TaskErrorCode
from easel_contract.plain_text import is_sendable
from easel_contract.record import TaskRecord, TaskStatus, item_of
from easel_contract.result import TaskResult
from easel_contract.task import TaskType
from tests.fuzz.messages import MAX_BYTES

MAX_ITEM_BYTES = 400 * 1024
"""Of DynamoDB."""
BUCKET = "outputbucket"
_SETTINGS = {
    "EASEL_RUNTIME_NAME": "sdruntime",
    "EASEL_RUNTIME_TYPE": "sdwebui",
    "EASEL_RUNTIME_URL": "http://127.0.0.1:9",
    "EASEL_QUEUE_URL": "queue",
    "EASEL_DEAD_LETTER_QUEUE_URL": "dead-letters",
    "EASEL_NOTIFICATIONS_TOPIC_ARN": "topic",
    "EASEL_OUTPUT_BUCKET": BUCKET,
    "EASEL_RECORDS_TABLE": "records",
}


@dataclass
class Notes:
    """What AWS was told about one message."""

    callbacks: list[TaskResult] = field(default_factory=list)
    deleted: int = 0
    dead_letters: int = 0
    given_back: int = 0
    ended: list[TaskStatus] = field(default_factory=list)


class Sender:
    """SQS, SNS and S3 as far as a message's way needs them; what they would refuse is refused."""

    def __init__(self) -> None:
        self.notes = Notes()

    def publish(self, **asked: Any) -> None:
        attributes = (one["StringValue"] for one in asked["MessageAttributes"].values())
        _check_sendable(asked["Message"], *attributes)
        self.notes.callbacks.append(TaskResult.model_validate_json(asked["Message"]))

    def send_message(self, **asked: Any) -> None:
        _check_sendable(asked["MessageBody"])
        self.notes.dead_letters += 1

    def delete_message(self, **_: Any) -> None:
        self.notes.deleted += 1

    def change_message_visibility(self, **_: Any) -> None:
        self.notes.given_back += 1

    def get_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")


def _check_sendable(*texts: str) -> None:
    # A lone surrogate ends in an UnicodeEncodeError here, as it does in botocore.
    size = sum(len(text.encode()) for text in texts)
    if size > MAX_BYTES or not all(map(is_sendable, texts)):
        raise ClientError({"Error": {"Code": "InvalidParameter", "Message": ""}}, "Publish")


def _names_its_task(body: str) -> bool:
    """Whether a message says whose task it is, however wrong the rest."""
    try:
        value = json.loads(body)
        if value.get("Type") == "Notification":
            value = json.loads(value["Message"])
        return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", value["metadata"]["id"]))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return False


class NotedClaims(Claims):
    """Claims whose records are noted instead of written."""

    def __init__(self, sender: Sender, settings: AgentSettings) -> None:
        super().__init__(None, settings)  # type: ignore[arg-type]
        self._sender = sender

    def end_waiting(self, waiting: TaskRecord, status: TaskStatus, *, result: str) -> None:
        item = item_of(waiting.model_copy(update={"result": result}))
        size = sum(len(key) + len(*value.values()) for key, value in item.items())
        assert size <= MAX_ITEM_BYTES, "DynamoDB takes no such record"
        self._sender.notes.ended.append(status)

    def _uid_of_key(self, *arguments: Any) -> str:
        return str(arguments[-1])


class PromptDelivery(Delivery):
    """Delivers before `submit` returns."""

    def _start(self, lease: Lease, act: Callable[[], None], held_bytes: int = 0) -> "Future[None]":
        del lease, held_bytes
        act()
        return Future()


class OfflineInputs(InputLoader):
    """Fetches nothing: what has a URL is refused."""

    def fetch(
        self, urls: Iterable[ContentUrl], tenant: str, pixels: PixelBudget | None = None
    ) -> dict[str, bytes]:
        del tenant, pixels
        fields = [one.field for one in urls]
        if fields:
            raise RejectedTaskError(TaskErrorCode.INPUT_UNAVAILABLE, f"{fields[0]}: no network")
        return {}


class ReadingRuntime(SdWebUi):
    """Reads a task's content as both adapters do before they send anything."""

    def place_inputs(self, content: dict[str, Any], fetch: Fetch, job: Job) -> dict[str, Any]:
        content = super().place_inputs(content, fetch, job)
        for tasktype in TaskType:
            _rejects_or_reads(partial(sdwebui_request.read_request, tasktype, content))
        _rejects_or_reads(partial(comfyui_request.read_request, content))
        return content


def _rejects_or_reads(read: Callable[[], object]) -> None:
    try:
        read()
    except RejectedTaskError:
        return


class MessageReader:
    """Takes messages one by one as an agent's preparation does."""

    def __init__(self) -> None:
        """Makes an agent without a worker."""
        self._sender = sender = Sender()
        settings = AgentSettings.from_environment(_SETTINGS)
        claims, metrics = NotedClaims(sender, settings), Metrics(settings.runtime_name)
        policy, notifier = RetryPolicy(settings), Notifier(sender, "topic")  # type: ignore[arg-type]
        queue = TaskQueue(sender, "queue", "dead-letters", 120)  # type: ignore[arg-type]
        self._holder = LeaseHolder(queue, Heartbeat(queue, 40), claims, metrics)
        outputs = OutputStore(sender, BUCKET)  # type: ignore[arg-type]
        pricing = Pricing(None, "USD")
        delivery = PromptDelivery(
            settings.runtime_name, policy, Destinations(claims, outputs, notifier, pricing, metrics)
        )
        self._preparation = Preparation(
            settings,
            runtime=ReadingRuntime(
                settings.runtime_url, task_timeout_seconds=600, wait_seconds=300, dynamic_model=True
            ),
            inputs=OfflineInputs(sender, BUCKET, settings.fetch_limits()),  # type: ignore[arg-type]
            claims=claims,
            failure_handler=FailureHandler(settings.runtime_name, policy, delivery, notifier),
            device=DeviceHistory(),
        )
        self._ids = itertools.count()

    def read(self, body: str) -> tuple[str, Notes]:
        """Reads a message.

        Returns:
            How the message ended, "ready" where it is a task for the runtime, and what was told.

        Raises:
            AssertionError: the message is lost, or nobody was told of a task that was given up.
            Exception: whatever would have ended the agent's thread.
        """
        self._sender.notes = notes = Notes()
        message = QueueMessage(f"m-{next(self._ids)}", body, "handle", 1, datetime.now(UTC))
        lease = self._holder.hold(message, 900)
        prepared = self._preparation.prepare(lease)
        if prepared is not None:
            assert lease.state is TaskState.READY
            lease.abandon("fuzz")
            return "ready", notes
        if lease.state is TaskState.DEAD_LETTERED:
            assert (notes.dead_letters, notes.deleted) == (1, 1)
            assert notes.callbacks or not _names_its_task(body), "its sender was not told"
        elif lease.state is TaskState.DONE:
            assert (notes.dead_letters, notes.deleted) == (0, 1)
            assert len(notes.callbacks) == 1, "a task was ended and nobody told"
            assert notes.ended == [TaskStatus.FAILED]
        else:
            raise AssertionError(f"a message is lost: {lease.state}")
        return str(lease.state), notes
