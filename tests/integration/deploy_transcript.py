"""Writes docs/samples/deploy.txt: `easel deploy` on this machine's emulator, as it is seen.

`python -m tests.integration.deploy_transcript`. It runs in a copy of the checkout, as it makes a
region's folder.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from easel_deploy.exit_status import ExitStatus
from easel_local.estate.services import stop_processes
from easel_local.estate.state import EstateState

ROOT = Path(__file__).resolve().parents[2]
TRANSCRIPT = ROOT / "docs" / "samples" / "deploy.txt"
REGION = "us-west-2"
WORDS = ("deploy", "--region", REGION, "--runtime-type", "comfyui", "--yes")
HEAD = """\
`easel deploy` in us-west-2, from a run against the emulator (tests/integration/
deploy_transcript.py). Account, ids and durations are the emulator's; on AWS an apply takes half an
hour, and models, images and a snapshot are not left out.
"""
_SECONDS = 1500
_CHANGING = (
    (r"(in )?\b\d+(\.\d)? s\b", "N s"),
    (r"\b\d+ (to add|resources|of \d+ done|done)", r"N \1"),
    (r"of \d+ done", "of N done"),
    (r"https://\w+\.execute", "https://ID.execute"),
    (r"--api-key \w+", "--api-key ID"),
    (r": python .*, git .*", ": TOOLS"),
)


class Checkout:
    """A copy of this checkout, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "easel", folder / "home"
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in names.splitlines():
            # A region's folder that a person has made here is not easel's.
            if (ROOT / name).exists() and not name.startswith(f"envs/{REGION}/"):
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name, follow_symlinks=False)
        for name in (".venv", "build"):
            (self.folder / name).symlink_to(ROOT / name)
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())["tool"]
        where = project["setuptools"]["packages"]["find"]["where"]
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(self.folder / one) for one in where),
            "EASEL_HOME": str(self.home),
            "EASEL_ESTATE": f"{sys.executable} -m easel_local.estate",
        }

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Starts `easel`; what it says goes into one pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "easel_cli.main", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def await_apply(self) -> None:
        """Waits until Terraform has made something."""
        log = self.home / "deploy" / REGION / "apply.log"
        deadline = time.monotonic() + _SECONDS
        while not (log.exists() and '"action":"create"' in log.read_text()):
            assert time.monotonic() < deadline, "nothing was applied"
            time.sleep(0.2)

    def stop(self) -> None:
        """Stops the estate's processes."""
        if state := EstateState.read(self.home / "estate" / REGION):
            stop_processes(state)


def transcript(folder: Path) -> str:
    """Deploys, is hung up in the middle of the apply, deploys again, and returns what was said."""
    checkout = Checkout(folder)
    try:
        first = checkout.start(*WORDS)
        checkout.await_apply()
        first.send_signal(signal.SIGHUP)  # a terminal that is closed
        broken = _said(first, ExitStatus.INTERRUPTED)
        done = _said(checkout.start(*WORDS), ExitStatus.COMPLETED)
    finally:
        checkout.stop()
    command = f"$ easel {' '.join(WORDS)}\n"
    text = f"{HEAD}\n{command}{broken}\n(its terminal was closed)\n{command}{done}"
    return text.replace(f"{checkout.home}", ".easel")


def normalised(text: str) -> list[str]:
    """The lines without what changes from run to run: durations, ids, how far it was."""
    lines = []
    for line in text.splitlines():
        for pattern, instead in _CHANGING:
            line = re.sub(pattern, instead, line)  # noqa: PLW2901 - one change after the other
        # How far it was, and a program that this machine has or has not.
        if not re.match(r"    (N (of N )?done,|note: no helm)", line):
            lines.append(line)
    return lines


def _said(process: "subprocess.Popen[str]", status: ExitStatus) -> str:
    said, _ = process.communicate(timeout=_SECONDS)
    assert process.returncode == status, said
    return said


def main() -> None:
    """Writes the file."""
    with tempfile.TemporaryDirectory() as folder:
        TRANSCRIPT.write_text(transcript(Path(folder)))


if __name__ == "__main__":
    main()
