"""Whether the running task can end before the instance does."""

import time
from collections.abc import Callable

from easel_agent.prefetch_policy import PrefetchPolicy
from easel_agent.runtimes.job import Job
from easel_contract.record import Progress

_FLOOR_PERCENT = 1.0
"""SD WebUI counts from 1% on (AUTOMATIC1111's modules/api/api.py, `progressapi`)."""
_SURE_STEPS = 2
"""After so many a job's own progress tells more than how long others of its kind took."""


class TaskForecast:
    """Tells how long the running task will take, by its progress and by others of its kind.

    A guess, and a wrong one costs no try: of a task that is given back for nothing only the work
    is lost, one that is kept for nothing is given back later.
    """

    def __init__(
        self, policy: PrefetchPolicy, progress: Callable[[], Progress | None] | None
    ) -> None:
        """Describes it; nothing is asked yet.

        Args:
            policy: follows the jobs and knows how long they took.
            progress: how far the whole running job is; None where the runtime does not tell that,
                as ComfyUI, which tells how far one of its nodes is.
        """
        self._policy = policy
        self._progress = progress

    def seconds_left(self, job: Job) -> float:
        """Returns in how many seconds the running task ends, at the earliest; 0: not known."""
        told = self._progress() if self._progress is not None else None
        begun_at = job.begun_at
        usual = max(0.0, self._policy.expected_end_seconds() or 0.0)
        # Before its first step a job may load a model, which says nothing of its steps.
        if told is None or begun_at is None or told.percent <= _FLOOR_PERCENT:
            return usual
        percent = told.percent - _FLOOR_PERCENT
        step_percent = 100 / told.steps if told.steps else 0.0
        # Of the step that it is at nothing is told: it may be as good as done.
        done = min(percent + step_percent, 100.0)
        by_progress = (time.monotonic() - begun_at) * (100 - done) / done
        if percent >= _SURE_STEPS * step_percent:
            return by_progress
        return max(by_progress, usual)
