"""What the command lines of the simulated runtimes have in common."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from easel_simulators.faults import Fault
from easel_simulators.server import SimulatorServer

DEFAULT_MODELS = "sd15-a.safetensors,sd15-b.safetensors"
PATH_VARIABLE = "EASEL_SIMULATOR_PATH"
"""In the environment, which other users cannot read as they can arguments; see `require`."""
_MAX_SECONDS = 86_400.0
_MAX_PICTURE_BYTES = 64 * 1024 * 1024


def parser(package: str, description: str) -> argparse.ArgumentParser:
    """A parser with the options that every simulator has.

    Args:
        package: Its name below ``easel_simulators``.
        description: One sentence.
    """
    made = argparse.ArgumentParser(
        prog=f"python -m easel_simulators.{package}",
        description=description,
        epilog="Faults: see easel_local/simulators/faults.py.",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    made.add_argument("--port", type=int, required=True, help="port to bind; 0 takes a free one")
    made.add_argument(
        "--models",
        default=DEFAULT_MODELS,
        metavar="NAME,NAME",
        help="file names of the checkpoints (%(default)s)",
    )
    _add_behaviour(made)
    return made


def _add_behaviour(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--service-time",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long a generation takes, whatever its size (%(default)s)",
    )
    made.add_argument(
        "--load-time",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long loading a checkpoint takes (%(default)s)",
    )
    made.add_argument(
        "--picture-bytes",
        type=_positive,
        metavar="BYTES",
        help="for benchmarks: the same PNG of this size in every answer",
    )
    made.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="KIND[:COUNT[:SECONDS]]",
        help="what goes wrong first; may be given several times",
    )


def serve(
    title: str, make_server: Callable[[], SimulatorServer], arguments: argparse.Namespace
) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        title: What it is called in messages.
        make_server: Makes the server, which binds its port.
        arguments: What ``parser`` read.

    Returns:
        The exit status: 1 when the port cannot be had, 2 when an argument has a value that the
        server does not take. A signal exits with 0.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        server = make_server()
    except OSError as error:
        print(  # noqa: T201 - a program's message
            f"{title}: cannot listen on {arguments.host}:{arguments.port}: "
            f"{error.strerror}; choose another --port (0 takes a free one)",
            file=sys.stderr,
        )
        return 1
    except ValueError as error:
        print(f"{title}: {error}", file=sys.stderr)  # noqa: T201 - a program's message
        return 2
    server.require(os.environ.get(PATH_VARIABLE, ""))
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    print(f"{title} on {server.url}", flush=True)  # noqa: T201 - a program's message
    server.serve_forever()
    return 0


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def seconds(text: str) -> float:
    """Read a time of at most a day.

    Raises:
        ArgumentTypeError: It is out of bounds.
    """
    value = float(text)
    if not 0 <= value <= _MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"must be 0 to {_MAX_SECONDS:g} seconds")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if not 0 < value <= _MAX_PICTURE_BYTES:
        raise argparse.ArgumentTypeError("must be 1 byte to 64 MiB")
    return value


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
