"""A request of either API version -> the task it asks for, or every problem with it at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from easel_contract.api import (
    V1Alpha1Accepted,
    V1Alpha1Request,
    V1Alpha2Accepted,
    V1Alpha2Request,
)
from easel_contract.errors import ContractError, Problem, problems_of
from easel_contract.storage import TaskLocation
from easel_contract.task import TaskMetadata, TaskType
from easel_intake.routing import Runtimes
from easel_intake.sdwebui_content import as_sdwebui_takes

_V1ALPHA1_PREFIX, _V1ALPHA2_PREFIX = "alwayson_scripts.save_dir", "task.metadata.prefix"
_V1ALPHA2_FIELDS = ("task.metadata.runtime", "task.metadata.tasktype")
_CHECKPOINT_FIELD = "alwayson_scripts.sd_model_checkpoint"


@dataclass(frozen=True)
class RequestedTask:
    """What a good request asks for.

    Attributes:
        metadata: the task's.
        content: what goes to the runtime.
        checkpoint: that a v1alpha1 request names; None in v1alpha2.
    """

    metadata: TaskMetadata
    content: dict[str, Any]
    checkpoint: str | None = None

    @property
    def prefix_field(self) -> str:
        """Where the request has its prefix."""
        return _V1ALPHA2_PREFIX if self.checkpoint is None else _V1ALPHA1_PREFIX

    def accepted(self, bucket: str, uid: str) -> BaseModel:
        """The answer to the request, in its own version's form (R18).

        Args:
            bucket: the output bucket's name.
            uid: of the task.
        """
        location = TaskLocation(bucket, self.metadata.prefix, self.metadata.id).uri
        if self.checkpoint is None:
            return V1Alpha2Accepted(
                id_task=self.metadata.id,
                uid=uid,
                runtime=self.metadata.runtime,
                output_location=location,
            )
        return V1Alpha1Accepted(
            id_task=self.metadata.id,
            uid=uid,
            sd_model_checkpoint=self.checkpoint,
            output_location=location,
        )


def read_v1alpha2(body: JsonValue, runtimes: Runtimes) -> RequestedTask:
    """Reads a v1alpha2 request.

    Raises:
        ContractError: with every problem that it has.
    """
    problems: list[Problem] = []
    request: V1Alpha2Request | None = None
    try:
        request = V1Alpha2Request.model_validate(body)
    except ValidationError as error:
        problems = problems_of(error)
    problems += _routing_problems(body, runtimes, {problem.field for problem in problems})
    if request is None or problems:
        raise ContractError(problems)
    metadata, content = request.task.metadata, request.task.content
    return RequestedTask(metadata, as_sdwebui_takes(content, metadata.tasktype))


def read_v1alpha1(body: JsonValue, runtimes: Runtimes) -> RequestedTask:
    """Reads a v1alpha1 request and finds its runtime by the checkpoint.

    Raises:
        ContractError: with every problem that it has.
    """
    problems: list[Problem] = []
    request: V1Alpha1Request | None = None
    runtime: str | None = None
    try:
        request = V1Alpha1Request.model_validate(body)
    except ValidationError as error:
        problems = problems_of(error)
    checkpoint = _at(body, "alwayson_scripts", "sd_model_checkpoint")
    if isinstance(checkpoint, str) and _CHECKPOINT_FIELD not in {p.field for p in problems}:
        try:
            runtime = runtimes.for_checkpoint(checkpoint, _CHECKPOINT_FIELD)
        except ContractError as error:
            problems += error.problems
    if request is None or runtime is None or problems:
        raise ContractError(problems)
    routing = request.alwayson_scripts
    metadata = TaskMetadata(
        id=routing.id_task,
        runtime=runtime,
        tasktype=TaskType(routing.task),
        prefix=routing.save_dir,
    )
    # With the checkpoint's name, to a static runtime, too: by then it may serve another one.
    content = {
        **(request.model_extra or {}),
        "alwayson_scripts": routing.model_dump(exclude_unset=True),
    }
    return RequestedTask(
        metadata,
        as_sdwebui_takes(content, metadata.tasktype),
        checkpoint=routing.sd_model_checkpoint,
    )


def _routing_problems(body: JsonValue, runtimes: Runtimes, known: set[str]) -> list[Problem]:
    # Asked even where other fields are wrong: a caller hears of everything in one answer.
    name = _at(body, "task", "metadata", "runtime")
    if not isinstance(name, str) or _V1ALPHA2_FIELDS[0] in known:
        return []
    raw_type = _at(body, "task", "metadata", "tasktype")
    tasktype = next((known for known in TaskType if known == raw_type), None)
    return runtimes.check(name, tasktype, _V1ALPHA2_FIELDS)


def _at(value: JsonValue, *path: str) -> JsonValue:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


READERS: dict[str, Callable[[JsonValue, Runtimes], RequestedTask]] = {
    "/v1alpha1": read_v1alpha1,
    "/v1alpha2": read_v1alpha2,
}
"""The reader of each API version, by its path."""
