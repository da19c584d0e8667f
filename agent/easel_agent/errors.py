"""The ways in which a task's run can end other than well (docs/architecture.md).

RejectedTaskError      the caller's fault: publish a failed result, delete
TransientError         the world's fault: back off, try again, at the end the dead-letter queue
RuntimeDeadError       the runtime is gone: give the task back, wait for the runtime
InterruptedTaskError   the agent is being stopped: give the task back, the try does not count
CancelledTaskError     the sender has cancelled the task: publish a cancelled result, delete
"""

from easel_contract.errors import TaskError, TaskErrorCode


class RejectedTaskError(Exception):
    """The caller's fault: again would end the same.

    Attributes:
        error: what the sender is told.
        answer: the runtime's full answer; None where the runtime was not asked.
    """

    def __init__(self, code: TaskErrorCode, message: str, answer: bytes | None = None) -> None:
        super().__init__(message)
        self.error = TaskError(code=code, message=message, retryable=False)
        self.answer = answer


class TransientError(Exception):
    """The world's fault: again may end better.

    Attributes:
        error: what the sender is told after the last try.
        answer: the runtime's full answer; None where the runtime did not give one.
    """

    def __init__(
        self,
        message: str,
        code: TaskErrorCode = TaskErrorCode.RUNTIME_FAILED,
        answer: bytes | None = None,
    ) -> None:
        super().__init__(message)
        self.error = TaskError(code=code, message=message, retryable=True)
        self.answer = answer


class RuntimeDeadError(Exception):
    """The runtime is gone: return the message at once, wait until the runtime is ready."""


class InterruptedTaskError(Exception):
    """The agent is being stopped: return the message at once."""


class CancelledTaskError(Exception):
    """The sender has cancelled the task."""


class LostTaskError(Exception):
    """Another agent has taken the task over: whatever this agent makes of it does not count."""


class AwsError(Exception):
    """AWS did not do what it was asked for."""


class AwsUnavailableError(AwsError):
    """AWS does not answer, or asks to come again later."""


class AwsRefusedError(AwsError):
    """AWS calls it our fault, such as a missing right; a person may mend that meanwhile."""
