"""``python -m easel_local.simulators.comfyui``: serve until SIGTERM or Ctrl-C."""

import sys

from easel_local.simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_local.simulators.command_line import parser, serve


def main() -> int:
    """Run the simulator; the exit status is 0 after a signal, 1 when the port cannot be had."""
    arguments = parser("comfyui", "A simulated ComfyUI: its API without a GPU.").parse_args()
    behaviour = Behaviour(
        models=arguments.models.split(","),
        service_seconds=arguments.service_time,
        load_seconds=arguments.load_time,
        picture_bytes=arguments.picture_bytes,
        faults=arguments.fault,
    )
    return serve(
        "simulated ComfyUI",
        lambda: SimulatedComfyUi(behaviour, host=arguments.host, port=arguments.port),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
