"""Problems of requests and messages, worded the same way everywhere.

The API answers `{"error": {"code", "message", "details": [{"field", "problem"}]}}`; a failed
task's callback carries `{"code", "message", "retryable"}`.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from easel_contract.plain_text import printable

MAX_MESSAGE_CHARACTERS = 4000
"""Of an error: a callback must fit into SNS's 256 KiB, a log line into what collectors take."""


class Problem(BaseModel):
    """One problem of a request or a message: its place and its description."""

    model_config = ConfigDict(frozen=True)

    field: str
    """Path in the request, such as `task.metadata.id` or `init_images[0]`; "" is the whole."""
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}" if self.field else self.problem


class ApiErrorCode(StrEnum):
    """`error.code` of a refused request, with the HTTP status it comes with."""

    INVALID_REQUEST = "invalid_request"  # 400
    UNAUTHORIZED = "unauthorized"  # 401, from API Gateway
    FORBIDDEN = "forbidden"  # 403, from API Gateway
    NOT_FOUND = "not_found"  # 404
    TASK_ENDED = "task_ended"  # 409, on cancelling a task that has completed or failed
    REQUEST_IN_PROGRESS = "request_in_progress"  # 409, the same Idempotency-Key is being accepted
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"  # 422, the key came with another body
    PAYLOAD_TOO_LARGE = "payload_too_large"  # 413
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"  # 415
    THROTTLED = "throttled"  # 429, from API Gateway
    INTERNAL = "internal_error"  # 500, and 502 and 504 from API Gateway
    UNAVAILABLE = "unavailable"  # 503


class ApiError(BaseModel):
    """The `error` object of a refused request."""

    code: ApiErrorCode
    message: str
    details: list[Problem] = []


class ApiErrorBody(BaseModel):
    """The body of every refused request."""

    error: ApiError


class TaskErrorCode(StrEnum):
    """`error.code` of a failed task."""

    INVALID_TASK = "invalid_task"  # the message or its content cannot be used
    UNSUPPORTED_TASK = "unsupported_task"  # this runtime does not do this task type
    INPUT_UNAVAILABLE = "input_unavailable"  # a URL in the content could not be fetched
    RUNTIME_REJECTED = "runtime_rejected"  # the runtime refused the content
    RUNTIME_FAILED = "runtime_failed"  # the runtime tried and failed
    DEADLINE_EXCEEDED = "deadline_exceeded"  # it took longer than a task, or its sender, allows
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"  # the key came with another content
    INTERNAL = "internal_error"  # our fault


def _told(text: str) -> str:
    """Returns a message as one line that no terminal obeys, of a bounded length."""
    # Cut before as well: escapes are up to ten times as long.
    line = printable(text[: MAX_MESSAGE_CHARACTERS + 1])
    is_long = len(line) > MAX_MESSAGE_CHARACTERS
    return f"{line[: MAX_MESSAGE_CHARACTERS - 3]}..." if is_long else line


class TaskError(BaseModel):
    """The `error` object of a failed task's result."""

    code: TaskErrorCode
    message: Annotated[str, AfterValidator(_told)]
    """One line; quotes runtimes and workflows, so it is cleaned where it is made."""
    retryable: bool = False
    """True where the same task, sent again under a new id, may well succeed."""


_MAX_TOLD_PROBLEMS = 50


class ContractError(ValueError):
    """A request or message that does not keep the contract, with every problem found.

    Its text is one line of a bounded length: fields have names from outside.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(_told("; ".join(map(str, self.problems[:_MAX_TOLD_PROBLEMS]))))


def problems_of(error: ValidationError, prefix: tuple[str | int, ...] = ()) -> list[Problem]:
    """Turns pydantic's errors into problems, in the order of the fields.

    Args:
        error: what `model_validate` raised.
        prefix: path of the validated value within the request.
    """
    return [
        Problem(
            field=_path((*prefix, *details["loc"])),
            problem=_wording(details),
        )
        for details in error.errors(include_url=False, include_input=False)
    ]


_WORDING = {
    "missing": "is required",
    "string_type": "must be a string",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
}
"""pydantic's error types in the words of JSON, in which the caller thinks."""

_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")


def _wording(details: ErrorDetails) -> str:
    template = _WORDING.get(details["type"])
    if template is None:
        return details["msg"].removeprefix("Value error, ")
    # Of an enum's members pydantic shows what Python calls them.
    return _MEMBER.sub(r"\1", template.format(**details.get("ctx", {})))


def _path(location: tuple[str | int, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path
