"""`python -m easel_load`: what `make load` runs."""

import sys

import requests
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_cli.progress import Progress
from easel_cli.request_building import RequestError
from easel_cli.submit import RefusedError
from easel_cli.target_source import TargetError, find_target
from easel_deploy.command_line import add_command, complain, run_command_line
from easel_deploy.exit_status import ExitStatus
from easel_load.loading import NothingSentError, TooManyTasksError
from easel_load.options import LoadOptions
from easel_load.sending import SendingError
from easel_load.verb import load

_USAGE = (RequestError, TargetError, TooManyTasksError, NothingSentError)
_FAULTS = (SendingError, RefusedError, ClientError, BotoCoreError, requests.RequestException)


def main() -> int:
    """Loads a stack.

    Returns:
        0, 1 where a task was lost or nothing could be sent, 2 wrong usage, 130 interrupted.
    """
    commands = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    add_command(commands, "load", _run, LoadOptions, "Find out how much a stack takes.")
    try:
        return run_command_line(commands, "load", sys.argv[1:] or ["knee"])
    except _USAGE as error:
        complain(str(error))
        return ExitStatus.USAGE
    except _FAULTS as error:
        complain(str(error))
        return ExitStatus.FAILED
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED


def _run(options: LoadOptions) -> ExitStatus:
    progress = Progress(Console(highlight=False, stderr=options.json))
    return load(options, find_target(options.env, options.outputs), progress)


if __name__ == "__main__":
    sys.exit(main())
