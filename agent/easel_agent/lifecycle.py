"""The states of one delivery of a task in this agent.

The drawing is in docs/architecture/02-agent.md; the table here refuses transitions that the
drawing does not show.
"""

import threading
from enum import StrEnum


class TaskState(StrEnum):
    """Where a task stands."""

    RECEIVED = "received"  # ours for as long as the heartbeat keeps the message
    PREPARING = "preparing"  # content and inputs are loaded
    READY = "ready"  # waits for the runtime, and is claimed at the end
    RUNNING = "running"  # the runtime works on the task
    DELIVERING = "delivering"  # pictures, record and callback are on their way
    DONE = "done"  # announced and deleted
    DEAD_LETTERED = "dead-lettered"  # announced where possible, and in the dead-letter queue
    RETURNED = "returned"  # visible in the queue again, now or after a delay
    LOST = "lost"  # another agent's by now


_TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.RECEIVED: frozenset(
        {TaskState.PREPARING, TaskState.DEAD_LETTERED, TaskState.RETURNED}
    ),
    TaskState.PREPARING: frozenset({TaskState.READY, TaskState.DELIVERING, TaskState.RETURNED}),
    TaskState.READY: frozenset(
        {TaskState.RUNNING, TaskState.DELIVERING, TaskState.RETURNED, TaskState.LOST}
    ),
    TaskState.RUNNING: frozenset({TaskState.DELIVERING, TaskState.RETURNED, TaskState.LOST}),
    TaskState.DELIVERING: frozenset(
        {TaskState.DONE, TaskState.DEAD_LETTERED, TaskState.RETURNED, TaskState.LOST}
    ),
    TaskState.DONE: frozenset(),
    TaskState.DEAD_LETTERED: frozenset(),
    TaskState.RETURNED: frozenset(),
    TaskState.LOST: frozenset(),
}

END_STATES = frozenset(state for state, following in _TRANSITIONS.items() if not following)


class Lifecycle:
    """The state of one delivery; safe to share between threads."""

    def __init__(self) -> None:
        self._state = TaskState.RECEIVED
        self._lock = threading.Lock()

    @property
    def state(self) -> TaskState:
        """The present state."""
        return self._state

    def move(self, state: TaskState) -> None:
        """Goes on to another state.

        Raises:
            RuntimeError: no way leads there from the present one: a fault of ours.
        """
        with self._lock:
            if state not in _TRANSITIONS[self._state]:
                raise RuntimeError(f"a task cannot go from {self._state} to {state}")
            self._state = state
