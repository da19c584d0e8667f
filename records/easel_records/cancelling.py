"""The reader's side of a cancellation."""

from collections.abc import Callable
from datetime import UTC, datetime

from easel_contract.record import CANCEL_WAITING, TaskRecord, TaskStatus
from easel_records.expressions import Update
from easel_records.table import ConditionFailedError, TaskTable


class TaskCancelling:
    """Cancels waiting tasks at once and asks the agents to cancel running ones."""

    def __init__(
        self, table: TaskTable, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._table = table
        self._now = now

    def cancel_waiting(self, uid: str, *, result: str) -> TaskRecord | None:
        """Cancels a task that no agent has.

        Args:
            uid: of the task.
            result: the callback, as it is to be published.

        Returns:
            The record as it is then; None where the task is not waiting any more.
        """
        update = Update().where_status(CANCEL_WAITING.sources)
        update.set(status=CANCEL_WAITING.target, result=result, finished_at=self._now())
        update.set_once(cancel_requested_at=self._now())
        return self._try(uid, update.remove("active", "lease_owner", "lease_until", "progress"))

    def request(self, uid: str) -> TaskRecord | None:
        """Asks the agent that runs a task to interrupt it; the agent looks every few seconds.

        Returns:
            The record as it is then; None where the task is not running any more.
        """
        update = Update().where_status({TaskStatus.RUNNING})
        return self._try(uid, update.set_once(cancel_requested_at=self._now()))

    def mark_announced(self, uid: str) -> None:
        """Notes that the callback of a cancelled task was published."""
        update = Update().where_status({TaskStatus.CANCELLED})
        self._try(uid, update.set(announced_at=self._now()))

    def _try(self, uid: str, update: Update) -> TaskRecord | None:
        try:
            return self._table.update(uid, update)
        except ConditionFailedError:
            return None
