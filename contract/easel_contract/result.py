"""The result message: the one callback of a finished task (R25), and its progress before that."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from easel_contract.errors import TaskError
from easel_contract.plain_text import sendable_json
from easel_contract.uid import TaskUid
from easel_contract.usage import Usage


class ResultStatus(StrEnum):
    """The status in a callback. Every task ends as `completed`, `failed` or `cancelled`, once."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Timings(BaseModel):
    """Where a task's time went, in seconds; absent where it is not known."""

    model_config = ConfigDict(frozen=True)

    queued_seconds: float | None = None
    """From the intake's `created_at` to the agent taking the task."""
    inputs_seconds: float | None = None
    """Fetching what the content's URLs point to."""
    generation_seconds: float | None = None
    """The runtime at work on it."""
    upload_seconds: float | None = None
    """Storing pictures and answer."""


class TaskResult(BaseModel):
    """The callback. `id`, `result`, `image_url`, `output_url` and `context` are R25's."""

    model_config = ConfigDict(frozen=True)

    id: str
    uid: TaskUid | None = None
    """Of the task; null in the callback of a message that is no task."""
    result: bool
    """True where the task completed."""
    image_url: list[str] = []
    """S3 URIs of the pictures, in order."""
    output_url: str | None = None
    """S3 URI of the runtime's full answer."""
    context: JsonValue = None
    event_id: str | None = None
    """The same in every repeat of one result: SNS delivers at least once, so drop by it."""
    runtime: str | None = None
    status: ResultStatus
    error: TaskError | None = None
    timings: Timings = Field(default_factory=Timings)
    attempts: int = 0
    """How often a runtime was given the task."""
    usage: Usage = Field(default_factory=Usage)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.result != (self.status is ResultStatus.COMPLETED):
            raise ValueError("result is true exactly where status is completed")
        if (self.error is not None) != (self.status is ResultStatus.FAILED):
            raise ValueError("error is given exactly where status is failed")
        return self

    def to_json(self) -> str:
        """The result as compact JSON; every field is there, absent ones as null."""
        return sendable_json(self.model_dump_json())
