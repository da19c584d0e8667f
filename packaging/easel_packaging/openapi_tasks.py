"""The part of docs/openapi.yaml about asking for tasks and cancelling them."""

from typing import Any

from pydantic import BaseModel

from easel_contract.errors import ApiErrorBody
from easel_contract.record import TaskStatus
from easel_contract.tasks_api import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_PRESIGN_SECONDS,
    RuntimeList,
    TaskList,
    TaskView,
)

ANSWERS: tuple[type[BaseModel], ...] = (TaskView, TaskList, RuntimeList)
"""Models whose schemas these paths refer to."""

_REFERENCE = "#/components/schemas/{model}"

_REFUSALS = {
    "400": "invalid_request: wrong parameters, every one of them named",
    "401": "unauthorized: no key, or a wrong one; no signature, where the stack asks for one",
    "403": "forbidden: a wrong signature, or a caller that the stack does not know",
    "429": "throttled: too many requests with this key",
    "500": "internal_error: the reader is broken",
    "503": "unavailable: the records cannot be read; ask again",
}
_NOT_FOUND = {"404": "not_found: no such task, or another tenant's"}
_TASK = {
    "name": "task",
    "in": "path",
    "required": True,
    "description": "A task's uid, or an id: then its latest task.",
    "schema": {"type": "string"},
}


def task_paths() -> dict[str, Any]:
    """Returns the paths by their templates."""
    return {
        "/v1alpha2/tasks": {"get": _list()},
        "/v1alpha2/tasks/{task}": {"get": _show()},
        "/v1alpha2/tasks/{task}/cancel": {"post": _cancel()},
        "/v1alpha2/runtimes": {"get": _runtimes()},
    }


def _list() -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    return {
        "operationId": "listTasks",
        "summary": "The caller's tasks, newest first",
        "parameters": [
            _query("id", "only tasks of this id", text),
            _query("runtime", "only tasks of this runtime", text),
            _query("status", "only tasks in this state", text | {"enum": [*map(str, TaskStatus)]}),
            _query("since", "only tasks accepted since then", text | {"format": "date-time"}),
            _query(
                "limit",
                "at most; a page may hold fewer and still have a cursor",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            ),
            _query("cursor", "of the page before", text | {"format": "uuid"}),
        ],
        "responses": {"200": _answer("a page", TaskList)} | _refusals(_REFUSALS),
    }


def _show() -> dict[str, Any]:
    seconds = {"type": "integer", "minimum": 1, "maximum": MAX_PRESIGN_SECONDS}
    return {
        "operationId": "showTask",
        "summary": "How a task stands",
        "parameters": [
            _TASK,
            _query("presign", "seconds that HTTPS links to its outputs are to hold", seconds),
        ],
        "responses": {"200": _answer("the task", TaskView)} | _refusals(_REFUSALS | _NOT_FOUND),
    }


def _cancel() -> dict[str, Any]:
    conflict = {"409": "task_ended: the task has completed or failed"}
    return {
        "operationId": "cancelTask",
        "summary": "Cancel a task that waits or runs",
        "parameters": [_TASK],
        "responses": {
            "200": _answer("cancelled, now or before", TaskView),
            "202": _answer("running: it is being interrupted", TaskView),
        }
        | _refusals(_REFUSALS | _NOT_FOUND | conflict),
    }


def _runtimes() -> dict[str, Any]:
    return {
        "operationId": "listRuntimes",
        "summary": "The stack's runtimes, and how many tasks wait for each",
        "responses": {"200": _answer("all runtimes", RuntimeList)} | _refusals(_REFUSALS),
    }


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _refusals(texts: dict[str, str]) -> dict[str, Any]:
    return {status: _answer(text, ApiErrorBody) for status, text in sorted(texts.items())}


def _answer(description: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
