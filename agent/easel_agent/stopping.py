"""The end of an agent: whether asked for, by when, and which task runs until then."""

import logging
import threading
import time
from collections.abc import Callable

from easel_agent.errors import InterruptedTaskError, RuntimeDeadError
from easel_agent.runtimes.job import Job
from easel_agent.task_forecast import TaskForecast

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_STORE_SECONDS = 10.0
"""Of the time that is left to an instance: to store and announce what the last task made, or to
give it back."""
_INTERRUPT_SECONDS = 1.0
"""How long the runtime may take to stop a job; then the job is given up, and goes on there until
the runtime is stopped as well."""


class Stopping:
    """Has the running job end in time.

    Without a known end of the instance a job has the whole grace. With one, a job that is not
    expected to end before it is given back at once: another pod may begin it meanwhile.
    """

    def __init__(self, forecast: TaskForecast) -> None:
        self._forecast = forecast
        # Of `time.monotonic()`, each with one writer: a signal handler must not wait for locks.
        self._grace_ends_at: float | None = None
        self._instance_ends_at: float | None = None
        self._interrupted_at: float | None = None

    @property
    def is_asked_for(self) -> bool:
        """Whether the agent is to end."""
        return self._grace_ends_at is not None

    def ask(self, grace_seconds: float) -> None:
        """The agent is to end within its grace; counts from the first time on."""
        if self._grace_ends_at is None:
            self._grace_ends_at = time.monotonic() + grace_seconds

    def instance_ends_in(self, seconds: float) -> None:
        """Notes when the instance ends; may be called before or after `ask`."""
        self._instance_ends_at = time.monotonic() + seconds

    def see_out(self, job: Callable[[], Job | None], is_over: threading.Event) -> None:
        """Waits until nothing runs any more; ends what may not go on.

        Args:
            job: the one that runs now; None between jobs.
            is_over: set when none runs any more and none will.
        """
        pause = 0.0
        while not is_over.wait(pause):
            running = job()
            if running is not None:
                self._judge(running)
            left = self._seconds_left()
            pause = min(left, _LOOK_SECONDS) if left > 0 else _LOOK_SECONDS

    def _judge(self, job: Job) -> None:
        if self._interrupted_at is not None:
            self._give_up_if_slow(job, self._interrupted_at)
        elif (reason := self._reason_against(job)) is not None:
            logger.warning("the running task is given back: %s", reason)
            self._interrupted_at = time.monotonic()
            job.stop(InterruptedTaskError(reason))

    def _seconds_left(self) -> float:
        ends = [self._grace_ends_at or 0.0]
        if self._instance_ends_at is not None:
            ends.append(self._instance_ends_at - _STORE_SECONDS)
        return min(ends) - time.monotonic()

    def _reason_against(self, job: Job) -> str | None:
        """Why a job may not go on; None where it may."""
        left = self._seconds_left()
        if left <= 0:
            return "the agent is being stopped"
        if self._instance_ends_at is None:
            return None
        needed = self._forecast.seconds_left(job)
        if needed <= left:
            return None
        ends_in = self._instance_ends_at - time.monotonic()
        return f"its instance ends in {ends_in:.0f} s, the task in about {needed:.0f} s"

    def _give_up_if_slow(self, job: Job, interrupted_at: float) -> None:
        if time.monotonic() - interrupted_at >= _INTERRUPT_SECONDS:
            # The first error stays the reason: the task is interrupted, at no try.
            job.stop(RuntimeDeadError("the runtime did not stop the job in time"))
