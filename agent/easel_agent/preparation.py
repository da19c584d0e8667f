"""From a message to a task that the runtime can begin with, or to its end without the runtime."""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from easel_agent.claims import Claims
from easel_agent.device_history import DeviceHistory
from easel_agent.errors import AwsError, RejectedTaskError
from easel_agent.failure_handler import FailureHandler
from easel_agent.inputs import InputLoader
from easel_agent.lease import Lease
from easel_agent.lifecycle import TaskState
from easel_agent.runtimes.base import Runtime
from easel_agent.settings import AgentSettings
from easel_contract.envelope import UnreadableTaskError, decode_task
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import ReturnReason
from easel_contract.result import Timings
from easel_contract.task import TaskMessage, check_task_type


@dataclass(frozen=True)
class PreparedTask:
    """A task that waits for the runtime.

    Attributes:
        lease: its state is READY.
        content: with every file in its place.
        timings: until now.
    """

    lease: Lease
    content: dict[str, Any]
    timings: Timings


class Preparation:
    """Reads, checks and completes tasks."""

    def __init__(
        self,
        settings: AgentSettings,
        *,
        runtime: Runtime,
        inputs: InputLoader,
        claims: Claims,
        failure_handler: FailureHandler,
        device: DeviceHistory,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._inputs = inputs
        self._claims = claims
        self._failure_handler = failure_handler
        self._device = device
        self._lock = threading.Lock()
        self._in_flight: set[str] = set()

    def prepare(self, lease: Lease) -> PreparedTask | None:
        """Prepares a task that was just received.

        Returns:
            The task; None where it has ended already, which is seen to.
        """
        try:
            task = decode_task(lease.message.body)
        except UnreadableTaskError as error:
            self._failure_handler.dead_letter_unreadable(lease, error)
            return None
        if not self._read(lease, task) or not self._register(lease):
            return None
        if self._device.leaves_to_others(lease.uid):
            lease.abandon(ReturnReason.OUT_OF_MEMORY_HERE, self._settings.back_off_seconds)
            return None
        try:
            self._check_type(task)
            content = self._inputs.content_of(task)
            fetch = partial(
                self._inputs.fetch,
                tenant=lease.waiting.tenant,
                pixels=self._inputs.pixels_left(content),
            )
            content = self._runtime.place_inputs(content, fetch, lease.job)
        except Exception as error:  # noqa: BLE001 - every kind is handled, none ends the thread
            self._failure_handler.handle(lease, error)
            return None
        lease.move(TaskState.READY)
        timings = Timings(
            queued_seconds=_queued_seconds(task, time.monotonic() - lease.received_at),
            inputs_seconds=round(time.monotonic() - lease.received_at, 3),
        )
        return PreparedTask(lease, content, timings)

    def _read(self, lease: Lease, task: TaskMessage) -> bool:
        """Notes whose task it is; False where that could not be found out, which is seen to."""
        try:
            waiting = self._claims.waiting_record(lease.message, task)
        except AwsError:
            lease.abandon(ReturnReason.AWS, self._settings.back_off_seconds)
            return False
        except RejectedTaskError as error:
            # The task of the key is another one: this one gets a record, and an end, of its own.
            unkeyed = task.metadata.model_copy(update={"idempotency_key": None})
            task = task.model_copy(update={"metadata": unkeyed})
            lease.read(task, self._claims.waiting_record(lease.message, task))
            self._failure_handler.handle(lease, error)
            return False
        lease.read(task, waiting)
        return True

    def _register(self, lease: Lease) -> bool:
        """Notes a task's uid until its lease ends; False where another lease has the uid."""
        uid = lease.uid
        with self._lock:
            if uid not in self._in_flight:
                self._in_flight.add(uid)
                lease.on_end(lambda: self._in_flight.discard(uid))
                return True
        # Its result is on its way here: the next delivery finds the record ended.
        lease.abandon(ReturnReason.DUPLICATE, round(self._settings.lease_seconds))
        return False

    def _check_type(self, task: TaskMessage) -> None:
        try:
            check_task_type(task.metadata.tasktype, self._settings.runtime_type)
        except ValueError as error:
            raise RejectedTaskError(TaskErrorCode.UNSUPPORTED_TASK, str(error)) from error


def _queued_seconds(task: TaskMessage, since_received_seconds: float) -> float | None:
    if task.created_at is None or task.created_at.tzinfo is None:
        return None
    age = (datetime.now(UTC) - task.created_at).total_seconds() - since_received_seconds
    return max(0.0, round(age, 3))
