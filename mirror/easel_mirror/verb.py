"""`easel mirror --env REGION --plan|--run`."""

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from rich.console import Console

from easel_contract.plain_text import printable_lines
from easel_deploy.exit_status import ExitStatus
from easel_mirror.errors import MirrorError, RefusedError
from easel_mirror.reference import is_repository
from easel_mirror.run import Options, Run
from easel_mirror.wanted_list import PLATFORMS

_DEFAULT_PARALLEL = 6
_MOST_PARALLEL = 32
_ENVIRONMENTS = Path("envs")
_SPOOL = Path(".easel", "mirror")


def add_mirror(verb: argparse.ArgumentParser) -> None:
    """Adds the arguments of `easel mirror`."""
    verb.description = (
        "Copies all that a deployment pulls (charts and images of Karpenter and KEDA, the agent's "
        "base image, runtimes' images from elsewhere) into the account's ECR, by digest. May be "
        "run again at any time: what is there is left alone, what was half fetched goes on."
    )
    verb.set_defaults(command=mirror)
    what = verb.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--plan", action="store_true", help="show what there is to copy; copy nothing"
    )
    what.add_argument("--run", action="store_true", help="copy it, and write what Terraform needs")
    verb.add_argument("--env", help="folder under envs/, such as cn-northwest-1")
    verb.add_argument(
        "--environments", type=Path, default=_ENVIRONMENTS, help="folder of all (default: envs)"
    )
    verb.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="REFERENCE",
        help="one more image or artifact, such as ghcr.io/owner/name:1.0; repeatable",
    )
    verb.add_argument(
        "--platform",
        action="append",
        default=[],
        choices=sorted(PLATFORMS.values()),
        help="copy of images only these, and what nodes need (default: all); repeatable",
    )
    verb.add_argument(
        "--to",
        metavar="HOST[:PORT]/PREFIX",
        help="another registry than the account's ECR; its repositories make themselves",
    )
    verb.add_argument(
        "--spool", type=Path, default=_SPOOL, help=f"folder for what is on its way ({_SPOOL})"
    )
    verb.add_argument(
        "--parallel",
        type=_parallel,
        default=_DEFAULT_PARALLEL,
        help=f"blobs at once (default: {_DEFAULT_PARALLEL})",
    )
    verb.add_argument("--json", action="store_true", help="print the result as JSON")


def mirror(arguments: argparse.Namespace) -> int:
    """Runs the verb; a signal ends it in order.

    Returns:
        0 all that was to be copied is there (of a plan: can be copied), 1 something is not, 2 wrong
        usage or settings, 130 interrupted.
    """
    stop = threading.Event()

    def interrupt(number: int, _: FrameType | None) -> None:
        stop.set()
        raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupt)
    console = Console(highlight=False, stderr=arguments.json)
    try:
        return Run(_options(arguments), console, stop).result()
    except KeyboardInterrupt:
        stop.set()
        _complain("interrupted: what was fetched is kept, the same again goes on from there")
        return ExitStatus.INTERRUPTED
    except RefusedError as error:
        _complain(str(error))
        return ExitStatus.USAGE
    except MirrorError as error:
        _complain(str(error))
        return ExitStatus.FAILED


def _options(arguments: argparse.Namespace) -> Options:
    if not arguments.env and not (arguments.to and arguments.image):
        raise RefusedError(
            "name the environment whose list is to be copied: --env cn-northwest-1; or, without "
            "one, images and a registry: --image REFERENCE --to HOST/PREFIX"
        )
    host, prefix = None, None
    if arguments.to:
        host, _, prefix = arguments.to.partition("/")
        if not is_repository(prefix) or not host:
            raise RefusedError(f"--to {arguments.to}: is to be like registry.example.com/easel")
    return Options(
        folder=arguments.environments / arguments.env if arguments.env else None,
        copies=arguments.run,
        images=tuple(arguments.image),
        platforms=frozenset(arguments.platform),
        host=host,
        prefix=prefix,
        spool=arguments.spool,
        parallel=arguments.parallel,
        as_json=arguments.json,
    )


def _parallel(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PARALLEL:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and {_MOST_PARALLEL}")
    return int(text)


def _complain(text: str) -> None:
    sys.stderr.write(printable_lines(f"easel: {text}\n"))
