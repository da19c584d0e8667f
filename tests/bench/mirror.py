"""Compares `easel mirror` with skopeo between two registries: `python -m tests.bench.mirror`.

Both copy the same two-platform image of random bytes, by turns, into an empty registry each time.
Needs docker-registry and skopeo on PATH.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.docker_registry import docker_registry
from tests.integration.mirror_world import mirror_command, put_image


def seconds_of(command: list[str], folder: Path) -> float:
    """Runs a copier and returns how long it took."""
    environment = os.environ | {"HOME": str(folder), "NO_PROXY": "127.0.0.1"}
    started = time.monotonic()
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr}{done.stdout}")
    return time.monotonic() - started


def one_round(source: str, folder: Path, copier: str) -> float:
    """Copies the image into a new registry."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        docker_registry(Path(name)) as target,
    ):
        if copier == "skopeo":
            command = ["skopeo", "copy", "--all", "--preserve-digests", "--quiet"]
            command += ["--src-tls-verify=false", "--dest-tls-verify=false"]
            command += [f"docker://{source}/library/big:1.0", f"docker://{target}/copies/big:1.0"]
        else:
            reference = f"{source}/library/big:1.0"
            command = mirror_command(f"{target}/copies", Path(name, "spool"), reference)
        return seconds_of(command, Path(name))


def main() -> int:
    """Prints each copier's median rate and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=4, help="of each platform")
    parser.add_argument("--layer-bytes", type=int, default=50_000_000)
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {"skopeo": [], "easel mirror": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "source").mkdir()
        with docker_registry(folder / "source") as source:
            image = put_image(
                source,
                "library/big",
                "1.0",
                layers=arguments.layers,
                layer_bytes=arguments.layer_bytes,
            )
            for _ in range(arguments.rounds):
                for copier, found in rates.items():
                    found.append(image.bytes / one_round(source, folder, copier) / 1e6)
    for copier, found in rates.items():
        sys.stdout.write(
            f"{copier:13} {statistics.median(found):7.1f} MB/s  ({image.bytes / 1e6:.0f} MB, "
            f"{min(found):.0f} to {max(found):.0f})\n"
        )
    skopeo, easel = (statistics.median(found) for found in rates.values())
    sys.stdout.write(f"ratio         {easel / skopeo:7.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
