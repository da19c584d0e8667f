"""From a message to a task that the runtime can begin with, or to its end without the runtime."""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from easel_agent.delivery import Delivery
from easel_agent.errors import RejectedTaskError, TransientError
from easel_agent.inputs import InputLoader
from easel_agent.lifecycle import TaskRun, TaskState
from easel_agent.records import ResultRecords, fingerprint_of
from easel_agent.returning import Returning
from easel_agent.runtimes.base import Runtime
from easel_agent.settings import AgentSettings
from easel_agent.settlement import Settlement
from easel_contract.envelope import UnreadableTaskError, decode_task
from easel_contract.errors import TaskErrorCode
from easel_contract.result import Timings
from easel_contract.task import TaskMessage, check_task_type

_DUPLICATE_PAUSES = 6
"""Back-offs that a duplicate waits for the run that has its id."""


@dataclass(frozen=True)
class PreparedTask:
    """A task that waits for the runtime.

    Attributes:
        run: its state is READY.
        content: with every file in its place.
        fingerprint: of what was asked.
        timings: until now.
    """

    run: TaskRun
    content: dict[str, Any]
    fingerprint: str
    timings: Timings


class Preparation:
    """Reads, checks and completes tasks."""

    def __init__(
        self,
        settings: AgentSettings,
        *,
        runtime: Runtime,
        inputs: InputLoader,
        records: ResultRecords,
        delivery: Delivery,
        settlement: Settlement,
        returning: Returning,
    ) -> None:
        self._settings = settings
        self._returning = returning
        self._runtime = runtime
        self._inputs = inputs
        self._records = records
        self._delivery = delivery
        self._settlement = settlement
        self._lock = threading.Lock()
        self._in_flight: set[str] = set()

    def prepare(self, run: TaskRun) -> PreparedTask | None:
        """Prepares a task that was just received.

        Returns:
            The task; None where it has ended already, which is seen to.
        """
        try:
            task = decode_task(run.message.body)
        except UnreadableTaskError as error:
            self._settlement.bury_unreadable(run, error)
            return None
        run.begin_preparing(task)
        if not self._register(run):
            # Its result is on its way here: the next delivery finds the record.
            delay = _DUPLICATE_PAUSES * self._settings.back_off_seconds * run.message.receive_count
            self._returning.give_back(run, "duplicate in flight", delay)
            return None
        fingerprint = None
        try:
            self._check_type(task)
            content = self._inputs.content_of(task)
            fingerprint = fingerprint_of(task.metadata, content)
            record = self._records.find(task.metadata.id, fingerprint)
            if record is not None:
                # Sent again by its user it is answered again; a mere duplicate is not.
                sent_again = record.created_at != task.created_at
                self._delivery.repeat(run, record, even_if_announced=sent_again)
                return None
            self._check_tries(run)
            content = self._runtime.place_inputs(content, self._inputs.fetch)
        except Exception as error:  # noqa: BLE001 - every kind is settled, none ends the thread
            self._settlement.settle(run, error, fingerprint=fingerprint)
            return None
        run.move(TaskState.READY)
        timings = Timings(
            queued_seconds=_queued_seconds(task, time.monotonic() - run.received_at),
            inputs_seconds=round(time.monotonic() - run.received_at, 3),
        )
        return PreparedTask(run, content, fingerprint, timings)

    def _register(self, run: TaskRun) -> bool:
        """Notes a task's id until its run ends; False where another run has it."""
        task_id = run.task.metadata.id
        with self._lock:
            if task_id in self._in_flight:
                return False
            self._in_flight.add(task_id)
        run.on_end(lambda: self._in_flight.discard(task_id))
        return True

    def _check_type(self, task: TaskMessage) -> None:
        try:
            check_task_type(task.metadata.tasktype, self._settings.runtime_type)
        except ValueError as error:
            raise RejectedTaskError(TaskErrorCode.UNSUPPORTED_TASK, str(error)) from error

    def _check_tries(self, run: TaskRun) -> None:
        # Agents died with it as often as it may be tried, without a word: it may be the reason.
        if run.message.receive_count > self._settings.max_receive_count:
            raise TransientError(
                f"the task was begun {run.message.receive_count - 1} times and never ended",
                TaskErrorCode.INTERNAL,
            )


def _queued_seconds(task: TaskMessage, since_received_seconds: float) -> float | None:
    if task.created_at is None or task.created_at.tzinfo is None:
        return None
    age = (datetime.now(UTC) - task.created_at).total_seconds() - since_received_seconds
    return max(0.0, round(age, 3))
