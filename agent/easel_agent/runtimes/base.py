"""What the worker asks of a runtime, whichever it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from easel_agent.urls import ContentUrl
from easel_contract.task import TaskType

Fetch = Callable[[Iterable[ContentUrl]], dict[str, bytes]]
"""Gets what URLs point to, by URL; raises RejectedTaskError (`inputs.InputLoader.fetch`)."""


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
        """Whether it answers now, busy or not; never raises, takes seconds at most."""

    def is_idle(self) -> bool:
        """Whether it answers and has no job at all; never raises."""

    def interrupt(self) -> None:
        """Ends the running job: `generate` raises InterruptedTaskError, now and from now on.

        Called from another thread, when the agent is being stopped; never raises.
        """

    def abort(self) -> None:
        """Gives the running job up: `generate` raises RuntimeDeadError.

        Called from another thread, when the runtime has stopped answering; never raises.
        """

    def warm_up(self) -> None:
        """Called when it has become ready: makes the first task as fast as the next ones.

        Raises:
            RuntimeDeadError: the runtime went away again.
        """

    def place_inputs(self, content: dict[str, Any], fetch: Fetch) -> dict[str, Any]:
        """Puts files in the place of the URLs in a task's content (R19).

        Args:
            content: as it was sent.
            fetch: gets what URLs point to.

        Returns:
            The content as the runtime takes it.

        Raises:
            RejectedTaskError: a file cannot be had.
            RuntimeDeadError: the runtime did not take a file.
        """

    def generate(self, tasktype: TaskType, content: dict[str, Any]) -> Generation:
        """Does one task and returns when the runtime is idle again.

        Raises:
            RejectedTaskError: the task cannot be done; again would end the same.
            TransientError: it failed this time.
            RuntimeDeadError: the runtime does not answer any more.
            InterruptedTaskError: `interrupt` was called.
        """
