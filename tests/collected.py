"""What an adapter made, collected: for tests that do not care that it is read later."""

from dataclasses import dataclass
from typing import Any

from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.job import Job
from easel_contract.task import TaskType


@dataclass(frozen=True)
class Made:
    """A generation with all of its pictures."""

    answer: bytes
    pictures: list[bytes]


def generate(
    runtime: Runtime, tasktype: TaskType, content: dict[str, Any], job: Job | None = None
) -> Made:
    """Does a task and collects what it made."""
    generation = runtime.generate(tasktype, content, job or Job()).collect()
    return Made(generation.answer, [file.data for file in generation.files])
