"""Watches the runtime: whether tasks may be taken for it, and whether it dies during one."""

import logging
import threading
import time

from easel_agent.errors import RuntimeDeadError
from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.job import Job

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_JOB_POLL_SECONDS = 5.0
"""A runtime that ends is noticed by its connection at once; this is for one that hangs."""
_FAILURES = 3
"""Failed probes in a row after which a runtime that has a job is given up."""


class RuntimeMonitor:
    """A thread that probes the runtime every second, and every five during a job of ours.

    Between our jobs the runtime must be idle too: a job of somebody else's, or one of ours that
    hangs, would stand in the way of the next.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._job: Job | None = None
        self._last_ready = time.monotonic()
        self._failures = 0
        self._thread = threading.Thread(target=self._work, name="runtime-monitor", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        self._ready.set()  # whoever waits looks up

    @property
    def is_ready(self) -> bool:
        """Whether the runtime can take a task, or is at one of ours."""
        return self._ready.is_set() and not self._stopped.is_set()

    @property
    def unready_seconds(self) -> float:
        """For how long it has not been ready; 0 where it is."""
        return 0.0 if self.is_ready else time.monotonic() - self._last_ready

    def wait_ready(self, seconds: float) -> bool:
        """Waits until it is ready."""
        self._ready.wait(seconds)
        return self.is_ready

    def begin_job(self, job: Job) -> None:
        """A job of ours begins: it may be busy now."""
        self._failures = 0
        self._job = job

    def end_job(self) -> None:
        """The job of ours has ended."""
        self._job = None
        self._last_ready = time.monotonic()

    def lost(self) -> None:
        """It was found dead: ready again when a probe says so."""
        self._ready.clear()
        self._last_ready = time.monotonic()

    def _work(self) -> None:
        while not self._stopped.is_set():
            if (job := self._job) is not None:
                self._watch_job(job)
            elif self._runtime.is_idle():
                if not self.is_ready:
                    logger.info("runtime is ready")
                self._last_ready = time.monotonic()
                self._ready.set()
            elif self._job is None and self.is_ready:
                logger.warning("runtime is not ready")
                self.lost()
            self._stopped.wait(_JOB_POLL_SECONDS if self._job else _POLL_SECONDS)

    def _watch_job(self, job: Job) -> None:
        if self._runtime.is_ready():
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= _FAILURES and self._job is job:
            logger.error("runtime does not answer during a job")
            job.stop(RuntimeDeadError("the runtime does not answer"))
