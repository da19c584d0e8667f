"""`python -m easel_local.estate plan|mend|apply|output|destroy ENVIRONMENT [terraform options]`.

`easel deploy` also runs `start ENVIRONMENT NAME`, before there are settings to plan with.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import requests

from easel_contract.plain_text import printable_lines
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.exit_status import ExitStatus
from easel_deploy.terraform_config import TerraformConfigError
from easel_local import interrupts
from easel_local.credentials import CredentialsError
from easel_local.emulator.process import EmulatorError
from easel_local.estate.estate import Estate, EstateError
from easel_local.estate.start import start
from easel_local.paths import HOME
from easel_local.private_files import ForeignFolderError, keep_private
from easel_local.server_process import ServerProcessError
from easel_local.services import ServiceError
from easel_local.state import BusyError, locked

_EXPECTED_ERRORS = (
    BusyError,
    CredentialsError,
    EmulatorError,
    EstateError,
    ForeignFolderError,
    ServerProcessError,
    ServiceError,
    TerraformConfigError,
    TerraformError,
    requests.RequestException,
)

_START = "start"
_NAME = re.compile(r"[a-z0-9-]+")
_VERBS: dict[str, Callable[[Estate, Sequence[str]], int]] = {
    "plan": Estate.plan,
    "mend": Estate.mend,
    "apply": Estate.apply,
    "output": Estate.output,
    "destroy": Estate.destroy,
}


def main() -> int:
    """Runs one verb; an error that a person can mend is one message, not a traceback.

    Returns:
        Terraform's exit status; 2 for a wrong environment, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="easel_local.estate", description=__doc__)
    parser.add_argument("verb", choices=[*_VERBS, _START])
    parser.add_argument("environment", help="folder under envs/, such as us-east-1")
    arguments, options = parser.parse_known_args()
    interrupts.raise_on_signals()
    home = HOME / "estate" / arguments.environment
    try:
        keep_private(HOME)
        run = _work(arguments.verb, arguments.environment, options, home)
        with locked(
            home.with_name(f"{arguments.environment}.lock"),
            f"Another make is at work on {arguments.environment} on this machine.",
        ):
            return run()
    except EstateError as error:
        print(printable_lines(f"easel: {error}"), file=sys.stderr)
        return 2
    except _EXPECTED_ERRORS as error:
        print(printable_lines(f"easel: {error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("easel: interrupted", file=sys.stderr)
        return ExitStatus.INTERRUPTED


def _work(verb: str, environment: str, options: list[str], home: Path) -> Callable[[], int]:
    """Looks at the names; what it returns is done under the lock."""
    if verb != _START:
        return partial(_VERBS[verb], Estate(environment, home), options)
    if not _NAME.fullmatch(environment) or len(options) != 1 or not _NAME.fullmatch(options[0]):
        raise EstateError("start takes a region and a stack's name, such as: us-west-2 easel")

    def started() -> int:
        print(start(environment, options[0], home))
        return 0

    return started


if __name__ == "__main__":
    sys.exit(main())
