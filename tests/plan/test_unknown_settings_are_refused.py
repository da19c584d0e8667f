"""A misspelt key in terraform.tfvars is refused before a plan: Terraform would drop it silently."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from easel_deploy.environments.root_module import RootModule
from easel_deploy.environments.unknown_settings import refuse_unknown, unknown_settings

pytestmark = pytest.mark.plan

ENVS = Path(__file__).resolve().parents[2] / "envs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The variables of every region, without what they are for."""
    for file in (ENVS / "stack").glob("variables*.tf"):
        (tmp_path / file.name).write_text(file.read_text())
    subprocess.run(
        ["terraform", f"-chdir={tmp_path}", "init", "-input=false"], check=True, capture_output=True
    )
    return tmp_path


def settings(folder: Path, region: str) -> str:
    text = (ENVS / region / "terraform.tfvars").read_text()
    (folder / "terraform.tfvars").write_text(text)
    return text


@pytest.mark.parametrize("region", ["us-east-1", "cn-northwest-1"])
def test_settings_as_they_are_have_nothing_unknown(folder: Path, region: str) -> None:
    settings(folder, region)
    assert unknown_settings(RootModule(folder)) == []


def test_unknown_keys_are_named_together_with_what_is_meant(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = settings(folder, "us-east-1")
    text = text.replace("public_access_cidrs =", "public_acces_cidrs =", 1)
    text = re.sub(r"(?m)^vpc = \{", "vpc = {\n  nat = 1", text, count=1)
    (folder / "terraform.tfvars").write_text(f"{text}\nretention = 3\n")
    more = {"//": "of a person", "runtimes": {"sd": {"type": "sdwebui", "max_replica": 5}}}
    (folder / "more.auto.tfvars.json").write_text(json.dumps(more))
    assert refuse_unknown(RootModule(folder)) == 2
    said = capsys.readouterr().err
    assert "terraform.tfvars: cluster.public_acces_cidrs is no setting: is public_acc" in said
    assert "terraform.tfvars: vpc.nat is no setting" in said
    assert "terraform.tfvars: retention is no setting" in said
    assert "more.auto.tfvars.json: runtimes.sd.max_replica is no setting" in said
    assert said.count("is no setting") == 4


def test_free_keys_stay_free(folder: Path) -> None:
    text = settings(folder, "us-east-1")
    text = re.sub(r"(?m)^tags *=.*$", 'tags = { CostCentre = "1", "a/b" = "2" }', text)
    (folder / "terraform.tfvars").write_text(text)
    assert unknown_settings(RootModule(folder)) == []


def test_what_terraform_refuses_is_left_to_it(folder: Path) -> None:
    (folder / "terraform.tfvars").write_text("region = [\n")
    assert refuse_unknown(RootModule(folder)) == 0


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_plan_and_apply_ask_before_terraform_does(folder: Path, tmp_path: Path, verb: str) -> None:
    region = tmp_path / "checkout" / "envs" / "us-east-1"
    shutil.copytree(folder, region, ignore=shutil.ignore_patterns("checkout"))
    settings(region, "us-east-1")
    with (region / "terraform.tfvars").open("a") as file:
        file.write("nmae = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "easel_deploy.environments", verb, "us-east-1"],
        cwd=region.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "nmae is no setting: is name meant?" in done.stderr
    assert done.stdout == ""
