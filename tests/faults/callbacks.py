"""Collects every callback that a subscriber of the notifications topic sees."""

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.envelope import decode_result
from easel_contract.errors import ContractError
from easel_contract.result import ResultStatus, TaskResult
from tests.faults.aws_resources import AwsResources

_WAIT_SECONDS = 1
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Callback:
    """One delivery of a result.

    Attributes:
        result: what was published.
        published_at: seconds since the epoch, when the queue took it.
    """

    result: TaskResult
    published_at: float


class CallbackCollector:
    """A thread that receives until it is stopped."""

    def __init__(self, resources: AwsResources) -> None:
        self._resources = resources
        self._sqs = resources.aws.new("sqs")
        self._lock = threading.Lock()
        self._callbacks: dict[str, list[Callback]] = defaultdict(list)
        self._unreadable: list[str] = []
        self._uids: set[str] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._collect, name="callbacks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def expect(self, keys: Iterable[str]) -> None:
        """Tells of tasks that are known by their uid; others are known by their id."""
        with self._lock:
            self._uids |= set(keys)

    def finals(self) -> dict[str, list[Callback]]:
        """The final callbacks so far, by the tasks' keys, in the order of their arrival."""
        with self._lock:
            return {task_id: list(callbacks) for task_id, callbacks in self._callbacks.items()}

    def unreadable(self) -> list[str]:
        """Bodies that are no result message."""
        with self._lock:
            return list(self._unreadable)

    def _collect(self) -> None:
        while not self._stopped.is_set():
            try:
                self._take()
            except (BotoCoreError, ClientError):
                # The emulator is being restarted; the messages stay in the queue.
                self._stopped.wait(_PAUSE_SECONDS)

    def _take(self) -> None:
        url = self._resources.results_queue_url
        answer: Any = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        for message in answer.get("Messages", []):
            self._note(message["Body"], int(message["Attributes"]["SentTimestamp"]) / 1000)
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def _note(self, body: str, published_at: float) -> None:
        try:
            result = decode_result(body)
        except ContractError:
            with self._lock:
                self._unreadable.append(body)
            return
        if result.status is not ResultStatus.RUNNING:
            with self._lock:
                key = result.uid if result.uid in self._uids else result.id
                self._callbacks[key or ""].append(Callback(result, published_at))
