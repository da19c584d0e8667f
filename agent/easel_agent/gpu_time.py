"""How much of the time the runtime has work, and how long easel lets it wait between two tasks."""

import threading
import time


class GpuTime:
    """A clock of the runtime's work; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._busy_seconds = 0.0
        self._looked_at = self._changed_at = time.monotonic()
        self._ended_at: float | None = None

    def began(self, received_at: float) -> float | None:
        """The runtime gets a task.

        Args:
            received_at: when this agent got the task, of `time.monotonic()`.

        Returns:
            Seconds that the runtime had nothing to do although this task was here; None where it
            was at work, or had not ended a task since the task came.
        """
        now = time.monotonic()
        with self._lock:
            self._count(now)
            self._running += 1
            ended_at, self._ended_at = self._ended_at, None
        is_first = self._running > 1 or ended_at is None or received_at > ended_at
        return None if is_first or ended_at is None else now - ended_at

    def ended(self) -> None:
        """The runtime has ended a task."""
        now = time.monotonic()
        with self._lock:
            self._count(now)
            self._running -= 1
            self._ended_at = now

    def busy_share(self) -> float:
        """Per cent of the time since the last call in which the runtime had a task."""
        now = time.monotonic()
        with self._lock:
            self._count(now)
            seconds, self._busy_seconds = self._busy_seconds, 0.0
            elapsed, self._looked_at = now - self._looked_at, now
        return 100 * min(1.0, seconds / elapsed) if elapsed > 0 else 0.0

    def _count(self, now: float) -> None:
        if self._running:
            self._busy_seconds += now - self._changed_at
        self._changed_at = now
