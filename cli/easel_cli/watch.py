"""`easel watch`: shows results as they come; those of tasks that have ended, at once."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

import typer

from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.results import ResultSubscription
from easel_cli.submit import finish
from easel_cli.submit_options import WaitingOptions
from easel_cli.target import Target
from easel_cli.tasks import TasksApi, open_api
from easel_contract.plain_text import printable
from easel_contract.record import END_STATUSES
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.tasks_api import TaskView
from easel_deploy.exit_status import ExitStatus

_LOOK_SECONDS = 20 * 60
"""Of one look at the queue where there is no end to wait for."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions(WaitingOptions):
    """Options of `easel watch`.

    Attributes:
        ids: ids or uids of tasks to wait for; none: all.
    """

    ids: Annotated[
        list[str],
        typer.Argument(metavar="ID", help="ids or uids of tasks to wait for (default: all)"),
    ] = field(default_factory=list)


def watch(options: WatchOptions, target: Target, progress: Progress) -> ExitStatus:
    """Shows results until all tasks that were named have ended; for ever where none was.

    Returns:
        COMPLETED where every one did, else FAILED.

    Raises:
        TimeoutError: a named task did not end in time.
    """
    clients = AwsClients(target)
    waiting = dict.fromkeys(options.ids)
    status = ExitStatus.COMPLETED
    # Subscribed before the API is asked: a task that ends in between cannot be missed.
    with ResultSubscription(clients, target.notifications_topic_arn) as subscription:
        for name, task in _ended_already(target, clients, list(waiting)):
            status = max(status, finish(options, target, progress, clients, _result_of(task)))
            del waiting[name]
        if options.ids and not waiting:
            return status
        progress.say(f"watching {target.notifications_topic_arn}")
        for result in _final_results(subscription, options.timeout, forever=not options.ids):
            named = waiting.keys() & {result.id, result.uid}
            if options.ids and not named:
                continue
            status = max(status, finish(options, target, progress, clients, result))
            for name in named:
                del waiting[name]
            if options.ids and not waiting:
                return status
    names = ", ".join(printable(name) for name in waiting)
    raise TimeoutError(f"no result of {names} in {options.timeout:g} s")


def _ended_already(
    target: Target, clients: AwsClients, names: list[str]
) -> Iterator[tuple[str, TaskView]]:
    if not names:
        return
    with open_api(target, clients) as api:
        for name in names:
            task = TasksApi(api).find(name)
            if task is not None and task.status in END_STATUSES:
                yield name, task


def _result_of(task: TaskView) -> TaskResult:
    status = ResultStatus(task.status)
    return TaskResult(
        id=task.id,
        uid=task.uid,
        result=status is ResultStatus.COMPLETED,
        image_url=task.image_url,
        output_url=task.output_url,
        runtime=task.runtime,
        status=status,
        error=task.error,
        attempts=task.attempts,
        usage=task.usage,
    )


def _final_results(
    subscription: ResultSubscription, timeout_seconds: float, *, forever: bool
) -> Iterator[TaskResult]:
    deadline = time.monotonic() + timeout_seconds
    while forever or time.monotonic() < deadline:
        until = time.monotonic() + _LOOK_SECONDS if forever else deadline
        for result in subscription.results(until):
            if result.status is not ResultStatus.RUNNING:
                yield result
