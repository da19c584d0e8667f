"""What becomes of a task that did not go well: decided here and nowhere else."""

import logging
import random
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.errors import (
    InterruptedTaskError,
    RejectedTaskError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.queue import QueueMessage
from easel_agent.settings import AgentSettings
from easel_contract.errors import TaskError, TaskErrorCode

logger = logging.getLogger(__name__)

_MAX_BACK_OFF_SECONDS = 300
_MAX_MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True)
class Verdict:
    """What to do about an error.

    Attributes:
        is_final: whether the task has failed; else it is given back.
        failure: what its sender is told where it has.
        bury: whether its message then goes to the dead-letter queue.
        reason: why it is given back, for logs and metrics.
        delay_seconds: after which it is visible again.
    """

    is_final: bool
    failure: TaskError
    bury: bool
    reason: str
    delay_seconds: int


class Judge:
    """Decides by the kind of an error, and by whether this was the last try."""

    def __init__(self, settings: AgentSettings) -> None:
        self._max_receive_count = settings.max_receive_count
        self._back_off_seconds = settings.back_off_seconds

    def judge(self, message: QueueMessage, error: Exception) -> Verdict:
        """Decides what becomes of the task in a message."""
        failure, reason, backs_off = _kind_of(error)
        is_rejected = isinstance(error, RejectedTaskError)
        is_last = message.receive_count >= self._max_receive_count
        return Verdict(
            is_final=is_rejected or is_last,
            failure=failure,
            bury=not is_rejected,
            reason=reason,
            delay_seconds=self._delay_seconds(message.receive_count) if backs_off else 0,
        )

    def _delay_seconds(self, receive_count: int) -> int:
        # Full jitter: tasks that failed together do not come back together.
        limit = self._back_off_seconds * 2 ** (receive_count - 1)
        return random.randint(1, max(1, min(limit, _MAX_BACK_OFF_SECONDS)))  # noqa: S311


def _kind_of(error: Exception) -> tuple[TaskError, str, bool]:
    """The failure, the reason, and whether to wait before the next try."""
    if isinstance(error, RejectedTaskError):
        return error.error, "rejected", False
    if isinstance(error, TransientError):
        return error.error, "transient", True
    if isinstance(error, RuntimeDeadError):
        return _given_up(f"the runtime died: {error}"), "runtime dead", False
    if isinstance(error, InterruptedTaskError):
        return _given_up(f"stopped too often: {error}"), "interrupted", False
    if isinstance(error, BotoCoreError | ClientError):
        return _given_up(f"AWS did not answer: {error}"), "aws", True
    logger.error("unexpected error", exc_info=error)
    return _given_up(f"unexpected {type(error).__name__}"), "unexpected", True


def _given_up(message: str) -> TaskError:
    return TaskError(
        code=TaskErrorCode.INTERNAL, message=message[:_MAX_MESSAGE_CHARACTERS], retryable=True
    )
