"""``python -m easel_simulators.sdwebui``: serve until SIGTERM or Ctrl-C."""

import argparse
import sys

from easel_simulators.command_line import parser, seconds, serve
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from easel_simulators.sdwebui.sd_server import SdServerBehaviour, SimulatedSdServer
from easel_simulators.sdwebui.settings import CONFIG_KEYS
from easel_simulators.sdwebui.versions import DEFAULT_VERSION, VERSIONS


def main() -> int:
    """Run the simulator; the exit status is that of ``serve``."""
    arguments = _arguments()
    if arguments.sd_server:
        return _serve_sd_server(arguments)
    behaviour = Behaviour(
        models=arguments.models.split(","),
        service_seconds=arguments.service_time,
        load_seconds=arguments.load_time,
        hashing=not arguments.no_hashing,
        hashes_cached=not arguments.no_hash_cache,
        config_keys=[name for name in arguments.config_keys.split(",") if name],
        encode_seconds=arguments.encode_time,
        version=arguments.version,
        scripts=arguments.scripts.split(",") if arguments.scripts else (),
        seed=arguments.seed,
        progress=not arguments.no_progress,
        web_ui=not arguments.nowebui,
        picture_bytes=arguments.picture_bytes,
        faults=arguments.fault,
    )
    return serve(
        "simulated SD WebUI",
        lambda: SimulatedSdWebui(behaviour, host=arguments.host, port=arguments.port),
        arguments,
    )


def _arguments() -> argparse.Namespace:
    options = parser("sdwebui", "A simulated SD WebUI (AUTOMATIC1111): its API without a GPU.")
    options.add_argument(
        "--version", choices=sorted(VERSIONS), default=DEFAULT_VERSION, help="(%(default)s)"
    )
    options.add_argument(
        "--encode-time",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long encoding a picture of 512 x 512 takes, in seconds (%(default)s)",
    )
    options.add_argument(
        "--config-keys",
        default=",".join(CONFIG_KEYS),
        metavar="NAME,NAME",
        help="settings that config.json holds: only these are restored after a job (%(default)s)",
    )
    options.add_argument("--no-hash-cache", action="store_true", help="no hash before a load")
    options.add_argument("--no-hashing", action="store_true", help="checkpoints have no hashes")
    options.add_argument("--no-progress", action="store_true", help="no /sdapi/v1/progress")
    options.add_argument("--nowebui", action="store_true", help="no /internal/progress")
    options.add_argument("--scripts", metavar="NAME,NAME", help="more always-on scripts")
    options.add_argument("--seed", type=int, help="makes the seeds chosen for -1 repeatable")
    options.add_argument(
        "--sd-server", action="store_true", help="be stable-diffusion.cpp's peer of the same API"
    )
    return options.parse_args()


def _serve_sd_server(arguments: argparse.Namespace) -> int:
    behaviour = SdServerBehaviour(
        model=arguments.models.split(",")[0],
        service_seconds=arguments.service_time,
        faults=tuple(arguments.fault),
    )
    return serve(
        "simulated sd-server",
        lambda: SimulatedSdServer(behaviour, host=arguments.host, port=arguments.port),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
