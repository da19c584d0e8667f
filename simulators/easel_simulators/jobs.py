"""How a simulated GPU spends its time: a turn in a FIFO queue, timed work, a log of what ran."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from easel_simulators.server import ConnectionDropped

MAX_RECORDS = 10_000


class Lifetime:
    """The time between a simulator's start and its end; whoever waits is woken by the end.

    One condition serves every wait of a simulator, so that ending it wakes them all.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._ended = False

    def end(self) -> None:
        """End the simulator."""
        with self.changed:
            self._ended = True
            self.changed.notify_all()

    def check(self) -> None:
        """Give up the request under way.

        Raises:
            ConnectionDropped: The simulator has ended.
        """
        if self._ended:
            raise ConnectionDropped

    def sleep(self, seconds: float | None) -> None:
        """Wait ``seconds``, or for ever when None.

        Raises:
            ConnectionDropped: The simulator ended meanwhile.
        """
        with self.changed:
            self.changed.wait_for(lambda: self._ended, seconds)
        self.check()


class FifoLock:
    """A lock that is taken in the order of arrival, which ``threading.Lock`` does not promise."""

    def __init__(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._changed = lifetime.changed
        self._tickets: deque[object] = deque()

    @property
    def pending(self) -> int:
        """How many wait, the holder not counted."""
        with self._changed:
            return max(len(self._tickets) - 1, 0)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock for the length of a ``with`` block.

        Raises:
            ConnectionDropped: The simulator ended while this one waited.
        """
        ticket = object()
        with self._changed:
            self._tickets.append(ticket)
        try:
            with self._changed:
                while self._tickets[0] is not ticket:
                    self._lifetime.check()
                    self._changed.wait()
            yield
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()


class Work:
    """A stretch of GPU time of known length that can be ended early."""

    def __init__(self, seconds: float, lifetime: Lifetime) -> None:
        """Start the clock.

        Args:
            seconds: How long the work takes.
            lifetime: Its end ends the wait.
        """
        self._seconds = seconds
        self._lifetime = lifetime
        self._started = time.monotonic()
        self._ended_early = False

    @property
    def fraction(self) -> float:
        """How much is done, from 0 to 1."""
        if self._seconds <= 0:
            return 1.0
        return min((time.monotonic() - self._started) / self._seconds, 1.0)

    def end_early(self) -> None:
        """Have ``wait`` return now."""
        with self._lifetime.changed:
            self._ended_early = True
            self._lifetime.changed.notify_all()

    def wait(self) -> float:
        """Wait until the work is done or ended early.

        Returns:
            How much was done, from 0 to 1; less than 1 only when it was ended early.

        Raises:
            ConnectionDropped: The simulator ended meanwhile.
        """
        deadline = self._started + self._seconds
        with self._lifetime.changed:
            while not self._ended_early:
                self._lifetime.check()
                left = deadline - time.monotonic()
                if left <= 0:
                    return 1.0
                self._lifetime.changed.wait(left)
        return min(self.fraction, 0.99)


@dataclass
class JobRecord:
    """What the log keeps of one job. Times are seconds since the epoch."""

    path: str
    task_id: str | None
    seed: int | None
    started_at: float
    ended_at: float | None = None
    outcome: str = "running"


class JobLog:
    """The jobs that ran, for tests and benchmarks: how many, when, how long the GPU was busy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: deque[JobRecord] = deque(maxlen=MAX_RECORDS)
        self._jobs = 0
        self._busy_seconds = 0.0

    @contextmanager
    def job(self, path: str, task_id: str | None, seed: int | None) -> Iterator[JobRecord]:
        """Log one job; the block may set ``outcome`` (``failed`` when it raises)."""
        record = JobRecord(path, task_id, seed, time.time())
        started = time.monotonic()
        with self._lock:
            self._records.append(record)
        try:
            yield record
            if record.outcome == "running":
                record.outcome = "completed"
        except BaseException:
            record.outcome = "failed"
            raise
        finally:
            with self._lock:
                record.ended_at = time.time()
                self._jobs += 1
                self._busy_seconds += time.monotonic() - started

    def summary(self) -> dict[str, object]:
        """``jobs`` ended, ``busy_seconds`` in all, and the last ``records``, oldest first."""
        with self._lock:
            return {
                "jobs": self._jobs,
                "busy_seconds": round(self._busy_seconds, 6),
                "records": [dict(vars(record)) for record in self._records],
            }
