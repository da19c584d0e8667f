"""The `easel-deploy` command, which Terraform and Helm run; a person types `easel`."""

import argparse
import signal
import sys
from types import FrameType

from easel_contract.plain_text import printable_lines
from easel_deploy.cluster.errors import ClusterError, RequestRefusedError
from easel_deploy.exit_status import ExitStatus
from easel_deploy.verbs import add_verbs


def main() -> int:
    """Runs the verb that the command line names; see `run_verb`."""
    return run_verb(_parser().parse_args())


def run_verb(arguments: argparse.Namespace) -> int:
    """Runs one verb; a signal ends the verb in order.

    Returns:
        0 done, 1 failed, 2 wrong request, 130 interrupted.
    """
    # SIGINT as well: where a shell has started all this in the background, the signal is ignored,
    # and Python leaves that so.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        status: int = arguments.command(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("easel: interrupted\n")
        return ExitStatus.INTERRUPTED
    except RequestRefusedError as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return ExitStatus.USAGE
    except ClusterError as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return ExitStatus.FAILED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="easel-deploy", description="Does what Terraform's modules ask for."
    )
    add_verbs(parser)
    return parser


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
