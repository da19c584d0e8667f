"""Decides whether a task that did not go well is tried again, fails, or is dead-lettered."""

import logging
import random
from dataclasses import dataclass

from easel_agent.errors import (
    AwsError,
    InterruptedTaskError,
    RejectedTaskError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.lease import Lease
from easel_agent.settings import AgentSettings
from easel_contract.errors import TaskError, TaskErrorCode

logger = logging.getLogger(__name__)

_MAX_BACK_OFF_SECONDS = 300
_MAX_MESSAGE_CHARACTERS = 2000
_RECEIVES_PER_ATTEMPT = 10
"""A task that never gets as far as a begin, as its inputs cannot be placed, is given up after so
many deliveries for each try that it has: receiving and holding must not cost a try."""


@dataclass(frozen=True)
class Decision:
    """What to do about an error.

    Attributes:
        is_final: whether the task has failed; else it is given back.
        failure: what its sender is told where it has.
        dead_letter: whether its message then goes to the dead-letter queue.
        reason: why it is given back, for logs and metrics.
        delay_seconds: after which it is visible again.
        counts: whether the try counts.
        answer: the runtime's, to be stored with a failure; None where there is none.
    """

    is_final: bool
    failure: TaskError
    dead_letter: bool
    reason: str
    delay_seconds: int
    counts: bool
    answer: bytes | None


class RetryPolicy:
    """Decides by the kind of an error, and by how often the task was begun."""

    def __init__(self, settings: AgentSettings) -> None:
        self._max_attempts = settings.max_attempts
        self._back_off_seconds = settings.back_off_seconds

    def decide(self, lease: Lease, error: Exception) -> Decision:
        """Decides what becomes of a task.

        Args:
            lease: the task's; its attempts are what its record says.
            error: what ended the try.
        """
        failure, reason, backs_off = _kind_of(error)
        is_rejected = isinstance(error, RejectedTaskError)
        counts = lease.claim is not None and not isinstance(error, InterruptedTaskError)
        return Decision(
            is_final=is_rejected or self._was_last(lease, counts=counts),
            failure=failure,
            dead_letter=not is_rejected,
            reason=reason,
            delay_seconds=self._delay_seconds(lease) if backs_off else 0,
            counts=counts,
            answer=getattr(error, "answer", None),
        )

    def _was_last(self, lease: Lease, *, counts: bool) -> bool:
        if lease.claim is None:
            return lease.message.receive_count >= self._max_attempts * _RECEIVES_PER_ATTEMPT
        return counts and lease.attempts >= self._max_attempts

    def _delay_seconds(self, lease: Lease) -> int:
        tries = lease.attempts if lease.claim else lease.message.receive_count
        limit = self._back_off_seconds * 2 ** min(max(tries - 1, 0), 20)
        # Full jitter: tasks that failed together do not come back together.
        return random.randint(1, max(1, min(limit, _MAX_BACK_OFF_SECONDS)))  # noqa: S311


def _kind_of(error: Exception) -> tuple[TaskError, str, bool]:
    """Returns the failure, the reason, and whether to wait before the next try."""
    if isinstance(error, RejectedTaskError):
        return error.error, "rejected", False
    if isinstance(error, TransientError):
        return error.error, "transient", True
    if isinstance(error, RuntimeDeadError):
        return _given_up(f"the runtime died: {error}"), "runtime dead", False
    if isinstance(error, InterruptedTaskError):
        return _given_up(f"stopped too often: {error}"), "interrupted", False
    if isinstance(error, AwsError):
        return _given_up(f"AWS did not answer: {error}"), "aws", True
    logger.error("unexpected error", exc_info=error)
    return _given_up(f"unexpected {type(error).__name__}"), "unexpected", True


def _given_up(message: str) -> TaskError:
    return TaskError(
        code=TaskErrorCode.INTERNAL, message=message[:_MAX_MESSAGE_CHARACTERS], retryable=True
    )
