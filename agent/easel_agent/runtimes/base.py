"""What the worker asks of a runtime, whichever it is."""

from dataclasses import dataclass
from typing import Any, Protocol

from easel_contract.task import TaskType


@dataclass(frozen=True)
class Generation:
    """What a runtime made of one task.

    Attributes:
        pictures: decoded files in the runtime's order.
        answer: the runtime's full answer, as it came.
    """

    pictures: list[bytes]
    answer: bytes


class Runtime(Protocol):
    """An SD runtime that does one task at a time."""

    def is_ready(self) -> bool:
        """Whether it answers now; never raises, takes seconds at most."""

    def generate(self, tasktype: TaskType, content: dict[str, Any]) -> Generation:
        """Does one task and returns when the runtime is idle again.

        Raises:
            RejectedTaskError: the task cannot be done; again would end the same.
            TransientError: it failed this time.
            RuntimeDeadError: the runtime does not answer any more.
        """
