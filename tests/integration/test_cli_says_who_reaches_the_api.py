"""Before a first apply: from where the cluster's API will be reached. Terraform is the real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_cli.environments.api_reach import main, note
from easel_cli.environments.root_module import RootModule

pytestmark = pytest.mark.integration

VARIABLES = """
variable "cluster" {
  type    = object({ public_access_cidrs = optional(list(string), []) })
  default = {}
}
"""


@pytest.fixture(autouse=True)
def _without_a_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EASEL_KUBECONFIG", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "variables.tf").write_text(VARIABLES)
    return tmp_path


def state_with_the_cluster() -> str:
    cluster: dict[str, Any] = {
        "module": "module.eks_karpenter",
        "mode": "managed",
        "type": "aws_eks_cluster",
        "name": "this",
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": [{"schema_version": 1, "attributes": {"name": "easel"}}],
    }
    return json.dumps(
        {"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": [cluster]}
    )


def test_a_private_api_is_spoken_of_before_the_first_apply(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "from inside its VPC only" in said.err
    assert f"{folder}/terraform.tfvars" in said.err


def test_nothing_is_said_where_addresses_are_named(folder: Path) -> None:
    (folder / "terraform.tfvars").write_text(
        'cluster = { public_access_cidrs = ["203.0.113.7/32"] }'
    )
    assert note(RootModule(folder)) is None


def test_nothing_is_said_once_the_cluster_is_there(folder: Path) -> None:
    (folder / "terraform.tfstate").write_text(state_with_the_cluster())
    assert note(RootModule(folder)) is None


def test_nothing_is_said_where_a_kubeconfig_leads_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_KUBECONFIG", "tunnel.yaml")
    assert note(RootModule(folder)) is None


def test_terraforms_own_words_are_passed_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "terraform.tfvars").write_text("cluster = {")
    assert main([str(folder)]) == 1
    assert capsys.readouterr().err.startswith("easel: terraform console failed:")
