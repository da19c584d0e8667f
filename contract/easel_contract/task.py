"""The task message: what the intake publishes and the queue agent takes."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    WithJsonSchema,
    model_validator,
)

from easel_contract.callback_url import CallbackUrl
from easel_contract.errors import ContractError, Problem
from easel_contract.identifiers import Prefix, RuntimeName, TaskId, TenantName
from easel_contract.json_text import encode_json
from easel_contract.plain_text import sendable_json
from easel_contract.uid import TaskUid

MAX_DEADLINE_SECONDS = 14 * 24 * 3600
"""A message lives no longer in any SQS queue."""
MAX_IDEMPOTENCY_KEY_LENGTH = 255
_IDEMPOTENCY_KEY = re.compile(rf"[!-~]{{1,{MAX_IDEMPOTENCY_KEY_LENGTH}}}")

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


def check_context(value: JsonValue) -> JsonValue:
    """Returns a context unchanged.

    Raises:
        ValueError: it is so large that it might not fit into the callback.
    """
    if len(encode_json(value).encode()) > MAX_CONTEXT_BYTES:
        raise ValueError(f"must be at most {MAX_CONTEXT_BYTES} bytes as JSON")
    return value


class Notification(StrEnum):
    """A callback that a sender asks for beside the one at the task's end."""

    RUNNING = "running"


def _is_absent(value: object) -> bool:
    return value is None


def check_idempotency_key(value: str) -> str:
    """Returns an idempotency key unchanged.

    Raises:
        ValueError: the key is no text of 1 to 255 visible ASCII characters, which a header can
            carry as they are.
    """
    if not _IDEMPOTENCY_KEY.fullmatch(value):
        raise ValueError(f"must be 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters")
    return value


IdempotencyKey = Annotated[
    str,
    AfterValidator(check_idempotency_key),
    WithJsonSchema({"type": "string", "pattern": f"^{_IDEMPOTENCY_KEY.pattern}$"}),
]


class TaskMetadata(BaseModel):
    """Who asks for what, and where the outcome goes."""

    model_config = ConfigDict(frozen=True)

    id: TaskId
    runtime: RuntimeName
    tasktype: TaskType
    prefix: Prefix
    context: Annotated[JsonValue, AfterValidator(check_context)] = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """Anything; comes back in the callback."""
    deadline_seconds: Annotated[int, Field(ge=1, le=MAX_DEADLINE_SECONDS)] | None = Field(
        default=None, exclude_if=_is_absent
    )
    """Counted from acceptance: a task that has not ended by then fails with deadline_exceeded."""
    callback_url: CallbackUrl | None = Field(default=None, exclude_if=_is_absent)
    """Gets every callback of the task by POST, beside the notifications topic."""
    notify: list[Notification] = Field(default=[], exclude_if=lambda value: not value, max_length=4)
    """Callbacks beside the one at the end."""
    idempotency_key: IdempotencyKey | None = Field(default=None, exclude_if=_is_absent)
    """Of whoever publishes to the topic himself; the API has the header Idempotency-Key."""


class TaskMessage(BaseModel):
    """One task on its way from the intake to a runtime's queue.

    A user who publishes to the tasks topic sends `metadata` and `content` only.
    """

    model_config = ConfigDict(frozen=True)

    uid: TaskUid | None = Field(default=None, exclude_if=_is_absent)
    """Of the task's record; absent where the message was published by hand."""
    tenant: TenantName | None = Field(default=None, exclude_if=_is_absent)
    """Whose task it is: the API key's name, or the principal that signed the request."""
    metadata: TaskMetadata
    content: dict[str, Any] | None = Field(default=None, exclude_if=lambda value: value is None)
    """What the runtime's API takes."""
    content_ref: Annotated[str | None, Field(pattern=r"^s3://[^/]+/.+$", max_length=1100)] = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """S3 URI of the content as JSON, in place of `content` where that is too large for SNS."""
    created_at: datetime | None = Field(default=None, exclude_if=lambda value: value is None)
    trace: dict[str, str] | None = Field(default=None, exclude_if=lambda value: value is None)
    """Where the task belongs in which trace; see `easel_contract.trace`."""

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if (self.content is None) == (self.content_ref is None):
            raise ValueError("give either content or content_ref")
        return self

    def deadline_at(self, accepted_at: datetime) -> datetime | None:
        """Returns when the task must have ended; None where its sender named no deadline.

        Args:
            accepted_at: stands in for `created_at` where the message has none.
        """
        seconds = self.metadata.deadline_seconds
        if seconds is None:
            return None
        began = self.created_at
        if began is None or began.tzinfo is None:
            began = accepted_at
        return began + timedelta(seconds=seconds)

    def to_json(self) -> str:
        """The message as compact JSON."""
        return sendable_json(self.model_dump_json())


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
