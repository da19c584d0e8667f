"""`easel watch`: shows results as they come."""

import argparse
import time
from collections.abc import Iterator

from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.results import ResultSubscription
from easel_cli.submit import ExitStatus, finish
from easel_cli.target import Target
from easel_contract.result import ResultStatus, TaskResult


def watch(arguments: argparse.Namespace, target: Target, progress: Progress) -> ExitStatus:
    """Shows results until all tasks that were named are finished; for ever where none was.

    Returns:
        COMPLETED where every one did, else FAILED.

    Raises:
        TimeoutError: a named task did not finish in time.
    """
    clients = AwsClients(target)
    waiting = set(arguments.ids)
    status = ExitStatus.COMPLETED
    with ResultSubscription(clients, target.notifications_topic_arn) as subscription:
        progress.say(f"watching {target.notifications_topic_arn}")
        for result in _final_results(subscription, arguments.timeout, forever=not waiting):
            if arguments.ids and result.id not in waiting:
                continue
            outcome = finish(arguments, progress, clients, result)
            status = max(status, outcome)
            waiting.discard(result.id)
            if arguments.ids and not waiting:
                return status
    raise TimeoutError(f"no result of {', '.join(sorted(waiting))} in {arguments.timeout:g} s")


def _final_results(
    subscription: ResultSubscription, timeout_seconds: float, *, forever: bool
) -> Iterator[TaskResult]:
    deadline = float("inf") if forever else time.monotonic() + timeout_seconds
    for result in subscription.results(deadline):
        if result.status is not ResultStatus.RUNNING:
            yield result
