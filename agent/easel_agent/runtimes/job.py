"""One task in a runtime's hands, and how other threads end it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from easel_agent.errors import RuntimeDeadError


class Job:
    """Passed to `Runtime.generate`; may be stopped once, from any thread, before or during it."""

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._interrupt: Callable[[Exception], None] | None = None
        self._lock = threading.Lock()

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
