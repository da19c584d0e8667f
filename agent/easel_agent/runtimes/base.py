"""The interface of all runtimes to the worker."""

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
class MadeFile:
    """A file that a runtime made.

    Attributes:
        data: its content.
        name: the runtime's own file name, a hint for the format; "" where there is none.
    """

    data: bytes
    name: str = ""


@dataclass(frozen=True)
class Generation:
    """What a runtime made of one task.

    Attributes:
        answer: the runtime's full answer, as it came; where files other than the ones asked for
            are among `files` (masks, grids), with a field `easel` that names what each is.
        files: in the order in which they are stored, those that were asked for first; each made
            or fetched when it is asked for: they are large, and one at a time is enough.
    """

    answer: bytes
    files: Iterator[MadeFile]


@dataclass(frozen=True)
class Finished:
    """A job that the runtime has done; the runtime is free for the next one.

    Attributes:
        collect: reads what the job made, from any thread; raises what `Runtime.generate` raises.
        held_bytes: that this takes in memory until it is collected.
    """

    collect: Callable[[], Generation]
    held_bytes: int = 0


@dataclass(frozen=True)
class RuntimeState:
    """How a runtime is between this agent's jobs.

    Attributes:
        answers: whether it answers at all.
        reason: why it cannot take a task at once, for the log: how it fails to answer, or what it
            is busy with; "" where it is idle.
    """

    answers: bool
    reason: str = ""


class Runtime(Protocol):
    """An SD runtime that does one task at a time, this agent's and others'."""

    def is_ready(self) -> bool:
        """Whether the runtime answers now, busy or not; never raises, takes seconds at most."""

    def state(self) -> RuntimeState:
        """How it is; asked between jobs of this agent. Never raises, takes seconds at most."""

    def progress(self) -> Progress | None:
        """How far the running job is; None where the runtime does not tell.

        Called from another thread than `generate`; never raises, takes two seconds at most.
        """

    def free_memory(self) -> None:
        """Has the runtime free the device memory that no job needs; never raises."""

    def warm_up(self, job: Job) -> None:
        """Called when it has become ready: makes the first task as fast as the next ones.

        Args:
            job: by which the warm-up may be stopped.

        Raises:
            RuntimeDeadError: the runtime went away again.
            InterruptedTaskError: the job was stopped.
        """

    def place_inputs(self, content: dict[str, Any], fetch: Fetch, job: Job) -> dict[str, Any]:
        """Puts files in the place of the URLs in a task's content (R19).

        Args:
            content: as it was sent.
            fetch: gets what URLs point to.
            job: the task's; `Job.when_ended` takes away what was placed.

        Returns:
            The content as the runtime takes it.

        Raises:
            RejectedTaskError: a file cannot be had.
            RuntimeDeadError: the runtime did not take a file.
        """

    def generate(self, tasktype: TaskType, content: dict[str, Any], job: Job) -> Finished:
        """Does one task and returns when this agent's part of the runtime is free again.

        The clock of the task, `job.begun`, is started when the runtime begins the task's own job:
        what somebody else's job takes before is not the task's.

        Args:
            tasktype: what is asked for.
            content: as `place_inputs` returned it.
            job: by which the task may be stopped.

        Returns:
            What collects its outputs while the runtime is at the next task.

        Raises:
            RejectedTaskError: the task cannot be done; again would end the same.
            OutOfMemoryError: the device's memory was full.
            DeviceFailedError: the device failed.
            TransientError: it failed this time.
            RuntimeBusyError: the job did not begin, behind somebody else's.
            RuntimeBrokenError: the runtime answers, and will do no job well any more.
            RuntimeDeadError: the runtime does not answer any more.
            Exception: whatever the job was stopped with.
        """
