"""Tasks whose pictures tell whose they are."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from easel_contract.record import TaskRecord
from easel_contract.task import TaskMessage, TaskMetadata, TaskType
from easel_contract.uid import new_uid

RUNTIME = "sdwebui"
PREFIX = "faults"
TENANT = "default"


@dataclass(frozen=True)
class SentTask:
    """One task that was put into the queue.

    Attributes:
        task_id: its sender's label; may come again.
        seed: unique: the runtime's log tells jobs apart by it.
        body: the message.
        record: that the intake writes; None of a task that is published by hand.
    """

    task_id: str
    seed: int
    body: str
    record: TaskRecord | None

    @property
    def key(self) -> str:
        """What the task is known by: its uid, or the id where nobody knows the uid."""
        return self.record.uid if self.record else self.task_id


class TaskMaker:
    """Numbers tasks and fills them with content that no other has."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: Iterator[int] = iter(range(1, 1_000_000))

    def make(
        self,
        count: int,
        *,
        by_hand: bool = False,
        keyed: bool = False,
        deadline_seconds: int | None = None,
        **content: Any,
    ) -> list[SentTask]:
        """New tasks.

        Args:
            count: how many.
            by_hand: whether they are published without a record.
            keyed: whether each has an idempotency key of its own: repeats of the message, which
                SQS gives another id, are then the same task.
            deadline_seconds: that their sender gives them.
            content: overrides what they ask of the runtime.
        """
        return [
            self._one(
                number, content, by_hand=by_hand, keyed=keyed, deadline_seconds=deadline_seconds
            )
            for number in self._take(count)
        ]

    def again_with_other_content(self, task: SentTask) -> SentTask:
        """Another task with the same id, and a prompt and seed of its own."""
        (number,) = self._take(1)
        return self._one(number, {"prompt": f"{task.task_id} but otherwise"}, task.task_id)

    def _take(self, count: int) -> list[int]:
        return [next(self._numbers) for _ in range(count)]

    def _one(
        self,
        number: int,
        content: dict[str, Any],
        task_id: str | None = None,
        *,
        by_hand: bool = False,
        keyed: bool = False,
        deadline_seconds: int | None = None,
    ) -> SentTask:
        task_id = task_id or f"{self._name}-{number:04d}"
        uid = None if by_hand else new_uid()
        message = TaskMessage(
            uid=uid,
            tenant=None if by_hand else TENANT,
            created_at=None if by_hand else datetime.now(UTC),
            metadata=TaskMetadata(
                id=task_id,
                runtime=RUNTIME,
                tasktype=TaskType.TEXT_TO_IMAGE,
                prefix=PREFIX,
                context={"number": number},
                deadline_seconds=deadline_seconds,
                idempotency_key=f"key-of-{task_id}" if keyed else None,
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
        return SentTask(task_id, number, message.to_json(), _record_of(message))


def _record_of(message: TaskMessage) -> TaskRecord | None:
    if message.uid is None:
        return None
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    return TaskRecord.accepted(
        message, uid=message.uid, tenant=TENANT, scope=TENANT, expires_at=expires_at
    )


def prompt_of(picture: bytes) -> str:
    """The prompt in a PNG's chunk `parameters`, as SD WebUI writes it.

    Raises:
        OSError: it is no picture.
        KeyError: it has no such chunk.
    """
    with Image.open(io.BytesIO(picture)) as opened:
        parameters: str = opened.info["parameters"]
    return parameters.partition("\n")[0]
