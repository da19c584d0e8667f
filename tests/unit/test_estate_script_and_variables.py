"""scripts/estate takes variables from files and the environment where it looks at kept things."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from easel_local.paths import ROOT

pytestmark = pytest.mark.unit

SECONDS = 60
TERRAFORM = '#!/bin/sh\ncase " $* " in *" init "*) ;; *) echo "ran: $*" ;; esac\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with this one's script, whose Terraform says what it was told."""
    for folder in ("scripts", "bin", "envs/us-east-1"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "estate", tmp_path / "scripts")
    (tmp_path / "envs" / "us-east-1" / "terraform.tfvars").touch()
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "bin" / "terraform").write_text(TERRAFORM)
    (tmp_path / "bin" / "terraform").chmod(0o755)
    return tmp_path


def estate(checkout: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [checkout / "scripts" / "estate", *arguments],
        env={**os.environ, "PATH": f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@pytest.mark.parametrize("verb", ["apply", "destroy"])
@pytest.mark.parametrize(
    "options", [("-var", "name=other"), ("-var=name=other",), ("--var-file=other.tfvars",)]
)
def test_what_would_reach_only_a_part_of_a_verb_is_refused(
    checkout: Path, verb: str, options: tuple[str, ...]
) -> None:
    done = estate(checkout, verb, "us-east-1", "-auto-approve", *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "TF_VAR_<name>" in done.stderr
    assert "*.auto.tfvars" in done.stderr


def test_a_plan_takes_them(checkout: Path) -> None:
    done = estate(checkout, "plan", "us-east-1", "-var", "name=other")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ran: -chdir=envs/us-east-1 plan -no-color -var name=other\n"


def test_a_plan_is_made_though_nothing_can_be_said_about_it(checkout: Path) -> None:
    # "ran: ..." is no state.
    done = estate(checkout, "plan", "us-east-1")
    assert done.returncode == 0
    assert done.stdout == "ran: -chdir=envs/us-east-1 plan -no-color\n"
