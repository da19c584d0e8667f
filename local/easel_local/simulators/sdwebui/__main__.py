"""``python -m easel_local.simulators.sdwebui``: serve until SIGTERM or Ctrl-C."""

import argparse
import logging
import signal
import sys
from types import FrameType

from easel_local.simulators.faults import Fault
from easel_local.simulators.sdwebui import Behaviour, SimulatedSdWebui


def main() -> int:
    """Run the simulator; the exit status is 0 after a signal, 1 when the port cannot be had."""
    arguments = _parser().parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    behaviour = Behaviour(
        models=arguments.models.split(","),
        service_seconds=arguments.service_time,
        load_seconds=arguments.load_time,
        hashing=not arguments.no_hashing,
        scripts=arguments.scripts.split(",") if arguments.scripts else (),
        seed=arguments.seed,
        picture_bytes=arguments.picture_bytes,
        faults=arguments.fault,
    )
    try:
        server = SimulatedSdWebui(behaviour, host=arguments.host, port=arguments.port)
    except OSError as error:
        print(
            f"simulated SD WebUI: cannot listen on {arguments.host}:{arguments.port}: "
            f"{error.strerror}; choose another --port (0 takes a free one)",
            file=sys.stderr,
        )
        return 1
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    print(f"simulated SD WebUI on {server.url}", flush=True)
    server.serve_forever()
    return 0


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m easel_local.simulators.sdwebui",
        description="A simulated SD WebUI (AUTOMATIC1111): its HTTP API without a GPU.",
        epilog="Faults: see easel_local/simulators/faults.py.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to bind; 0 takes a free one")
    _add_behaviour(parser)
    return parser


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        default=",".join(Behaviour.models),
        metavar="NAME,NAME",
        help="file names of the checkpoints (%(default)s)",
    )
    parser.add_argument(
        "--service-time",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long txt2img and img2img take, whatever their size (%(default)s)",
    )
    parser.add_argument(
        "--load-time",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long loading a checkpoint takes (%(default)s)",
    )
    parser.add_argument("--no-hashing", action="store_true", help="checkpoints have no hashes")
    parser.add_argument("--scripts", metavar="NAME,NAME", help="more always-on scripts")
    parser.add_argument("--seed", type=int, help="makes the seeds chosen for -1 repeatable")
    parser.add_argument(
        "--picture-bytes",
        type=_positive,
        metavar="BYTES",
        help="for benchmarks: the same PNG of this size in every answer",
    )
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="KIND[:COUNT[:SECONDS]]",
        help="what goes wrong first; may be given several times",
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86_400:  # noqa: PLR2004 - a day
        raise argparse.ArgumentTypeError("must be 0 to 86400 seconds")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if not 0 < value <= 64 * 1024 * 1024:
        raise argparse.ArgumentTypeError("must be 1 byte to 64 MiB")
    return value


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
