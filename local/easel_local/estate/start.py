"""Brings an estate's AWS up before there is anything to apply: `easel deploy` looks into it."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from easel_local.emulator.process import UNWANTED_VARIABLES
from easel_local.estate.services import EstateServices, stop_processes
from easel_local.estate.state import EstateState


def start(region: str, name: str, home: Path) -> str:
    """Starts emulator, API server and chart registry, or finds them running.

    Args:
        region: of the emulator.
        name: of the stack and its cluster.
        home: of the estate.

    Returns:
        JSON for `easel_cli.deployment.estate`: how programs get there.

    Raises:
        easel_local.credentials.CredentialsError: the file of the access key cannot be used.
        easel_local.emulator.process.EmulatorError: the emulator did not start.
        easel_local.server_process.ServerProcessError: another server did not start.
    """
    state = EstateState.read(home)
    if state is None or not state.is_whole():
        if state is not None:  # what was applied lived in those processes
            stop_processes(state)
            shutil.rmtree(home, ignore_errors=True)
        state = EstateState(name=name, region=region, started_at=datetime.now(UTC))
        EstateServices.start(state, home)
        state.write(home)
    found = {
        "environment": state.environment,
        "unset": UNWANTED_VARIABLES,
        "outputs": str(home / "outputs.json"),
    }
    return json.dumps(found)
