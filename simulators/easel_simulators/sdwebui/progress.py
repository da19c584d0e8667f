"""What ``GET /sdapi/v1/progress`` tells, and the flags that interrupt and skip set."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from easel_simulators.jobs import Work

_COUNT_UNKNOWN = -1
"""``job_count`` from a job's beginning until its model is loaded."""


class Progress:
    """The state of the one running job, or of the last one when idle.

    The keys and their life are those of captures ``a1111_interrupt.json`` and
    ``a1111_1.10.1_progress_sequences.json``: flags and counters stay after the job as they were,
    until the next job begins; the number of steps stays until the next job knows its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work: Work | None = None
        self._started = 0.0
        self._interrupted = False
        self._skipped = False
        self._kept = False
        self._job = ""
        self._job_count = 0
        self._job_no = 0
        self._steps = 0
        self.job_timestamp = "0"

    @contextmanager
    def job(self, name: str) -> Iterator[None]:
        """Begin a job; it ends with the ``with`` block."""
        with self._lock:
            self._begin(name)
        try:
            yield
        finally:
            with self._lock:
                self._end()

    @contextmanager
    def upscale(self, count: int) -> Iterator[None]:
        """Begin upscaling so many pictures; this ends with the ``with`` block unless it raises.

        A job that fails is told of as if it still ran, until another begins: recorded, and
        ``run_postprocessing`` in AUTOMATIC1111's modules/postprocessing.py ends the state in no
        ``finally``.
        """
        with self._lock:
            self._begin("extras")
            self._job_count = count
        yield
        with self._lock:
            self._end()

    def next_upscale(self) -> None:
        """Begin the next of several pictures."""
        with self._lock:
            self._job, self._job_no = "Upscale", self._job_no + 1

    def keep(self) -> None:
        """Have the running job told of, after its end too, until another begins."""
        with self._lock:
            self._kept = True

    def _begin(self, name: str) -> None:
        self._interrupted = self._skipped = self._kept = False
        self._job, self._job_count, self._job_no = name, _COUNT_UNKNOWN, 0
        self._started = time.monotonic()
        self.job_timestamp = time.strftime("%Y%m%d%H%M%S")

    def _end(self) -> None:
        self._work = None
        if not self._kept:
            self._job, self._job_count = "", 0

    def sampling(self, passes: int) -> None:
        """The model is loaded: tell how many passes there are, two a batch with hires fix."""
        with self._lock:
            self._job_count = passes

    def batch(self, number: int, count: int) -> None:
        """Begin batch ``number``, from 1, of ``count``."""
        if count > 1:
            with self._lock:
                self._job = f"Batch {number} out of {count}"

    def next_pass(self, work: Work, steps: int) -> bool:
        """Begin a pass.

        Returns:
            False when the job has been interrupted and nothing more is to be done.
        """
        with self._lock:
            self._skipped = False
            if self._interrupted:
                return False
            self._work, self._steps = work, steps
            return True

    def pass_done(self) -> None:
        """End a pass."""
        with self._lock:
            self._work = None
            self._job_no += 1

    @property
    def interrupted(self) -> bool:
        """Whether the running or the last job has been interrupted."""
        return self._interrupted

    def interrupt(self) -> None:
        """End the running job; without one only the flag changes, which the next job resets."""
        with self._lock:
            self._interrupted = True
            self._end_work()

    def skip(self) -> None:
        """End the running pass; the job goes on with the next."""
        with self._lock:
            self._skipped = True
            self._end_work()

    def _end_work(self) -> None:
        if self._work is not None:
            self._work.end_early()

    def snapshot(self) -> dict[str, object]:
        """The answer of ``GET /sdapi/v1/progress``; there is never a preview picture."""
        with self._lock:
            step = int(self._work.fraction * self._steps) if self._work else 0
            # The last step that is told is the one before the end.
            step = max(min(step, self._steps - 1), 0)
            done, eta = self._estimate(step)
            state = {
                "skipped": self._skipped,
                "interrupted": self._interrupted,
                "stopping_generation": False,
                "job": self._job,
                "job_count": self._job_count,
                "job_timestamp": self.job_timestamp,
                "job_no": self._job_no,
                "sampling_step": step,
                "sampling_steps": self._steps,
            }
        return {
            "progress": done,
            "eta_relative": eta,
            "state": state,
            "current_image": None,
            "textinfo": None,
        }

    def _estimate(self, step: int) -> tuple[float, float]:
        """The part that is done, never below 0.01 during a job, and the seconds left."""
        if self._job_count == 0:
            return 0.0, 0.0
        done = 0.01
        if self._job_count > 0:
            done += (self._job_no + step / max(self._steps, 1)) / self._job_count
        done = min(done, 1.0)
        elapsed = time.monotonic() - self._started
        return done, elapsed / done - elapsed
