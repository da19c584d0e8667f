"""How long tasks take here: when to fetch the next one, and how long to hold it."""

import threading
import time

from easel_contract.task import TaskType

_WEIGHT = 0.3
"""Of the newest duration in the moving average."""
_LEAD_SECONDS = 2.0
"""Enough to receive a task and fetch its inputs before the running one ends."""
_MIN_HOLD_SECONDS = 5.0
_QUICK_SECONDS = 0.05


class PrefetchPolicy:
    """Follows the runtime's jobs; one runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._averages: dict[TaskType, float] = {}
        self._running: tuple[TaskType, float] | None = None
        self._last: TaskType | None = None

    def begin(self, tasktype: TaskType) -> None:
        """A job has begun."""
        with self._lock:
            self._running = (tasktype, time.monotonic())
            self._last = tasktype

    def end(self, *, measured: bool) -> None:
        """The job has ended.

        Args:
            measured: whether its duration tells something of the next one's.
        """
        with self._lock:
            if self._running is None:
                return
            tasktype, started = self._running
            self._running = None
            if measured:
                seconds = time.monotonic() - started
                average = self._averages.get(tasktype, seconds)
                self._averages[tasktype] = average + _WEIGHT * (seconds - average)

    def is_idle(self) -> bool:
        """Whether no job runs."""
        return self._running is None

    def wants_next(self) -> bool:
        """Whether it is time to take the next task: no task runs, or the running one ends soon.

        A task taken earlier would wait here while another agent may be idle.
        """
        left = self.left_seconds()
        return left is None or left <= _LEAD_SECONDS

    def is_quick(self) -> bool:
        """Whether the last kind of task takes no longer than receiving one."""
        with self._lock:
            average = None if self._last is None else self._averages.get(self._last)
            return average is not None and average < _QUICK_SECONDS

    def hold_seconds(self) -> float:
        """How long to hold a task that is ready before giving it back."""
        return max(_MIN_HOLD_SECONDS, 2 * (self.left_seconds() or 0.0))

    def left_seconds(self) -> float | None:
        """Seconds until the running job is expected to end; None where nothing is known."""
        expected = self.expected_end_seconds()
        return None if expected is None else max(0.0, expected)

    def expected_end_seconds(self) -> float | None:
        """As `left_seconds`, but less than 0 for a job that takes longer than expected."""
        with self._lock:
            if self._running is None:
                return 0.0
            tasktype, started = self._running
            average = self._averages.get(tasktype)
            if average is None:
                return None
            return average - (time.monotonic() - started)
