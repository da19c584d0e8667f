"""One task in a runtime's hands: its clock, how other threads end it, what is tidied up."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from easel_agent.errors import RuntimeDeadError

logger = logging.getLogger(__name__)


class Job:
    """Passed to `Runtime.generate`; may be stopped once, from any thread, before or during it."""

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._interrupt: Callable[[Exception], None] | None = None
        self._lock = threading.Lock()
        self._begun_at: float | None = None
        self.model_switches = 0
        self._when_ended: list[Callable[[], None]] = []

    @property
    def begun_at(self) -> float | None:
        """When the runtime began it, of `time.monotonic()`; None where that is not known yet."""
        return self._begun_at

    def begun(self, at: float | None = None) -> None:
        """The runtime has begun this very job: its clock runs.

        Args:
            at: when, of `time.monotonic()`, where that is told later; None: now.
        """
        self._begun_at = time.monotonic() if at is None else at

    def switched_model(self) -> None:
        """The runtime has loaded another model for it."""
        self.model_switches += 1

    def runs_again(self) -> None:
        """Notes that the task is sent once more: the clock stands until the task has begun."""
        self._begun_at = None

    def when_ended(self, call: Callable[[], None]) -> None:
        """Has something called when the task's lease has ended, however it ended."""
        self._when_ended.append(call)

    def ended(self) -> None:
        """The task's lease has ended: calls what `when_ended` was given; never raises."""
        while self._when_ended:
            call = self._when_ended.pop()
            try:
                call()
            except Exception:
                logger.exception("tidying up after a task failed")

    @property
    def error(self) -> Exception | None:
        """Why the job is to end; None while it may go on."""
        return self._error

    def stop(self, error: Exception) -> None:
        """Ends the job: `Runtime.generate` raises this error as soon as the runtime has stopped.

        The first error counts. A RuntimeDeadError gives the job up without waiting for the
        runtime, also where the runtime was told to stop before and did not. Returns when the
        runtime has been told, or does not answer; never raises.
        """
        with self._lock:
            is_first = self._error is None
            self._error = self._error or error
            is_news = is_first or isinstance(error, RuntimeDeadError)
            if is_news and self._interrupt is not None:
                self._interrupt(error)

    def check(self) -> None:
        """Raises the error that the job was stopped with, if it was."""
        if self._error is not None:
            raise self._error

    @contextmanager
    def interruptible(self, interrupt: Callable[[Exception], None]) -> Iterator[None]:
        """While the context lasts, `stop` calls the adapter.

        Leaving the context waits for a call that is under way: none can reach the next job.

        Args:
            interrupt: tells the runtime to stop this job; never raises, takes seconds at most.

        Raises:
            Exception: the job's error, where it was stopped before.
        """
        with self._lock:
            self.check()
            self._interrupt = interrupt
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = None
