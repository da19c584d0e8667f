"""Before a first apply: from where the cluster's API will be reached. Terraform is the real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_deploy.environments.api_reach import note, refuse_unreachable
from easel_deploy.environments.root_module import RootModule

pytestmark = pytest.mark.integration

VARIABLES = """
variable "cluster" {
  type = object({
    public_access_cidrs  = optional(list(string), [])
    private_access_cidrs = optional(list(string))
  })
  default = {}
}
variable "existing_vpc" {
  type    = object({ vpc_id = string, cidr_blocks = list(string) })
  default = null
}
variable "vpc" {
  type    = object({ cidr_block = string })
  default = { cidr_block = "10.0.0.0/16" }
}
"""


@pytest.fixture(autouse=True)
def _without_a_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EASEL_KUBECONFIG", raising=False)
    monkeypatch.setenv("EASEL_PUBLIC_ADDRESS", "203.0.113.7")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "variables.tf").write_text(VARIABLES)
    return tmp_path


def state_with(module: str, kind: str) -> str:
    resource: dict[str, Any] = {
        "module": module,
        "mode": "managed",
        "type": kind,
        "name": "this",
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": [{"schema_version": 1, "attributes": {"id": "it"}}],
    }
    return json.dumps(
        {"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": [resource]}
    )


def test_an_apply_that_could_not_get_through_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refuse_unreachable(RootModule(folder), []) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("easel: nothing is applied: ")
    assert f"{folder}/terraform.tfvars" in said.err
    # A part of it may be applied: the network comes first.
    assert "-target=module.vpc" in said.err
    assert refuse_unreachable(RootModule(folder), ["-target=module.vpc"]) == 0


def test_the_network_that_was_made_first_is_one_to_be_in(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "terraform.tfstate").write_text(state_with("module.vpc", "aws_vpc"))
    assert refuse_unreachable(RootModule(folder), []) == 0
    assert "from its network only" in capsys.readouterr().err


def test_a_network_of_ones_own_is_one_to_be_in(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "terraform.tfvars").write_text(
        'existing_vpc = { vpc_id = "vpc-0a", cidr_blocks = ["10.9.0.0/16"] }'
    )
    assert refuse_unreachable(RootModule(folder), []) == 0
    assert "cluster.private_access_cidrs" in capsys.readouterr().err


def open_to(folder: Path, block: str, more: str = "") -> None:
    settings = f'cluster = {{ public_access_cidrs = ["{block}"], {more} }}'
    (folder / "terraform.tfvars").write_text(settings)


def test_nothing_is_said_where_this_machine_is_let_in(folder: Path) -> None:
    open_to(folder, "203.0.113.0/24")
    assert note(RootModule(folder)) is None


def test_an_apply_from_another_address_is_refused_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_to(folder, "203.0.113.8/32")
    assert refuse_unreachable(RootModule(folder), []) == 3
    said = capsys.readouterr().err
    assert "this machine is seen at 203.0.113.7" in said
    assert "203.0.113.8/32 alone" in said
    assert 'public_access_cidrs = ["203.0.113.7/32"]' in said


def test_an_apply_from_another_address_is_refused_in_a_network_that_is_there(folder: Path) -> None:
    open_to(folder, "203.0.113.8/32")
    (folder / "terraform.tfstate").write_text(state_with("module.vpc", "aws_vpc"))
    assert refuse_unreachable(RootModule(folder), []) == 3


def test_a_machine_that_is_let_in_from_its_network_needs_no_public_address(folder: Path) -> None:
    open_to(folder, "203.0.113.8/32", 'private_access_cidrs = ["10.8.0.0/16", "127.0.0.0/8"]')
    assert note(RootModule(folder)) is None


def test_an_address_that_nobody_tells_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to(folder, "203.0.113.8/32")
    monkeypatch.setenv("EASEL_PUBLIC_ADDRESS", "here")
    said = note(RootModule(folder))
    assert said is not None
    assert "EASEL_PUBLIC_ADDRESS says 'here'" in said
    assert "203.0.113.8/32" in said


def test_nothing_is_said_once_the_cluster_is_there(folder: Path) -> None:
    state = state_with("module.eks_karpenter", "aws_eks_cluster")
    (folder / "terraform.tfstate").write_text(state)
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
    assert refuse_unreachable(RootModule(folder), []) == 1
    assert capsys.readouterr().err.startswith("easel: terraform console failed:")
