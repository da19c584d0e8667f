"""`python -m easel_local.estate plan|apply|output|destroy ENVIRONMENT [terraform options]`."""

import argparse
import sys
from collections.abc import Callable, Sequence

from easel_contract.plain_text import printable_lines
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.exit_status import ExitStatus
from easel_deploy.terraform_config import TerraformConfigError
from easel_local import interrupts
from easel_local.credentials import CredentialsError
from easel_local.emulator.process import EmulatorError
from easel_local.estate.estate import Estate, EstateError
from easel_local.paths import HOME
from easel_local.private_files import ForeignFolderError, keep_private
from easel_local.server_process import ServerProcessError
from easel_local.state import BusyError, locked

_EXPECTED_ERRORS = (
    BusyError,
    CredentialsError,
    EmulatorError,
    EstateError,
    ForeignFolderError,
    ServerProcessError,
    TerraformConfigError,
    TerraformError,
)

_VERBS: dict[str, Callable[[Estate, Sequence[str]], int]] = {
    "plan": Estate.plan,
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
    parser.add_argument("verb", choices=_VERBS)
    parser.add_argument("environment", help="folder under envs/, such as us-east-1")
    arguments, options = parser.parse_known_args()
    interrupts.raise_on_signals()
    home = HOME / "estate" / arguments.environment
    try:
        keep_private(HOME)
        estate = Estate(arguments.environment, home)
        with locked(
            home.with_name(f"{arguments.environment}.lock"),
            f"Another make is at work on {arguments.environment} on this machine.",
        ):
            return _VERBS[arguments.verb](estate, options)
    except EstateError as error:
        print(printable_lines(f"easel: {error}"), file=sys.stderr)
        return 2
    except _EXPECTED_ERRORS as error:
        print(printable_lines(f"easel: {error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("easel: interrupted", file=sys.stderr)
        return ExitStatus.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
