"""Writes docs/samples/snapshot-build.txt: `easel snapshot` against the emulator, as it is seen.

`python -m tests.integration.snapshot_transcript`. Where the emulator ends, snapshot_edge.py stands
in; so durations are those of no AWS.
"""

import tempfile
from pathlib import Path
from typing import Any

import boto3

from easel_local.emulator import Emulator
from tests.integration.snapshot_edge import refusal
from tests.integration.snapshot_world import Outcome, SnapshotWorld

TRANSCRIPT = Path(__file__).resolve().parents[2] / "docs" / "samples" / "snapshot-build.txt"

HEAD = """\
`easel snapshot` in cn-northwest-1, from a run against the emulator (tests/integration/
snapshot_transcript.py). Account, ids, dates and durations are the emulator's, and the instance is a
stand-in; on AWS the steps take minutes.
"""

IMAGES = "easel/sd-webui:1.10.1,easel/queue-agent:0.1.0"


def transcript(folder: Path) -> str:
    """Runs the commands and returns what they print."""
    with Emulator(log_path=folder / "emulator.log", region="cn-northwest-1") as emulator:
        make: Any = boto3.client

        def connect(service: str, region: str) -> Any:
            keys = emulator.credentials.keywords()
            return make(service, endpoint_url=emulator.endpoint_url, region_name=region, **keys)

        world = SnapshotWorld(connect, "cn-northwest-1")
        parts = [HEAD]
        parts.append(_shown(world, "build", "easel/sd-webui:9.9", "--instance-type", "m5.xlarge"))
        parts.append(_shown(world, "build", IMAGES))
        parts.append(_shown(world, "list"))
        edge = world.edge()

        def after(_: str, operation: str) -> None:
            if operation == "stop_instances":
                raise refusal("InternalError", "StopInstances", "a fault that was put in here")

        edge.after = after
        broken = world.build(edge=edge)
        parts.append("(with a fault after StopInstances)\n" + _text(("build", IMAGES), broken))
        assert set(world.left()) == {"snapshot"}
        parts.append(_shown(world, "prune", "--older-than", "0", "--dry-run"))
        return "\n".join(parts)


def _shown(world: SnapshotWorld, *words: str) -> str:
    return _text(words, world.run(*words))


def _text(words: tuple[str, ...], outcome: Outcome) -> str:
    command = " ".join(("easel", "snapshot", *words, "--region", "cn-northwest-1"))
    return f"$ {command}\n{outcome.said}{outcome.printed}(exit status {outcome.status})\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        TRANSCRIPT.write_text(transcript(Path(home)), encoding="utf-8")
