"""Tasks whose pictures tell whose they are."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from easel_contract.task import TaskMessage, TaskMetadata, TaskType

RUNTIME = "sdwebui"
PREFIX = "faults"


@dataclass(frozen=True)
class SentTask:
    """One task that was put into the queue.

    Attributes:
        task_id: unique in its scenario.
        seed: unique too: the runtime's log tells jobs apart by it.
        body: the message.
    """

    task_id: str
    seed: int
    body: str


class TaskMaker:
    """Numbers tasks and fills them with content that no other has."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: Iterator[int] = iter(range(1, 1_000_000))

    def make(self, count: int, **content: Any) -> list[SentTask]:
        """New tasks; `content` overrides what they ask of the runtime."""
        return [self._one(number, content) for number in self._take(count)]

    def again_with_other_content(self, task: SentTask) -> SentTask:
        """A task with the id of another one, and a prompt and seed of its own."""
        (number,) = self._take(1)
        return self._one(number, {"prompt": f"{task.task_id} but otherwise"}, task.task_id)

    def _take(self, count: int) -> list[int]:
        return [next(self._numbers) for _ in range(count)]

    def _one(self, number: int, content: dict[str, Any], task_id: str | None = None) -> SentTask:
        task_id = task_id or f"{self._name}-{number:04d}"
        message = TaskMessage(
            metadata=TaskMetadata(
                id=task_id,
                runtime=RUNTIME,
                tasktype=TaskType.TEXT_TO_IMAGE,
                prefix=PREFIX,
                context={"number": number},
            ),
            content={
                "prompt": f"{task_id} a lighthouse",
                "seed": number,
                "steps": 1,
                "width": 64,
                "height": 64,
                **content,
            },
        )
        return SentTask(task_id, number, message.to_json())


def prompt_of(picture: bytes) -> str:
    """The prompt in a PNG's chunk `parameters`, as SD WebUI writes it.

    Raises:
        OSError: it is no picture.
        KeyError: it has no such chunk.
    """
    with Image.open(io.BytesIO(picture)) as opened:
        parameters: str = opened.info["parameters"]
    return parameters.partition("\n")[0]
