"""`easel tasks`: asks the API how tasks stand, and cancels them."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import typer

from easel_cli.api_authorization import authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.submit import RefusedError
from easel_cli.submit_options import API_KEY_VARIABLE
from easel_cli.target import Target
from easel_contract.plain_text import printable, printable_json
from easel_contract.record import END_STATUSES, TaskStatus
from easel_contract.tasks_api import MAX_LIMIT, MAX_PRESIGN_SECONDS, TaskList, TaskView
from easel_deploy.command_line import StackOptions
from easel_deploy.exit_status import ExitStatus

_PATH = "v1alpha2/tasks"
_POLL_SECONDS = 2.0


_SECONDS_OF_A_FORTNIGHT = 14 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class ListOptions(StackOptions):
    """Options of `easel tasks list`.

    Attributes:
        runtime: only tasks of this runtime.
        status: only tasks of this status.
        id: only tasks of this id.
        since: only tasks accepted since then, as 2026-11-28T08:00:00Z.
        limit: how many at most.
    """

    runtime: Annotated[str | None, typer.Option(help="only tasks of this runtime")] = None
    status: Annotated[TaskStatus | None, typer.Option(help="only tasks of this status")] = None
    id: Annotated[str | None, typer.Option(help="only tasks of this id")] = None
    since: Annotated[
        str | None, typer.Option(help="only tasks accepted since then, as 2026-11-28T08:00:00Z")
    ] = None
    limit: Annotated[int, typer.Option(help="at most", min=1)] = 20


@dataclass(frozen=True, kw_only=True)
class NamedTasksOptions(StackOptions):
    """Options of the commands for tasks that are named.

    Attributes:
        tasks: ids (of each the latest task) or uids.
    """

    tasks: Annotated[list[str], typer.Argument(metavar="TASK", help="id (its latest task) or uid")]


@dataclass(frozen=True, kw_only=True)
class ShowOptions(NamedTasksOptions):
    """Options of `easel tasks show`.

    Attributes:
        presign: seconds that HTTPS URLs of the pictures hold; None: s3:// URLs.
    """

    presign: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS",
            min=1,
            max=MAX_PRESIGN_SECONDS,
            help=f"HTTPS URLs of the pictures that hold so long (at most {MAX_PRESIGN_SECONDS})",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class WaitOptions(NamedTasksOptions):
    """Options of `easel tasks wait`.

    Attributes:
        timeout: seconds to wait.
    """

    timeout: Annotated[float, typer.Option(help="seconds", min=0, max=_SECONDS_OF_A_FORTNIGHT)] = (
        900
    )


class TasksApi:
    """The part of the API that tells of tasks."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def pages(self, parameters: dict[str, str], limit: int) -> Iterator[TaskView]:
        """Yields tasks, newest first, from as many pages as it takes.

        Raises:
            RefusedError: the API did not take the request.
        """
        cursor: str | None = ""
        while cursor is not None and limit > 0:
            asked = parameters | {"limit": str(min(limit, MAX_LIMIT))}
            answer = self._api.get(_PATH, asked | ({"cursor": cursor} if cursor else {}))
            if not answer.ok:
                raise RefusedError(answer)
            page = TaskList.model_validate_json(answer.content)
            yield from page.tasks[:limit]
            limit -= len(page.tasks)
            cursor = page.cursor

    def find(self, name: str, presign_seconds: int | None = None) -> TaskView | None:
        """Returns a task by its id or uid; None where there is none.

        Raises:
            RefusedError: the API did not take the request.
        """
        parameters = {} if presign_seconds is None else {"presign": str(presign_seconds)}
        answer = self._api.get(f"{_PATH}/{quote(name, safe='')}", parameters)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not answer.ok:
            raise RefusedError(answer)
        return TaskView.model_validate_json(answer.content)

    def cancel(self, name: str) -> TaskView:
        """Cancels a task.

        Raises:
            RefusedError: there is no such task, or the task has ended.
        """
        answer = self._api.post(f"{_PATH}/{quote(name, safe='')}/cancel", {})
        if not answer.ok:
            raise RefusedError(answer)
        return TaskView.model_validate_json(answer.content)


def open_api(target: Target, clients: AwsClients) -> ApiClient:
    """Returns a client of the stack's API with the authorization that the stack asks for."""
    key = os.environ.get(API_KEY_VARIABLE)
    return ApiClient(target.endpoint, authorization_of(target, clients, key))


def list_tasks(options: ListOptions, target: Target, progress: Progress) -> ExitStatus:
    """Prints tasks, newest first."""
    names = ("runtime", "status", "id", "since")
    asked = {name: str(value) for name in names if (value := getattr(options, name)) is not None}
    count = 0
    with open_api(target, AwsClients(target)) as api:
        for task in TasksApi(api).pages(asked, options.limit):
            _print(options, progress, task, _line(task))
            count += 1
    if not options.json and not count:
        progress.say("no tasks")
    return ExitStatus.COMPLETED


