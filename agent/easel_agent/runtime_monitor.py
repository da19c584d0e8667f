"""Watches the runtime: whether the runtime may be given tasks, has died, or is broken."""

import logging
import threading
import time

from easel_agent.errors import RuntimeBrokenError, RuntimeDeadError
from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.job import Job

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_JOB_POLL_SECONDS = 5.0
"""A runtime that ends is noticed by its connection at once; this is for one that hangs."""
_FAILURES = 3
"""Failed probes in a row after which a runtime that has a job is given up."""
_SILENT_SECONDS = 60.0
"""How long a runtime that has answered before may not answer until its container is to be started
anew; a large model that is loaded keeps it from answering for less."""
_SAY_SECONDS = 60.0
"""Between two log lines that say why it is not ready."""


class RuntimeMonitor:
    """A thread that probes the runtime every second, and every five during a job of ours.

    A runtime that answers is ready, also while it works for somebody else: a task waits its turn
    there. One that was given up is ready again only after it was seen not to answer: after its
    process was started anew.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._look_now = threading.Event()
        self._job: Job | None = None
        self._broken: RuntimeBrokenError | None = None
        self._has_answered = False
        self._last_ready = time.monotonic()
        self._failures = 0
        self._said: tuple[str, float] = ("", 0.0)
        self._thread = threading.Thread(target=self._work, name="runtime-monitor", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        self._look_now.set()
        self._ready.set()  # whoever waits looks up

    @property
    def is_ready(self) -> bool:
        """Whether the runtime can take a task, or is at one of ours."""
        return self._ready.is_set() and not self._stopped.is_set()

    @property
    def unready_seconds(self) -> float:
        """For how many seconds the runtime has not been ready; 0 where it is ready."""
        return 0.0 if self.is_ready else time.monotonic() - self._last_ready

    def failure(self, dead_seconds: float) -> str | None:
        """Why its container is to be started anew; None where it is not.

        Args:
            dead_seconds: how long a runtime may take until it answers for the first time.
        """
        if (broken := self._broken) is not None:
            return f"runtime is broken: {broken}"
        seconds = self.unready_seconds
        if seconds > (_SILENT_SECONDS if self._has_answered else dead_seconds):
            return f"runtime not ready for {seconds:.0f} s"
        return None

    def wait_ready(self, seconds: float) -> bool:
        """Waits until it is ready."""
        self._ready.wait(seconds)
        return self.is_ready

    def begin_job(self, job: Job) -> None:
        """A job of ours begins."""
        self._failures = 0
        self._job = job

    def end_job(self) -> None:
        """The job of ours has ended."""
        self._job = None
        self._last_ready = time.monotonic()

    def lost(self) -> None:
        """Notes that the runtime died: ready again when a probe finds it ready."""
        self._ready.clear()
        self._last_ready = time.monotonic()
        self._look_now.set()  # it may be away for a moment only

    def give_up(self, error: RuntimeBrokenError) -> None:
        """Notes that the runtime is broken: ready again when its process was started anew."""
        logger.error("runtime is given up: %s", error, extra={"reason": error.reason})
        self._broken = error
        self.lost()

    def _work(self) -> None:
        while not self._stopped.is_set():
            if (job := self._job) is not None:
                self._watch_job(job)
            else:
                self._look()
            self._look_now.wait(_JOB_POLL_SECONDS if self._job else _POLL_SECONDS)
            self._look_now.clear()

    def _look(self) -> None:
        state = self._runtime.state()
        if state.answers and self._broken is None:
            if not self.is_ready:
                logger.info("runtime is ready")
            self._last_ready = time.monotonic()
            self._has_answered = True
            self._ready.set()
            if state.reason:
                self._say("runtime is busy, tasks wait their turn", state.reason)
        elif state.answers:
            self._say("runtime waits to be started anew", str(self._broken))
        else:
            # Whatever was broken has ended with the process.
            self._broken = None
            if self._job is None:
                if self.is_ready:
                    self._ready.clear()
                    self._last_ready = time.monotonic()
                self._say("runtime is not ready", state.reason)

    def _say(self, what: str, why: str) -> None:
        """Writes a log line where it is news, and once a minute."""
        said, when = self._said
        if said != what or time.monotonic() - when >= _SAY_SECONDS:
            logger.warning("%s: %s", what, why)
            self._said = (what, time.monotonic())

    def _watch_job(self, job: Job) -> None:
        if self._runtime.is_ready():
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= _FAILURES and self._job is job:
            logger.error("runtime does not answer during a job")
            job.stop(RuntimeDeadError("the runtime does not answer"))
