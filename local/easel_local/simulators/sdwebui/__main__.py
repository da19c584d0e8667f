"""``python -m easel_local.simulators.sdwebui``: serve until SIGTERM or Ctrl-C."""

import sys

from easel_local.simulators.command_line import parser, serve
from easel_local.simulators.sdwebui import Behaviour, SimulatedSdWebui


def main() -> int:
    """Run the simulator; the exit status is 0 after a signal, 1 when the port cannot be had."""
    options = parser("sdwebui", "A simulated SD WebUI (AUTOMATIC1111): its API without a GPU.")
    options.add_argument("--no-hashing", action="store_true", help="checkpoints have no hashes")
    options.add_argument("--nowebui", action="store_true", help="no /internal/progress")
    options.add_argument("--scripts", metavar="NAME,NAME", help="more always-on scripts")
    options.add_argument("--seed", type=int, help="makes the seeds chosen for -1 repeatable")
    arguments = options.parse_args()
    behaviour = Behaviour(
        models=arguments.models.split(","),
        service_seconds=arguments.service_time,
        load_seconds=arguments.load_time,
        hashing=not arguments.no_hashing,
        scripts=arguments.scripts.split(",") if arguments.scripts else (),
        seed=arguments.seed,
        web_ui=not arguments.nowebui,
        picture_bytes=arguments.picture_bytes,
        faults=arguments.fault,
    )
    return serve(
        "simulated SD WebUI",
        lambda: SimulatedSdWebui(behaviour, host=arguments.host, port=arguments.port),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
