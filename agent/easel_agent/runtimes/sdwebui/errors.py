"""SD WebUI's refusals and failures as the agent's errors; `sdwebui_faults` says whose they are."""

import json
from typing import Any

import requests
from pydantic import BaseModel, ValidationError

from easel_agent.runtimes.faults import Verdict, error_of, first_row
from easel_agent.runtimes.sdwebui.faults import ROWS
from easel_contract.errors import TaskErrorCode

_MAX_CHARACTERS = 500
_MAX_MATCHED = 4000
"""Of a message, to search for what the table knows."""

_STATUSES = {
    requests.codes.unauthorized: Verdict.UNCERTAIN,
    requests.codes.forbidden: Verdict.UNCERTAIN,
    requests.codes.request_timeout: Verdict.PASSING,
    requests.codes.too_many_requests: Verdict.PASSING,
    requests.codes.bad_gateway: Verdict.PASSING,
    requests.codes.service_unavailable: Verdict.PASSING,
    requests.codes.gateway_timeout: Verdict.PASSING,
}
"""Statuses that decide by themselves (RFC 9110 15.5, 15.6; RFC 6585 4)."""


class _Problem(BaseModel):
    """The fields of an answer that tell of a failure; peers of the API leave fields out."""

    error: Any = ""
    detail: Any = ""
    errors: Any = ""
    message: Any = ""

    def summary(self) -> str:
        """The server's message, in one line of bounded length."""
        parts = (self.error, self.detail, self.errors, self.message)
        texts = [part if isinstance(part, str) else json.dumps(part) for part in parts if part]
        return ": ".join(texts)[:_MAX_CHARACTERS]

    def text(self) -> str:
        """The exception's own text."""
        parts = (self.errors, self.detail, self.message)
        return next((part for part in parts if isinstance(part, str) and part), "")[:_MAX_MATCHED]


def verdict_of(status: int, error: str, message: str) -> Verdict:
    """What a failure stands for.

    Args:
        status: of HTTP.
        error: the exception's class; "" where the answer does not tell.
        message: the exception's text.
    """
    if status in _STATUSES:
        return _STATUSES[status]
    if status < requests.codes.internal_server_error:
        return Verdict.CALLER
    row = first_row(ROWS, error.rpartition(".")[2], message)
    return Verdict.UNCERTAIN if row is None else row.verdict


def failure_of(status: int, body: bytes) -> Exception:
    """The error that an answer other than 2xx stands for.

    Returns:
        RejectedTaskError, TransientError or one of its kinds, or RuntimeBrokenError.
    """
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError:
        problem = _Problem(detail=body[:_MAX_CHARACTERS].decode(errors="replace"))
    message = f"SD WebUI answered {status}: {problem.summary()}".removesuffix(": ")
    error = problem.error if isinstance(problem.error, str) else ""
    verdict = verdict_of(status, error, problem.text())
    return error_of(verdict, message, code=TaskErrorCode.RUNTIME_REJECTED, answer=body)
