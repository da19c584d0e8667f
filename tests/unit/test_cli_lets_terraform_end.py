"""A destroy or an apply that is interrupted waits for Terraform to end in its own order."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from easel_local.paths import ROOT

pytestmark = pytest.mark.unit

SECONDS = 60

# As Terraform does: it stops in its own order at one signal, and at once at a second.
TERRAFORM = """#!/usr/bin/env python3
import signal, sys, time
came = []
def stop(number, _frame):
    if came:
        sys.exit(7)
    came.append(number)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
print("working", flush=True)
while not came:
    time.sleep(0.02)
time.sleep(1)
print("state saved", flush=True)
sys.exit(1)
"""

# What both verbs do around Terraform is left out: here is how they call it and how they end.
VERB = """
import signal, sys
# Whoever runs the tests in the background has Ctrl-C ignored, and processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
from easel_deploy.environments import adopt, destroy
def call(root, *_):
    root.run("destroy")
adopt.adopt = destroy.destroy = call
sys.exit({module}.main(["envs/us-east-1"]))
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    program = tmp_path / "terraform"
    program.write_text(TERRAFORM)
    program.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(params=["adopt", "destroy"])
def verb(request: pytest.FixtureRequest, path: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", VERB.format(module=request.param)],
        env={**os.environ, "PATH": path},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A terminal sends a Ctrl-C to all of a group.
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "working\n"
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_ctrl_c_waits_for_terraform(verb: "subprocess.Popen[str]") -> None:
    os.killpg(verb.pid, signal.SIGINT)
    said, errors = verb.communicate(timeout=SECONDS)
    assert said == "state saved\n"
    assert errors.startswith("easel: interrupted: ")
    assert errors.count("\n") == 1
    assert verb.returncode == 130


def test_a_sigterm_reaches_terraform(verb: "subprocess.Popen[str]") -> None:
    verb.terminate()
    said, errors = verb.communicate(timeout=SECONDS)
    assert said == "state saved\n"
    assert errors.startswith("easel: interrupted: ")
    assert verb.returncode == 130
