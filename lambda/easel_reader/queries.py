"""What a request asks for, or every problem with it at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from easel_contract.errors import ApiErrorCode, Problem
from easel_contract.identifiers import check_task_id
from easel_contract.record import TaskStatus
from easel_contract.tasks_api import DEFAULT_LIMIT, MAX_LIMIT, MAX_PRESIGN_SECONDS
from easel_contract.uid import check_uid, first_uid_at
from easel_http.events import RefusedRequestError, query_of, with_problems
from easel_records.reading import TaskFilter

_LONGEST_VALUE = 300
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class ListQuery:
    """A page of tasks that is asked for.

    Attributes:
        wanted: which tasks.
        limit: how many at most.
        cursor: uid before which the page begins; None for the first.
    """

    wanted: TaskFilter
    limit: int
    cursor: str | None


class _Parameters:
    """Reads parameters one after the other and collects what is wrong with them."""

    def __init__(self, event: Mapping[str, Any], known: frozenset[str]) -> None:
        self._given = query_of(event)
        self._problems = [
            Problem(field=name[:_LONGEST_VALUE], problem=f"is unknown; known: {_names(known)}")
            for name in sorted(self._given.keys() - known)
        ]

    def read(self, name: str, parse: Callable[[str], _Value]) -> _Value | None:
        text = self._given.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self._problems.append(Problem(field=name, problem=str(error)))
            return None

    def check(self) -> None:
        """Raises what is wrong, if anything is."""
        if self._problems:
            raise with_problems(self._problems)


def list_query(event: Mapping[str, Any]) -> ListQuery:
    """Reads the parameters of a list.

    Raises:
        RefusedRequestError: with every problem that they have.
    """
    known = frozenset({"runtime", "status", "id", "since", "limit", "cursor"})
    parameters = _Parameters(event, known)
    wanted = TaskFilter(
        task_id=parameters.read("id", check_task_id),
        runtime=parameters.read("runtime", check_task_id),
        status=parameters.read("status", _status),
        first_uid=parameters.read("since", _first_uid) or "",
    )
    limit = parameters.read("limit", lambda text: _number(text, MAX_LIMIT))
    cursor = parameters.read("cursor", check_uid)
    parameters.check()
    return ListQuery(wanted, DEFAULT_LIMIT if limit is None else limit, cursor)


def presign_seconds(event: Mapping[str, Any]) -> int | None:
    """Reads how long links are to hold; None where none are asked for.

    Raises:
        RefusedRequestError: the parameter is no number of seconds, or another one is unknown.
    """
    parameters = _Parameters(event, frozenset({"presign"}))
    seconds = parameters.read("presign", lambda text: _number(text, MAX_PRESIGN_SECONDS))
    parameters.check()
    return seconds


def task_name(event: Mapping[str, Any]) -> str:
    """Returns the id or uid in a request's path.

    Raises:
        RefusedRequestError: the path holds what can be neither: there is no such task.
    """
    path: Mapping[str, Any] = event.get("pathParameters") or {}
    try:
        return check_task_id(str(path.get("task") or ""))
    except ValueError as error:
        raise no_such_task() from error


def no_such_task() -> RefusedRequestError:
    """Returns the refusal of a request about a task that is not there, or another tenant's."""
    return RefusedRequestError(ApiErrorCode.NOT_FOUND, "There is no such task.")


def _status(text: str) -> TaskStatus:
    try:
        return TaskStatus(text)
    except ValueError as error:
        raise ValueError(f"must be {_names(frozenset(TaskStatus))}") from error


def _first_uid(text: str) -> str:
    words = "must be a time with a zone, such as 2026-11-28T08:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(words) from error
    if moment.tzinfo is None:
        raise ValueError(words)
    return first_uid_at(moment)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:10]) <= most):
        raise ValueError(f"must be a whole number from 1 to {most}")
    return int(text)


def _names(names: frozenset[str]) -> str:
    return ", ".join(sorted(str(name) for name in names))
