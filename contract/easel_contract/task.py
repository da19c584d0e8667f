"""The task message: what the intake publishes and the queue agent takes."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from easel_contract.errors import ContractError, Problem
from easel_contract.identifiers import Prefix, RuntimeName, TaskId
from easel_contract.json_text import encode_json

MAX_CONTEXT_BYTES = 32 * 1024
"""The context comes back in the callback, which SNS limits to 256 KiB with everything else."""


class RuntimeType(StrEnum):
    """The API that a runtime speaks."""

    SDWEBUI = "sdwebui"
    COMFYUI = "comfyui"


class TaskType(StrEnum):
    """What a task asks for."""

    TEXT_TO_IMAGE = "text-to-image"
    IMAGE_TO_IMAGE = "image-to-image"
    EXTRA_SINGLE_IMAGE = "extra-single-image"
    EXTRA_BATCH_IMAGES = "extra-batch-images"
    PIPELINE = "pipeline"


TASK_TYPES: dict[RuntimeType, frozenset[TaskType]] = {
    RuntimeType.SDWEBUI: frozenset(TaskType) - {TaskType.PIPELINE},
    RuntimeType.COMFYUI: frozenset({TaskType.PIPELINE}),
}
"""The task types that a runtime of a type takes (R20)."""


def _check_context(value: JsonValue) -> JsonValue:
    if len(encode_json(value).encode()) > MAX_CONTEXT_BYTES:
        raise ValueError(f"must be at most {MAX_CONTEXT_BYTES} bytes as JSON")
    return value


class TaskMetadata(BaseModel):
    """Who asks for what, and where the outcome goes."""

    model_config = ConfigDict(frozen=True)

    id: TaskId
    runtime: RuntimeName
    tasktype: TaskType
    prefix: Prefix
    context: Annotated[JsonValue, AfterValidator(_check_context)] = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """Anything; comes back in the callback."""


class TaskMessage(BaseModel):
    """One task on its way from the intake to a runtime's queue.

    A user who publishes to the tasks topic sends `metadata` and `content` only.
    """

    model_config = ConfigDict(frozen=True)

    metadata: TaskMetadata
    content: dict[str, Any] | None = Field(default=None, exclude_if=lambda value: value is None)
    """What the runtime's API takes."""
    content_ref: Annotated[str | None, Field(pattern=r"^s3://[^/]+/.+$", max_length=1100)] = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """S3 URI of the content as JSON, in place of `content` where that is too large for SNS."""
    created_at: datetime | None = Field(default=None, exclude_if=lambda value: value is None)
    trace: dict[str, str] | None = Field(default=None, exclude_if=lambda value: value is None)
    """Trace headers by name; SNS does not carry AWSTraceHeader on to SQS everywhere."""

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if (self.content is None) == (self.content_ref is None):
            raise ValueError("give either content or content_ref")
        return self

    def to_json(self) -> str:
        """The message as compact JSON."""
        return self.model_dump_json()


def check_task_type(tasktype: TaskType, runtime_type: RuntimeType) -> None:
    """Checks that a runtime of a type takes a task type.

    Raises:
        ContractError: it does not; the message names the types it takes.
    """
    taken = TASK_TYPES[runtime_type]
    if tasktype not in taken:
        names = ", ".join(sorted(taken))
        raise ContractError(
            [
                Problem(
                    field="metadata.tasktype",
                    problem=f"a runtime of type {runtime_type} takes {names}, not {tasktype}",
                )
            ]
        )
