"""The ways in which a task's run can end other than well (docs/architecture/02-agent.md).

RejectedTaskError      the caller's fault: publish a failed result, delete
TransientError         the world's fault: back off, try again, at the end the dead-letter queue
  OutOfMemoryError     the device's memory was full: once more at once, then as any other
  DeviceFailedError    the device failed: of two different tasks in a row, the runtime is broken
RuntimeBusyError       somebody else's job did not end: give the task back, the try does not count
RuntimeDeadError       the runtime is gone: give the task back, wait for the runtime
  RuntimeBrokenError   the runtime answers and will do nothing more: give the task back without a
                       try, take no other until the runtime was started anew
InterruptedTaskError   the agent is being stopped: give the task back, the try does not count
CancelledTaskError     the sender has cancelled the task: publish a cancelled result, delete
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.metrics import BrokenReason

if TYPE_CHECKING:
    from easel_agent.runtimes.base import Generation

UNKNOWN_FAILURE_ATTEMPTS = 3
"""Begins of a task that ends in a failure nobody knows: twice more may tell an accident."""


class _RunError(Exception):
    """A run that the runtime has answered.

    Attributes:
        error: what the sender is told, where the task is not tried again.
        answer: the runtime's full answer; None where the runtime did not give one.
        made: collects what the runtime made before the failure, together with the full answer;
            None where there is nothing but `answer`.
    """

    def __init__(
        self,
        error: TaskError,
        answer: bytes | None,
        made: "Callable[[], Generation] | None",
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.answer = answer
        self.made = made


class RejectedTaskError(_RunError):
    """The caller's fault: again would end the same."""

    def __init__(
        self,
        code: TaskErrorCode,
        message: str,
        answer: bytes | None = None,
        made: "Callable[[], Generation] | None" = None,
    ) -> None:
        super().__init__(TaskError(code=code, message=message, retryable=False), answer, made)


class TransientError(_RunError):
    """The world's fault: again may end better.

    Attributes:
        max_attempts: begins of the task after which it fails, where those are fewer than the
            setting's; None where the setting counts.
    """

    def __init__(
        self,
        message: str,
        code: TaskErrorCode = TaskErrorCode.RUNTIME_FAILED,
        answer: bytes | None = None,
        made: "Callable[[], Generation] | None" = None,
        *,
        max_attempts: int | None = None,
    ) -> None:
        super().__init__(TaskError(code=code, message=message, retryable=True), answer, made)
        self.max_attempts = max_attempts


class OutOfMemoryError(TransientError):
    """The device had not enough memory left: says nothing of the runtime's health."""


class DeviceFailedError(TransientError):
    """The device failed at this task, and may be broken."""


class RuntimeBusyError(Exception):
    """The task's own job did not begin in time, behind somebody else's."""


class RuntimeDeadError(Exception):
    """The runtime is gone: return the message at once, wait until the runtime is ready."""


class RuntimeBrokenError(RuntimeDeadError):
    """The runtime answers, and will do no job well until its process is started anew."""

    def __init__(self, reason: BrokenReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class InterruptedTaskError(Exception):
    """The agent is being stopped: return the message at once."""


class CancelledTaskError(Exception):
    """The sender has cancelled the task."""


class LostTaskError(Exception):
    """Another agent has taken the task over: whatever this agent makes of it does not count."""


class AwsError(Exception):
    """AWS refused a request, or failed at one."""


class AwsUnavailableError(AwsError):
    """AWS does not answer, or asks to come again later."""


class AwsRefusedError(AwsError):
    """AWS calls it our fault, such as a missing right; a person may mend that meanwhile."""
