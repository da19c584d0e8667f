"""Answers of the API that tells of tasks and runtimes (v1alpha2)."""

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from easel_contract.errors import TaskError
from easel_contract.record import Progress, TaskStatus
from easel_contract.result import Timings
from easel_contract.task import RuntimeType, TaskType
from easel_contract.usage import Usage

MAX_POSITION = 100
"""Up to here a position in a queue, or a number of tasks, is counted exactly."""
MANY: Final = "100+"

MAX_LIMIT = 100
"""Tasks on one page of a list."""
DEFAULT_LIMIT = 20

MAX_PRESIGN_SECONDS = 3600
"""The reader signs with a role that it assumes, and AWS lets a role that was assumed by another
role live for an hour: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining"""

Count = int | Literal["100+"]


class StoredObject(BaseModel):
    """A picture, or the runtime's full answer."""

    model_config = ConfigDict(frozen=True)

    uri: str
    """S3 URI."""
    url: str | None = None
    """HTTPS URL that needs no credentials; only where the caller asked for it."""
    url_expires_at: datetime | None = None


class TaskView(BaseModel):
    """How a task stands."""

    model_config = ConfigDict(frozen=True)

    uid: str
    id: str
    runtime: str
    tasktype: TaskType
    status: TaskStatus
    attempts: int
    position: Count | None = None
    """In the queue of its runtime, from 1; null where the task does not wait, and in lists."""
    progress: Progress | None = None
    created_at: datetime
    started_at: datetime | None = None
    """Begin of the last try."""
    finished_at: datetime | None = None
    deadline_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    output_location: str
    image_url: list[str] = []
    """S3 URIs of the pictures, as in the callback."""
    output_url: str | None = None
    """S3 URI of the runtime's full answer, as in the callback."""
    pictures: list[StoredObject] = []
    answer: StoredObject | None = None
    error: TaskError | None = None
    timings: Timings | None = None
    usage: Usage
    trace_id: str | None = None
    """Of the task's trace, as W3C writes it: 32 hexadecimal digits."""


class TaskList(BaseModel):
    """A page of tasks, newest first."""

    model_config = ConfigDict(frozen=True)

    tasks: list[TaskView]
    cursor: str | None = None
    """Of the next page; null on the last one. A page may hold fewer tasks than asked for."""


class RuntimeView(BaseModel):
    """How a runtime stands."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    name: str
    type: RuntimeType
    sd_model_checkpoint: str | None = None
    """The checkpoint that the runtime serves."""
    dynamic_model: bool = False
    tasks_waiting: Count
    tasks_running: Count
    oldest_waiting_seconds: float | None = None
    """Age of the task that has waited longest; null where none waits."""


class RuntimeList(BaseModel):
    """All runtimes of the stack, by name."""

    model_config = ConfigDict(frozen=True)

    runtimes: list[RuntimeView]