def show_tasks(options: ShowOptions, target: Target, progress: Progress) -> ExitStatus:
    """Prints status, timings and pictures of tasks."""

    def act(api: TasksApi, name: str) -> None:
        task = _known(api, name, options.presign)
        _print(options, progress, task, "\n".join(_details(task)))

    return _each(options, target, progress, act)


def cancel_tasks(options: NamedTasksOptions, target: Target, progress: Progress) -> ExitStatus:
    """Cancels waiting or running tasks."""

    def act(api: TasksApi, name: str) -> None:
        task = api.cancel(name)
        is_running = task.status is TaskStatus.RUNNING
        words = "is being interrupted" if is_running else str(task.status)
        _print(options, progress, task, printable(f"{task.id} ({task.uid}) {words}"))

    return _each(options, target, progress, act)


def wait_for_tasks(options: WaitOptions, target: Target, progress: Progress) -> ExitStatus:
    """Waits until all tasks have ended; COMPLETED where each completed."""
    deadline = time.monotonic() + options.timeout
    status = ExitStatus.COMPLETED

    def act(api: TasksApi, name: str) -> None:
        nonlocal status
        with progress.step(f"task {printable(name)}") as update:
            task = _ended(api, name, deadline, update)
        _print(options, progress, task, "\n".join(_details(task)))
        if task.status is not TaskStatus.COMPLETED:
            status = ExitStatus.FAILED

    return max(_each(options, target, progress, act), status)


def _ended(api: TasksApi, name: str, deadline: float, update: Callable[[str], None]) -> TaskView:
    """Waits for the end of a task.

    Raises:
        UnknownTaskError: there is no such task.
        RefusedError: the API did not take the request.
        TimeoutError: the task has not ended in time.
    """
    while (task := _known(api, name)).status not in END_STATUSES:
        if time.monotonic() > deadline:
            raise TimeoutError(f"task {printable(name)} is still {task.status}")
        update(_standing(task))
        time.sleep(_POLL_SECONDS)
    return task


def _known(api: TasksApi, name: str, presign_seconds: int | None = None) -> TaskView:
    task = api.find(name, presign_seconds)
    if task is None:
        raise UnknownTaskError(f"there is no task {printable(name)}")
    return task


class UnknownTaskError(Exception):
    """There is no task of a name, or it is another tenant's."""


def _each(
    options: NamedTasksOptions,
    target: Target,
    progress: Progress,
    act: Callable[[TasksApi, str], None],
) -> ExitStatus:
    """Does something with every task that was named, whatever became of the others."""
    status = ExitStatus.COMPLETED
    with open_api(target, AwsClients(target)) as api:
        for name in options.tasks:
            try:
                act(TasksApi(api), name)
            except UnknownTaskError as error:
                progress.say(str(error))
                status = ExitStatus.FAILED
            except RefusedError as error:
                progress.say(f"{printable(name)}: {error}")
                status = ExitStatus.REFUSED
    return status


def _print(options: StackOptions, progress: Progress, task: TaskView, text: str) -> None:
    if options.json:
        print(printable_json(task.model_dump(mode="json")))
    else:
        progress.say(text)


def _line(task: TaskView) -> str:
    accepted = f"{task.created_at:%Y-%m-%d %H:%M:%S}"
    return printable(f"{accepted}  {task.uid}  {task.runtime}  {_standing(task):<18}  {task.id}")


def _standing(task: TaskView) -> str:
    if task.status is TaskStatus.QUEUED and task.position is not None:
        return f"queued at {task.position}"
    if task.status is TaskStatus.RUNNING and task.progress is not None:
        return f"running {task.progress.percent:.0f} %"
    return str(task.status)


def _details(task: TaskView) -> list[str]:
    rows: dict[str, Any] = {
        "status": _standing(task),
        "runtime": f"{task.runtime} ({task.tasktype})",
        "attempts": task.attempts,
        "accepted": task.created_at,
        "begun": task.started_at,
        "ended": task.finished_at,
        "deadline": task.deadline_at,
        "cancellation asked for": task.cancel_requested_at,
        "error": task.error and f"{task.error.code}: {task.error.message}",
        "GPU seconds": task.usage.gpu_seconds or None,
        "cost": task.usage.cost and f"{task.usage.cost} {task.usage.currency}",
        "outputs": task.output_location,
    }
    lines = [printable(f"{task.id} ({task.uid})")]
    lines += [f"  {name}: {printable(str(value))}" for name, value in rows.items() if value]
    stored = [*task.pictures, *([task.answer] if task.answer else [])]
    return lines + [f"  {printable(item.url or item.uri)}" for item in stored]
