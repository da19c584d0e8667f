"""The four ways in which a task's run can end other than well (docs/architecture.md)."""

from easel_contract.errors import TaskError, TaskErrorCode


class RejectedTaskError(Exception):
    """The caller's fault: again would end the same. Publish a failed result, delete."""

    def __init__(self, code: TaskErrorCode, message: str) -> None:
        super().__init__(message)
        self.error = TaskError(code=code, message=message, retryable=False)


class TransientError(Exception):
    """The world's fault: back off by visibility, try again, at the end the dead-letter queue."""

    def __init__(self, message: str, code: TaskErrorCode = TaskErrorCode.RUNTIME_FAILED) -> None:
        super().__init__(message)
        self.error = TaskError(code=code, message=message, retryable=True)


class RuntimeDeadError(Exception):
    """The runtime is gone: return the message at once, wait until the runtime is ready."""


class InterruptedTaskError(Exception):
    """We are being stopped: return the message at once."""
