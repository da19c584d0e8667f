"""Whose fault is it: SD WebUI's refusals and failures told apart.

It answers 500 to many a caller's mistake, so the status alone decides nothing; recordings of each
are in tests/data/captures/a1111_errors.json.
"""

import json
from typing import Any

import requests
from pydantic import BaseModel, ValidationError

from easel_agent.errors import RejectedTaskError, TransientError
from easel_contract.errors import TaskErrorCode

_MAX_CHARACTERS = 500

_DEVICE_ERRORS = ("outofmemory", "out of memory", "cuda", "cudnn", "cublas", "hip error")
"""What of a 500 is the device's doing, and may go well at the next try."""

_CALLERS_EXCEPTIONS = frozenset(
    {"HTTPException", "KeyError", "ZeroDivisionError", "AssertionError", "ValueError", "TypeError"}
)
"""Exceptions behind a 500 that the caller's values raise; a RuntimeError is undecided."""

_CALLERS_MESSAGES = ("not found", "negative dimension", "Kernel size can't be greater")
"""What a RuntimeError says that the caller's values raised."""


class _Problem(BaseModel):
    """`{error, detail, body, errors}`, or `{detail: [...]}` of a request that was not read.

    Peers of the API add `message` or leave fields out.
    """

    error: Any = ""
    detail: Any = ""
    errors: Any = ""
    message: Any = ""

    def summary(self) -> str:
        """What it says, in one line of bounded length."""
        parts = (self.error, self.detail, self.errors, self.message)
        texts = [part if isinstance(part, str) else json.dumps(part) for part in parts if part]
        return ": ".join(texts)[:_MAX_CHARACTERS]


def failure_of(status: int, body: bytes) -> RejectedTaskError | TransientError:
    """The error that an answer other than 2xx stands for."""
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError:
        problem = _Problem(detail=body[:_MAX_CHARACTERS].decode(errors="replace"))
    message = f"SD WebUI answered {status}: {problem.summary()}".removesuffix(": ")
    if _is_callers_mistake(status, problem):
        return RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, message, body)
    return TransientError(message, answer=body)


def _is_callers_mistake(status: int, problem: _Problem) -> bool:
    if status < requests.codes.internal_server_error:
        return True
    text = problem.summary()
    if any(word in text.lower() for word in _DEVICE_ERRORS):
        return False
    if problem.error in _CALLERS_EXCEPTIONS:
        return True
    return any(message in text for message in _CALLERS_MESSAGES)
