"""`easel dashboard`."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from easel_cli.aws_clients import AwsClients
from easel_cli.dashboard.body import DashboardError
from easel_cli.dashboard.figures import Row, rows_of_cloudwatch
from easel_cli.dashboard.local_figures import rows_of_api
from easel_cli.dashboard.screen import lines_of, table_of
from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_cli.tasks import open_api
from easel_deploy.command_line import StackOptions
from easel_deploy.exit_status import ExitStatus

_EVERY_SECONDS = 60.0
_LEAST_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class DashboardOptions(StackOptions):
    """Options of `easel dashboard`.

    Attributes:
        once: one look, and no more.
        every: seconds between two looks.
    """

    once: Annotated[bool, typer.Option("--once", help="one look, and no more")] = False
    every: Annotated[
        float,
        typer.Option(
            help="seconds between two looks; CloudWatch takes a cent for a thousand metrics asked",
            min=_LEAST_SECONDS,
        ),
    ] = _EVERY_SECONDS


def dashboard(options: DashboardOptions, target: Target, progress: Progress) -> ExitStatus:
    """Shows a stack's figures, again and again, until Ctrl-C.

    Raises:
        DashboardError: the stack has no dashboard, or somebody changed it.
        botocore.exceptions.ClientError: these credentials may not read it.
        RefusedError: the API of a local stack did not take a request.
    """
    look = _look_at(target)
    if options.json:
        _print(options, look)
        return ExitStatus.COMPLETED
    if options.once:
        Console(highlight=False).print(table_of(look(), _title(target)))
        return ExitStatus.COMPLETED
    with progress.step("first look"):
        rows = look()
    with Live(table_of(rows, _title(target)), auto_refresh=False) as live:
        while True:
            time.sleep(options.every)
            live.update(table_of(look(), _title(target)), refresh=True)


def _print(options: DashboardOptions, look: Callable[[], list[Row]]) -> None:
    while True:
        for line in lines_of(look()):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        if options.once:
            return
        time.sleep(options.every)


def _look_at(target: Target) -> Callable[[], list[Row]]:
    clients = AwsClients(target)
    if target.aws_endpoint_url is not None:
        api = open_api(target, clients)
        return lambda: rows_of_api(api)
    name = target.dashboard_name
    if name is None:
        raise DashboardError(
            "This stack has no dashboard: it was applied before easel made one. `make apply` "
            "makes it."
        )
    cloudwatch = clients.cloudwatch()
    return lambda: rows_of_cloudwatch(cloudwatch, name)


def _title(target: Target) -> str:
    place = "local stack" if target.aws_endpoint_url else target.region
    return f"{place}, {datetime.now().astimezone():%H:%M:%S}"
