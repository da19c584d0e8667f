"""Claims a prepared task right before the runtime gets it: the begin of a try."""

import logging
import random
import threading
import time
from datetime import UTC, datetime

from easel_agent.claim_keeper import ClaimKeeper, deadline_exceeded
from easel_agent.claims import Claims
from easel_agent.errors import AwsRefusedError, AwsUnavailableError, CancelledTaskError
from easel_agent.failure_handler import FailureHandler
from easel_agent.lease import Lease
from easel_agent.preparation import PreparedTask
from easel_contract.metrics import ReturnReason
from easel_records.leases import (
    AttemptsExhaustedError,
    TaskEndedError,
    TaskLease,
    TaskLeasedError,
)

logger = logging.getLogger(__name__)

_MIN_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.2, 5.0
_FIRST_GUESS_SECONDS = 0.05
_WEIGHT = 0.3
"""Of the newest claim in the moving average."""


class Claiming:
    """Claims tasks for the worker; whatever stands against a claim is seen to here."""

    def __init__(
        self, claims: Claims, keeper: ClaimKeeper, failure_handler: FailureHandler
    ) -> None:
        self._claims = claims
        self._keeper = keeper
        self._failure_handler = failure_handler
        self._stopped = threading.Event()
        self._average_seconds = _FIRST_GUESS_SECONDS

    @property
    def lead_seconds(self) -> float:
        """Seconds before a job's end at which the next task is to be claimed.

        So long that the runtime does not wait for DynamoDB.
        """
        return 2 * self._average_seconds + 0.05

    def stop(self) -> None:
        """Claims no more; a claim that waits for DynamoDB is given up."""
        self._stopped.set()

    def claim(self, prepared: PreparedTask) -> bool:
        """Claims a task.

        Returns:
            Whether the runtime may have the task; else its lease has ended or is about to end.
        """
        lease = prepared.lease
        try:
            claim = self._claimed(lease)
        except AttemptsExhaustedError as exhausted:
            self._keep(lease, exhausted.lease)
            self._failure_handler.handle(lease, exhausted, prepared.timings)
        except (TaskEndedError, TaskLeasedError) as error:
            self._failure_handler.handle(lease, error, prepared.timings)
        except Exception as error:  # noqa: BLE001 - every kind is handled, none ends the worker
            self._failure_handler.handle(lease, error, prepared.timings)
        else:
            if claim is None:
                lease.abandon(ReturnReason.STOPPING)
                return False
            self._keep(lease, claim)
            if claim.record.cancel_requested_at is None:
                return True
            cancelled = CancelledTaskError("its sender has cancelled the task")
            self._failure_handler.handle(lease, cancelled, prepared.timings)
        return False

    def _keep(self, lease: Lease, claim: TaskLease) -> None:
        lease.claimed(claim)
        self._keeper.keep(lease)

    def _claimed(self, lease: Lease) -> TaskLease | None:
        """Returns the claim; None where the agent is being stopped meanwhile."""
        pause = _MIN_PAUSE_SECONDS
        while not self._stopped.is_set():
            if lease.deadline_at is not None and datetime.now(UTC) >= lease.deadline_at:
                raise deadline_exceeded()
            started = time.monotonic()
            try:
                claim = self._claims.claim(lease.waiting, lease.owner)
            except AwsRefusedError:
                raise
            except AwsUnavailableError as error:
                if time.monotonic() > lease.deadline:
                    raise
                logger.warning("task not claimed, trying again: %s", error)
                self._stopped.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)
            else:
                seconds = time.monotonic() - started
                self._average_seconds += _WEIGHT * (seconds - self._average_seconds)
                return claim
        return None
