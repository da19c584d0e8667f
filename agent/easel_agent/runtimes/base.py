"""What the worker asks of a runtime, whichever it is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from easel_agent.runtimes.job import Job
from easel_agent.urls import ContentUrl
from easel_contract.record import Progress
from easel_contract.task import TaskType

Fetch = Callable[[Iterable[ContentUrl]], dict[str, bytes]]
"""Gets what URLs point to, by URL; raises RejectedTaskError (`inputs.InputLoader.fetch`)."""


@dataclass(frozen=True)
class Generation:
    """What a runtime made of one task.

    Attributes:
        answer: the runtime's full answer, as it came.
        pictures: files in the runtime's order, each made or fetched when it is asked for: they are
            large, and one at a time is enough.
    """

    answer: bytes
    pictures: Iterator[bytes]


@dataclass(frozen=True)
class Finished:
    """A job that the runtime has done; the runtime is free for the next one.

    Attributes:
        collect: reads what the job made, from any thread; raises what `Runtime.generate` raises.
        held_bytes: that this takes in memory until it is collected.
    """

    collect: Callable[[], Generation]
    held_bytes: int = 0


class Runtime(Protocol):
    """An SD runtime that does one task at a time."""

    def is_ready(self) -> bool:
        """Whether it answers now, busy or not; never raises, takes seconds at most."""

    def is_idle(self) -> bool:
        """Whether it answers and has no job at all; never raises."""

    def progress(self) -> Progress | None:
        """How far the running job is; None where the runtime does not tell.

        Called from another thread than `generate`; never raises, takes two seconds at most.
        """

    def warm_up(self, job: Job) -> None:
        """Called when it has become ready: makes the first task as fast as the next ones.

        Args:
            job: by which the warm-up may be stopped.

        Raises:
            RuntimeDeadError: the runtime went away again.
            InterruptedTaskError: the job was stopped.
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

    def generate(self, tasktype: TaskType, content: dict[str, Any], job: Job) -> Finished:
        """Does one task and returns when the runtime is idle again.

        Args:
            tasktype: what is asked for.
            content: as `place_inputs` returned it.
            job: by which the task may be stopped.

        Returns:
            What collects its outputs while the runtime is at the next task.

        Raises:
            RejectedTaskError: the task cannot be done; again would end the same.
            TransientError: it failed this time.
            RuntimeDeadError: the runtime does not answer any more.
            Exception: whatever the job was stopped with.
        """
