"""Whose fault a runtime's failure is: the rows of a table of failures, and their consequences.

`device_faults` has what PyTorch, CUDA and the system say in any runtime; `comfyui_faults` and
`sdwebui_faults` put their own rows around those. The first row that fits counts.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from easel_agent.errors import (
    UNKNOWN_FAILURE_ATTEMPTS,
    DeviceFailedError,
    OutOfMemoryError,
    RejectedTaskError,
    RuntimeBrokenError,
    TransientError,
)
from easel_agent.runtimes.base import Generation
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import BrokenReason


class Verdict(StrEnum):
    """Whose fault a failure is."""

    CALLER = "caller"  # the task's: again would end the same
    UNCERTAIN = "uncertain"  # the world's or the task's: twice more may tell
    PASSING = "passing"  # the world's: again may end better
    OUT_OF_MEMORY = "out of memory"
    DEVICE_FAILED = "device failed"  # or a disk: this task's bad luck, or the end of the runtime
    STICKY = "sticky device error"  # every later job of this process fails
    DISK_BROKEN = "disk broken"  # every later job fails that reads models, or writes


@dataclass(frozen=True)
class Row:
    """A kind of failure.

    Attributes:
        verdict: whose fault it is.
        source: who says so: a recording (tests/data/captures), or where it is raised.
        message: found in the exception's message.
        exception_type: fits the whole of the exception's name, which ComfyUI gives with its module
            and SD WebUI without; None fits all.
        last_frame: found in the traceback's last frame; None fits all.
        example: a message that fits, as the source has it.
        example_type: its exception's name.
        example_frame: its traceback's last frame.
    """

    verdict: Verdict
    source: str
    message: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    exception_type: re.Pattern[str] | None = None
    last_frame: re.Pattern[str] | None = None
    example: str = ""
    example_type: str = "RuntimeError"
    example_frame: str = ""

    def fits(self, exception_type: str, message: str, last_frame: str = "") -> bool:
        """Whether a failure is of this kind."""
        if self.exception_type and not self.exception_type.fullmatch(exception_type):
            return False
        if self.last_frame and not self.last_frame.search(last_frame):
            return False
        return self.message.search(message) is not None


def first_row(
    rows: Iterable[Row], exception_type: str, message: str, last_frame: str = ""
) -> Row | None:
    """The row that a failure falls under; None where no row knows it.

    Args:
        rows: the runtime's table.
        exception_type: name of the exception's class, as the runtime gives it.
        message: the exception's.
        last_frame: of the traceback; "" where there is none.
    """
    return next((row for row in rows if row.fits(exception_type, message, last_frame)), None)


def error_of(
    verdict: Verdict,
    message: str,
    *,
    code: TaskErrorCode,
    answer: bytes | None = None,
    made: Callable[[], Generation] | None = None,
) -> Exception:
    """The agent's error for a verdict.

    Args:
        verdict: on the failure.
        message: what the sender is told.
        code: of a task that is the caller's fault.
        answer: the runtime's full answer.
        made: collects what the runtime made before the failure.
    """
    if verdict in _BROKEN:
        return RuntimeBrokenError(_BROKEN[verdict], message)
    if verdict is Verdict.CALLER:
        return RejectedTaskError(code, message, answer, made)
    kind = _TRANSIENT.get(verdict, TransientError)
    limit = UNKNOWN_FAILURE_ATTEMPTS if verdict is Verdict.UNCERTAIN else None
    return kind(message, answer=answer, made=made, max_attempts=limit)


_BROKEN: Mapping[Verdict, BrokenReason] = {
    Verdict.STICKY: BrokenReason.STICKY_DEVICE_ERROR,
    Verdict.DISK_BROKEN: BrokenReason.DISK,
}
_TRANSIENT: Mapping[Verdict, type[TransientError]] = {
    Verdict.OUT_OF_MEMORY: OutOfMemoryError,
    Verdict.DEVICE_FAILED: DeviceFailedError,
}
