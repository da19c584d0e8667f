"""Renews the leases of claimed tasks, and stops those that must not go on."""

import logging
import threading
import time
from datetime import UTC, datetime

from easel_agent.claims import Claims
from easel_agent.errors import AwsError, CancelledTaskError, LostTaskError, RejectedTaskError
from easel_agent.lease import Lease
from easel_agent.lifecycle import TaskState
from easel_agent.runtimes.base import Runtime
from easel_contract.errors import TaskErrorCode
from easel_contract.record import Progress

logger = logging.getLogger(__name__)

RENEWAL_SECONDS = 5.0
"""How often a lease is renewed, its progress written and a cancellation looked for: a running task
is interrupted within this and the time that its runtime takes to stop."""
_LOOK_SECONDS = 0.25
_STOPPABLE = frozenset({TaskState.READY, TaskState.RUNNING})


class ClaimKeeper:
    """A thread of its own: slow answers of SQS must not hold up renewals, nor the reverse."""

    def __init__(self, claims: Claims, runtime: Runtime, lease_seconds: float) -> None:
        self._claims = claims
        self._runtime = runtime
        # Three renewals per lease: two may fail and the task is still ours.
        self._interval_seconds = min(RENEWAL_SECONDS, lease_seconds / 3)
        self._kept: dict[str, tuple[Lease, float]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="claim-keeper", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; claims still held expire."""
        self._stopped.set()
        self._thread.join()

    def keep(self, lease: Lease) -> None:
        """Renews a lease that was just claimed, until it ends."""
        with self._lock:
            self._kept[lease.uid] = (lease, time.monotonic() + self._interval_seconds)
        lease.on_end(lambda: self._drop(lease))

    def _drop(self, lease: Lease) -> None:
        with self._lock:
            kept = self._kept.get(lease.uid)
            if kept is not None and kept[0] is lease:
                del self._kept[lease.uid]

    def _work(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            with self._lock:
                kept = list(self._kept.values())
            for lease, due in kept:
                self._check_deadline(lease)
                if time.monotonic() >= due:
                    self._renew(lease)

    def _check_deadline(self, lease: Lease) -> None:
        if lease.deadline_at is not None and datetime.now(UTC) >= lease.deadline_at:
            self._stop(lease, deadline_exceeded())

    def _renew(self, lease: Lease) -> None:
        claim = lease.claim
        if claim is None or time.monotonic() >= lease.deadline:
            return
        progress = self._progress(lease)
        try:
            renewed = self._claims.renew(claim, progress=progress, gpu_seconds=lease.gpu_seconds)
        except LostTaskError as error:
            # A delivery finds out by itself; a task that has ended meanwhile is no news.
            if lease.state in _STOPPABLE:
                logger.warning("%s", error, extra={"task_uid": lease.uid})
                self._stop(lease, error)
            self._drop(lease)
            return
        except AwsError as error:
            logger.warning("lease not renewed: %s", error, extra={"task_uid": lease.uid})
        else:
            lease.claim = renewed
            if renewed.record.cancel_requested_at is not None:
                self._stop(lease, CancelledTaskError("its sender has cancelled the task"))
        with self._lock:
            if lease.uid in self._kept:
                self._kept[lease.uid] = (lease, time.monotonic() + self._interval_seconds)

    def _progress(self, lease: Lease) -> Progress | None:
        return self._runtime.progress() if lease.state is TaskState.RUNNING else None

    def _stop(self, lease: Lease, error: Exception) -> None:
        if lease.state in _STOPPABLE and lease.job.error is None:
            lease.job.stop(error)


def deadline_exceeded() -> RejectedTaskError:
    """Returns the error of a task whose sender's deadline has passed."""
    return RejectedTaskError(
        TaskErrorCode.DEADLINE_EXCEEDED, "the deadline that its sender gave has passed"
    )
