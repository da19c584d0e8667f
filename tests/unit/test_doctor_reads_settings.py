"""What the doctor takes of an environment's settings, and how it looks at this machine."""

import os
import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from easel_deploy.command_line import WrongUsageError
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.exit_status import ExitStatus
from easel_doctor import environment, tools
from easel_doctor.api_address import look_at_api_address
from easel_doctor.check import Phase
from easel_doctor.checks import before_checks
from easel_doctor.environment import KnownOutputs, UnknownEnvironmentError, find_subject
from easel_doctor.finding import State
from easel_doctor.rights import RIGHTS
from easel_doctor.settings import settings_of
from easel_doctor.tools import look_at_tools
from easel_doctor.verb import DoctorOptions, checks_of, doctor
from tests.doctor_world import TOLD, Clients, problems, runtime, settings, subject

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]

# -- settings -------------------------------------------------------------------------------------


def one_runtime(folder: Path, **told: Any) -> Any:
    return settings_of(folder, {**TOLD, "runtimes": {"sd": runtime(**told)}}).runtimes["sd"]


def test_what_settings_leave_out_is_the_charts(tmp_path: Path) -> None:
    found = one_runtime(tmp_path, nodes=None, scaling=None)
    assert "g5.xlarge" in found.instance_types
    assert found.capacity_types == ("spot", "on-demand")
    assert found.max_replica_count == 5
    assert found.data_volume_gib == 80
    assert found.snapshot_id is None


def test_a_values_file_comes_over_settings(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "nodes: {capacityTypes: [on-demand], pools: [{instanceTypes: [g6.xlarge]}, {}],\n"
        "  dataVolume: {snapshotID: snap-0a}}\n"
        "scaling: {maxReplicaCount: 7}\n"
        "runtime: {image: {repository: own/webui, tag: '1'}}\n"
    )
    found = one_runtime(tmp_path, values_file="own.yaml", image=None)
    assert found.instance_types == ("g6.xlarge", "g5.xlarge", "g4dn.xlarge")
    assert found.capacity_types == ("on-demand",)
    assert found.max_replica_count == 7
    assert found.snapshot_id == "snap-0a"
    assert found.image is not None
    assert found.image.name == "own/webui:1"


@pytest.mark.parametrize("content", ["- a list", "{broken", None])
def test_a_values_file_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "own.yaml").write_text(content)
    with pytest.raises(TerraformError, match=r"own\.yaml: is no"):
        one_runtime(tmp_path, values_file="own.yaml")


def test_requests_and_tenants_are_those_of_all_keys() -> None:
    two = settings(request_rates=[None, 100], default_rate=None, tenants=["a", "b"])
    assert two.requests_per_second == 130
    assert two.scopes == ("a", "b", "direct")
    assert settings(shared_tasks=True).scopes == ("*",)
    assert settings(signs_requests=True).scopes == ("direct",)


def test_every_kind_of_resource_has_its_right_asked_for() -> None:
    """A kind of its own, or one that goes with another: its name begins with the other's."""
    files = [*ROOT.glob("modules/*/*.tf"), *ROOT.glob("envs/stack/*.tf")]
    kinds = {
        kind
        for file in files
        for kind in re.findall(r'^resource "(aws_\w+)"', file.read_text(), re.MULTILINE)
    }
    lesser = {
        "aws_api_gateway": "aws_api_gateway_rest_api",
        "aws_cloudwatch_event": "aws_cloudwatch_event_rule",
        "aws_default_security_group": "aws_security_group",
        "aws_eks_access": "aws_eks_access_entry",
        "aws_kms_alias": "aws_kms_key",
        "aws_lambda_permission": "aws_lambda_function",
        "aws_route": "aws_route_table",
        "aws_vpc_security_group": "aws_security_group",
    } | {kind: kind for kind in RIGHTS}
    # Made only where one is set, with rights of who is in charge of bills.
    kinds -= {"aws_budgets_budget"}
    unasked = {kind for kind in kinds if not any(kind.startswith(one) for one in lesser)}
    assert unasked == set()
    assert set(lesser.values()) <= RIGHTS.keys() <= kinds


