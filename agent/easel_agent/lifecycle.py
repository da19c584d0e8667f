"""The life of one task in this agent, from its message to the message's end.

The drawing is in docs/architecture.md; this class refuses what it does not show.
"""

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from easel_agent.queue import QueueMessage
from easel_contract.task import TaskMessage

logger = logging.getLogger(__name__)


class TaskState(StrEnum):
    """Where a task stands."""

    RECEIVED = "received"  # ours for as long as the heartbeat keeps it
    PREPARING = "preparing"  # content and inputs are loaded, an earlier result looked for
    READY = "ready"  # waits for the runtime
    RUNNING = "running"  # the runtime works on it
    DELIVERING = "delivering"  # pictures, record and callback are on their way
    DONE = "done"  # announced and deleted
    BURIED = "buried"  # announced where possible, and in the dead-letter queue
    RETURNED = "returned"  # visible in the queue again, now or after a delay


_TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.RECEIVED: frozenset({TaskState.PREPARING, TaskState.BURIED, TaskState.RETURNED}),
    TaskState.PREPARING: frozenset(
        {TaskState.READY, TaskState.DELIVERING, TaskState.BURIED, TaskState.RETURNED}
    ),
    TaskState.READY: frozenset({TaskState.RUNNING, TaskState.RETURNED}),
    TaskState.RUNNING: frozenset({TaskState.DELIVERING, TaskState.RETURNED}),
    TaskState.DELIVERING: frozenset({TaskState.DONE, TaskState.BURIED, TaskState.RETURNED}),
    TaskState.DONE: frozenset(),
    TaskState.BURIED: frozenset(),
    TaskState.RETURNED: frozenset(),
}

END_STATES = frozenset(state for state, following in _TRANSITIONS.items() if not following)


class TaskRun:
    """One delivery of one task.

    Attributes:
        message: the queue's.
        deadline: of `time.monotonic()`; until then the heartbeat keeps the message ours.
        received_at: of `time.monotonic()`.
    """

    def __init__(self, message: QueueMessage, ceiling_seconds: float) -> None:
        self.message = message
        self.received_at = time.monotonic()
        self.deadline = self.received_at + ceiling_seconds
        self._task: TaskMessage | None = None
        self._state = TaskState.RECEIVED
        self._lock = threading.Lock()
        self._on_end: list[Callable[[], None]] = []

    @property
    def task(self) -> TaskMessage:
        """The task in the message; from PREPARING on there always is one.

        Raises:
            RuntimeError: it has not been read yet.
        """
        if self._task is None:
            raise RuntimeError("the message has not been read yet")
        return self._task

    @property
    def state(self) -> TaskState:
        """Where it stands."""
        return self._state

    def begin_preparing(self, task: TaskMessage) -> None:
        """The message was read."""
        self._task = task
        self.move(TaskState.PREPARING)

    def on_end(self, call: Callable[[], None]) -> None:
        """Has something called when an end state is reached."""
        self._on_end.append(call)

    def move(self, state: TaskState) -> None:
        """Goes on to another state.

        Raises:
            RuntimeError: no way leads there from the present one: a fault of ours.
        """
        with self._lock:
            if state not in _TRANSITIONS[self._state]:
                raise RuntimeError(f"a task cannot go from {self._state} to {state}")
            self._state = state
        logger.debug("state", extra={"message_id": self.message.message_id, "state": state})
        if state in END_STATES:
            for call in self._on_end:
                call()
