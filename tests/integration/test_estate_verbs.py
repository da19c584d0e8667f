"""make plan, apply, output and destroy with LOCAL=1."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from easel_local.estate.services import stop_processes
from easel_local.estate.state import EstateState
from easel_local.paths import FUNCTIONS_PACKAGE, ROOT
from easel_packaging.package_functions import package

pytestmark = pytest.mark.integration

SECONDS = 300
Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Runs a verb as the Makefile does, with a home of its own."""
    if not FUNCTIONS_PACKAGE.exists():
        package("local", FUNCTIONS_PACKAGE)

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "easel_local.estate", *arguments],
            env=os.environ | {"EASEL_HOME": str(tmp_path)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    return run


def ours(home: Path) -> list[str]:
    """Command lines of processes that work for a home."""
    lines = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(home) in line]


def changes_of_the_checkout() -> str:
    status = ["git", "-C", str(ROOT), "status", "--porcelain", "--ignored", "envs", "modules"]
    return subprocess.run(status, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("region", ["us-east-1", "cn-northwest-1"])
def test_a_plan_is_whole_without_a_needless_warning_and_leaves_nothing(
    make: Make, tmp_path: Path, region: str
) -> None:
    before = changes_of_the_checkout()
    done = make("plan", region, "-no-color")
    assert done.returncode == 0, done.stderr
    assert "to add, 0 to change, 0 to destroy." in done.stdout
    # In China the shipped settings hold where the account has a licence, which no plan can see.
    expected = ["the account has an ICP licence"] if region.startswith("cn-") else []
    warnings = re.findall(
        r"^Warning:.*?(?=^Warning:|\Z)", done.stdout + done.stderr, re.MULTILINE | re.DOTALL
    )
    assert len(warnings) == len(expected)
    assert all(one in warning for one, warning in zip(expected, warnings, strict=True))
    assert ours(tmp_path) == []
    assert changes_of_the_checkout() == before


def test_what_is_applied_is_there_for_the_next_command_until_it_is_destroyed(
    make: Make, tmp_path: Path
) -> None:
    applied = make("apply", "us-east-1", "-no-color", "-auto-approve", "-target=module.vpc")
    assert applied.returncode == 0, applied.stderr
    home = tmp_path / "estate" / "us-east-1"
    state = EstateState.read(home)
    assert state is not None
    try:
        assert state.is_whole()
        assert f"AWS here         {state.environment['AWS_ENDPOINT_URL']}" in applied.stdout
        # There is no API to send anything to.
        assert "easel submit" not in applied.stdout
        assert not (home / "outputs.json").exists()

        said = make("output", "us-east-1", "-json")
        assert json.loads(said.stdout)["vpc_id"]["value"].startswith("vpc-")

        again = make("plan", "us-east-1", "-no-color", "-target=module.vpc", "-detailed-exitcode")
        assert again.returncode == 0, again.stdout

        part = ("-target=module.vpc.aws_internet_gateway.this", "-auto-approve")
        destroyed = make("destroy", "us-east-1", "-no-color", *part)
        assert destroyed.returncode == 0, destroyed.stderr
        assert state.is_whole(), "the rest still lives in the emulator"

        destroyed = make("destroy", "us-east-1", "-no-color", "-auto-approve")
        assert destroyed.returncode == 0, destroyed.stderr
        assert "nothing is kept" in destroyed.stdout.splitlines()[-2]
        # A command for an emulator that has ended would be typed at the real AWS.
        assert "Kept:" not in destroyed.stdout
        assert not home.exists()
        assert not state.is_whole()
        assert ours(tmp_path) == []
    finally:
        for process in state.processes:
            process.stop(1)


def test_where_nothing_is_up_it_is_said(make: Make, tmp_path: Path) -> None:
    missing = make("destroy", "us-east-1")
    assert missing.returncode == 2
    assert "make apply ENV=us-east-1 LOCAL=1" in missing.stderr
    assert ours(tmp_path) == []


def test_an_unknown_environment_is_one_clear_message(make: Make) -> None:
    for name in ("nowhere", "../envs/us-east-1", ""):
        unknown = make("plan", name)
        assert unknown.returncode == 2
        assert "cn-northwest-1, us-east-1" in unknown.stderr
        assert "Traceback" not in unknown.stderr


def test_an_aws_that_was_only_started_has_no_outputs_yet(make: Make, tmp_path: Path) -> None:
    started = make("start", "us-east-1", "studio")
    home = tmp_path / "estate" / "us-east-1"
    state = EstateState.read(home)
    assert state is not None, started.stderr
    try:
        said = json.loads(started.stdout)
        assert said["environment"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        assert said["outputs"] == str(home / "outputs.json")
        again = make("start", "us-east-1", "studio")
        assert json.loads(again.stdout)["environment"] == said["environment"]
        outputs = make("output", "us-east-1", "-json")
        assert (outputs.returncode, outputs.stdout.strip()) == (0, "{}"), outputs.stderr
    finally:
        stop_processes(state)
    refused = make("start", "../us-east-1", "studio")
    assert refused.returncode == 2
    assert "a region and a stack's name" in refused.stderr
