"""``python -m easel_simulators.comfyui``: serve until SIGTERM or Ctrl-C."""

import argparse
import os
import sys
from pathlib import Path

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.command_line import parser, serve


def main() -> int:
    """Run the simulator; the exit status is 0 after a signal, 1 when the port cannot be had."""
    made = parser("comfyui", "A simulated ComfyUI: its API without a GPU.")
    made.add_argument(
        "--base-directory",
        type=_directory,
        metavar="PATH",
        help="holds input, output and temp (a temporary directory)",
    )
    arguments = made.parse_args()
    behaviour = Behaviour(
        models=arguments.models.split(","),
        service_seconds=arguments.service_time,
        load_seconds=arguments.load_time,
        picture_bytes=arguments.picture_bytes,
        faults=arguments.fault,
        base_directory=arguments.base_directory,
    )
    return serve(
        "simulated ComfyUI",
        lambda: SimulatedComfyUi(behaviour, host=arguments.host, port=arguments.port),
        arguments,
    )


def _directory(text: str) -> Path:
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot make the directory {text!r}: {error}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"{text!r} is no directory that can be written to")
    return path


if __name__ == "__main__":
    sys.exit(main())
