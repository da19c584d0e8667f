"""Decides whether a task that did not go well is tried again, fails, or is dead-lettered."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from easel_agent.errors import (
    AwsError,
    InterruptedTaskError,
    RejectedTaskError,
    RuntimeBrokenError,
    RuntimeBusyError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.lease import Lease
from easel_agent.runtimes.base import Generation
from easel_agent.settings import AgentSettings
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.metrics import ReturnReason

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
        reason: why it is given back.
        delay_seconds: after which it is visible again.
        counts: whether the try counts.
        answer: the runtime's, to be stored with a failure; None where there is none.
        made: collects what the runtime made before the failure; None where there is none.
    """

    is_final: bool
    failure: TaskError
    dead_letter: bool
    reason: ReturnReason
    delay_seconds: int
    counts: bool
    answer: bytes | None
    made: Callable[[], Generation] | None


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
        counts = lease.claim is not None and not self._is_free(lease, error)
        max_attempts = self._max_attempts_after(error)
        return Decision(
            is_final=is_rejected or self._was_last(lease, max_attempts, counts=counts),
            failure=failure,
            dead_letter=not is_rejected,
            reason=reason,
            delay_seconds=self._delay_seconds(lease) if backs_off else 0,
            counts=counts,
            answer=getattr(error, "answer", None),
            made=getattr(error, "made", None),
        )

    def _is_free(self, lease: Lease, error: Exception) -> bool:
        """Whether a begin that ended so costs the task no try."""
        if isinstance(error, RuntimeBrokenError | RuntimeBusyError):
            # Free, as the runtime is to blame; but not for ever: the task may be what breaks one
            # runtime after the other.
            return lease.message.receive_count <= self._max_attempts
        return isinstance(error, InterruptedTaskError)

    def _max_attempts_after(self, error: Exception) -> int:
        limit = error.max_attempts if isinstance(error, TransientError) else None
        return self._max_attempts if limit is None else min(limit, self._max_attempts)

    def _was_last(self, lease: Lease, max_attempts: int, *, counts: bool) -> bool:
        if lease.claim is None:
            return lease.message.receive_count >= self._max_attempts * _RECEIVES_PER_ATTEMPT
        return counts and lease.attempts >= max_attempts

    def _delay_seconds(self, lease: Lease) -> int:
        tries = lease.attempts if lease.claim else lease.message.receive_count
        limit = self._back_off_seconds * 2 ** min(max(tries - 1, 0), 20)
        # Full jitter: tasks that failed together do not come back together.
        return random.randint(1, max(1, min(limit, _MAX_BACK_OFF_SECONDS)))  # noqa: S311


_KINDS: tuple[tuple[type[Exception], str, ReturnReason, bool], ...] = (
    (RuntimeBrokenError, "the runtime was broken", ReturnReason.RUNTIME_BROKEN, False),
    (RuntimeDeadError, "the runtime died", ReturnReason.RUNTIME_DEAD, False),
    (RuntimeBusyError, "the runtime was busy", ReturnReason.RUNTIME_BUSY, True),
    (InterruptedTaskError, "stopped too often", ReturnReason.INTERRUPTED, False),
    (AwsError, "AWS did not answer", ReturnReason.AWS, True),
)
"""Of errors without a word for the sender: type, what is said before the message, reason for logs
and metrics, whether to wait before the next try. The first that fits counts."""


def _kind_of(error: Exception) -> tuple[TaskError, ReturnReason, bool]:
    """Returns the failure, the reason, and whether to wait before the next try."""
    if isinstance(error, RejectedTaskError):
        return error.error, ReturnReason.UNEXPECTED, False  # it is not given back
    if isinstance(error, TransientError):
        return error.error, ReturnReason.TRANSIENT, True
    for kind, said, reason, backs_off in _KINDS:
        if isinstance(error, kind):
            return _given_up(f"{said}: {error}"), reason, backs_off
    logger.error("unexpected error", exc_info=error)
    return _given_up(f"unexpected {type(error).__name__}"), ReturnReason.UNEXPECTED, True


def _given_up(message: str) -> TaskError:
    return TaskError(
        code=TaskErrorCode.INTERNAL, message=message[:_MAX_MESSAGE_CHARACTERS], retryable=True
    )
