"""scripts/estate takes variables from files and the environment where it looks at kept things."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from easel_deploy.environments.__main__ import main
from easel_deploy.environments.terraform_options import refuse_variables
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
def test_what_would_reach_only_a_part_of_a_verb_is_refused(checkout: Path, verb: str) -> None:
    done = estate(checkout, verb, "us-east-1", "-auto-approve", "-var", "name=other")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "TF_VAR_<name>" in done.stderr
    assert "*.auto.tfvars" in done.stderr


@pytest.mark.parametrize("option", ["-var", "-var=name=other", "--var-file=other.tfvars"])
def test_each_form_of_a_variable_is_known(option: str) -> None:
    assert refuse_variables(["-auto-approve", option]) == 2
    assert refuse_variables(["-auto-approve", "-target=module.vpc"]) == 0


def test_a_plan_takes_them(checkout: Path) -> None:
    done = estate(checkout, "plan", "us-east-1", "-var", "name=other")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ran: -chdir=envs/us-east-1 plan -no-color -var name=other\n"


def test_a_plan_is_made_though_nothing_can_be_said_about_it(checkout: Path) -> None:
    # "ran: ..." is no state.
    done = estate(checkout, "plan", "us-east-1")
    assert done.returncode == 0
    assert done.stdout == "ran: -chdir=envs/us-east-1 plan -no-color\n"


def test_terraforms_exit_status_is_the_plans(checkout: Path) -> None:
    (checkout / "bin" / "terraform").write_text(
        '#!/bin/sh\ncase " $* " in *" init "*) exit 0 ;; esac\nexit 7\n'
    )
    assert estate(checkout, "output", "us-east-1", "-json").returncode == 7


def test_nothing_is_done_where_terraform_does_not_initialise(checkout: Path) -> None:
    (checkout / "bin" / "terraform").write_text(f"{TERRAFORM}echo no registry >&2; exit 7\n")
    done = estate(checkout, "output", "us-east-1", "-json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("easel: terraform init failed:\nno registry\n")


@pytest.mark.parametrize("region", ["", "local", "../us-east-1", "eu-west-9"])
def test_a_region_that_is_none_is_refused(
    checkout: Path,
    region: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(checkout)
    assert main(["plan", region][: 1 + bool(region)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "make plan ENV=us-east-1\n  there are: us-east-1\n" in said.err


def test_a_verb_that_is_none_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    assert main(["aply", "us-east-1"]) == 2
    assert (
        "no verb 'aply': plan, mend, apply, output, destroy or validate" in capsys.readouterr().err
    )


def test_validate_reaches_no_backend_and_keeps_the_folders_own_data(checkout: Path) -> None:
    (checkout / "bin" / "terraform").write_text('#!/bin/sh\necho "$TF_DATA_DIR $*" >> ran\n')
    assert estate(checkout, "validate", "us-east-1").returncode == 0
    data = checkout / ".easel" / "validate" / "us-east-1"
    first, second = (checkout / "ran").read_text().splitlines()
    assert first.startswith(f"{data} -chdir=envs/us-east-1 init ")
    assert "-backend=false" in first
    assert second == f"{data} -chdir=envs/us-east-1 validate -no-color"