# -- environments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nowhere", "local", ".", "../envs/us-east-1/.."])
def test_another_name_than_an_environments_is_refused(name: str) -> None:
    with pytest.raises(UnknownEnvironmentError, match="cn-northwest-1, us-east-1"):
        find_subject(name, ROOT / "envs")


HERE = {
    "region": "us-east-1",
    "cluster_name": "easel",
    "aws_endpoint_url": "http://127.0.0.1:1",
    "aws_credentials_file": "key",
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders whose settings were read, in Terraform's place."""
    folders: list[Path] = []

    def read_settings(folder: Path) -> Any:
        folders.append(folder)
        return settings()

    monkeypatch.setattr(environment, "read_settings", read_settings)
    monkeypatch.setattr(environment, "read_outputs", lambda _: {"from": "state"})
    return folders


def test_outputs_at_hand_are_taken_in_place_of_the_state(read: list[Path]) -> None:
    file = Path("outputs.json")
    values = {"region": "us-east-1", "cluster_name": "easel"}
    of_file = find_subject(
        None, ROOT / "envs", file, lambda _, asked: KnownOutputs(values, asked or Path())
    )
    assert (of_file.name, of_file.outputs, of_file.is_emulated) == ("us-east-1", values, False)
    assert find_subject("cn-northwest-1", ROOT / "envs").outputs == {"from": "state"}
    assert read == [ROOT / "envs" / "us-east-1", ROOT / "envs" / "cn-northwest-1"]


def test_a_stack_on_this_machine_is_asked_of_its_emulator_alone(
    read: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "envs" / "us-east-1").mkdir(parents=True)
    with mock.patch.dict(os.environ, {"AWS_PROFILE": "mine", "NO_PROXY": "internal"}):
        here = find_subject(
            *("us-east-1", ROOT / "envs", None),
            lambda _, __: KnownOutputs(HERE, tmp_path / "outputs.json"),
        )
        client = here.aws.client("sqs")
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["NO_PROXY"] == "internal,127.0.0.1"
        assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == "key"
    assert client.meta.endpoint_url == HERE["aws_endpoint_url"]
    assert here.make_words == "ENV=us-east-1 LOCAL=1"
    assert read == [tmp_path / "envs" / "us-east-1"]  # no backend of a person's own
    names = [one.name for one in checks_of(here, None)]
    assert names[:4] == ["tools", "credentials", "partition", "aws alone"]
    assert {"queues", "last task"} <= set(names)
    finding = before_checks(here)[-1].run()
    assert finding.state is State.NOT_CHECKED
    assert "gpu types, quotas" in problems(finding)


def test_without_a_name_of_an_environment_it_is_asked_for() -> None:
    with pytest.raises(WrongUsageError, match=r"--before and --after.*\n.*--outputs FILE"):
        DoctorOptions(before=True, after=True)
    found = KnownOutputs({"region": "eu-central-1"}, Path())
    assert doctor(DoctorOptions(outputs=Path("f")), lambda _, __: found) == ExitStatus.USAGE


def test_a_stack_that_was_applied_has_all_checks() -> None:
    clients = Clients("us-east-1")
    new = subject(clients)
    there = subject(clients, outputs={"cluster_name": "easel", "runtimes": {}})
    assert {one.phase for one in checks_of(new, None)} == {Phase.BEFORE}
    assert {one.phase for one in checks_of(there, None)} == set(Phase)
    assert {one.phase for one in checks_of(there, Phase.BEFORE)} == {Phase.BEFORE}
    assert [one.name for one in checks_of(new, Phase.AFTER)] == ["stack"]


def test_the_readme_names_every_check() -> None:
    text = (ROOT / "doctor" / "README.md").read_text().replace("\n", " ")
    there = subject(Clients("us-east-1"), outputs={"cluster_name": "easel"})
    assert [one.name for one in checks_of(there, None) if f"`{one.name}`" not in text] == []


# -- tools ----------------------------------------------------------------------------------------


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with good versions of all programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    says(folder, "terraform", "Terraform v1.11.4\non linux_amd64")
    says(folder, "git", "git version 2.39.5")
    says(folder, "helm", "v4.1.0+g0000000")
    return folder


def says(folder: Path, program: str, words: str) -> None:
    script = folder / program
    lines = "\n".join(f'echo "{line}"' for line in words.split("\n"))
    script.write_text(f"#!/bin/sh\n{lines}\n")
    script.chmod(0o755)


def test_good_programs_are_well(path: Path, tmp_path: Path) -> None:
    finding = look_at_tools(tmp_path)
    assert finding.state is State.OK
    assert "terraform 1.11.4, git 2.39.5, helm 4.1" in finding.summary
    assert path.is_dir()


def test_programs_that_are_missing_or_old_are_all_named(path: Path, tmp_path: Path) -> None:
    (path / "git").unlink()
    says(path, "terraform", "Terraform v1.9.8")
    finding = look_at_tools(tmp_path)
    assert finding.state is State.FAIL
    assert "terraform 1.9.8 is older than 1.11" in problems(finding)
    assert "git is not on PATH" in problems(finding)


def test_terraforms_oldest_is_the_environments() -> None:
    required = (ROOT / "envs" / "stack" / "versions.tf").read_text()
    oldest = ".".join(map(str, tools.OLDEST_TERRAFORM))
    assert re.search(rf'required_version\s*=\s*".*>= {re.escape(oldest)}\b', required)


@pytest.mark.parametrize(("machine", "state"), [("x86_64", State.WARN), ("aarch64", State.FAIL)])
def test_a_helm_that_is_missing_is_fetched_where_it_can_be(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, state: State
) -> None:
    says(path, "helm", "v3.13.0")
    monkeypatch.setattr(tools.platform, "machine", lambda: machine)
    monkeypatch.setattr(tools.platform, "system", lambda: "Linux")
    assert look_at_tools(tmp_path).state is state
    (tmp_path / f"helm-{tools.helm_binary.VERSION}").touch()
    assert look_at_tools(tmp_path).state is State.OK


# -- the way to the cluster's API -----------------------------------------------------------------


@pytest.fixture
def seen_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EASEL_KUBECONFIG", raising=False)
    monkeypatch.setenv("EASEL_PUBLIC_ADDRESS", "203.0.113.7")


@pytest.mark.usefixtures("seen_at")
@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        ({"public_access_cidrs": ["203.0.113.0/24"]}, State.OK, ""),
        ({"private_blocks": ["127.0.0.0/8"]}, State.OK, ""),
        ({"public_access_cidrs": ["203.0.113.8/32"]}, State.FAIL, "open to 203.0.113.8/32 alone"),
        ({}, State.FAIL, "this apply makes its network"),
        (
            {"existing_subnet_ids": ["subnet-0a"], "private_blocks": ["240.0.0.0/8"]},
            State.WARN,
            "no address in 240.0.0.0/8",
        ),
        # A network at home may have the numbers of the one that is to be made.
        ({"own_block": "127.0.0.0/8"}, State.FAIL, "this apply makes its network"),
    ],
)
def test_the_way_to_the_api_is_looked_at(told: dict[str, Any], state: State, words: str) -> None:
    finding = look_at_api_address(subject(Clients("us-east-1"), settings(**told)))
    assert finding.state is state
    assert words in problems(finding)
    if state is not State.OK:
        assert 'public_access_cidrs = ["203.0.113.7/32"]' in problems(finding)


@pytest.mark.usefixtures("seen_at")
def test_an_address_that_nobody_tells_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_PUBLIC_ADDRESS", "somewhere")
    finding = look_at_api_address(subject(Clients("us-east-1")))
    assert finding.state is State.NOT_CHECKED
    monkeypatch.setenv("EASEL_KUBECONFIG", "tunnel.yaml")
    assert look_at_api_address(subject(Clients("us-east-1"))).state is State.OK


def test_making_the_checks_asks_nobody() -> None:
    assert len(before_checks(subject(Clients("us-east-1")))) == 11
