"""Which stack a command is about, and what is said where there is none."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from easel_cli import target_source
from easel_cli.target_source import TargetError, find_target, known_outputs

pytestmark = pytest.mark.unit

OUTPUTS = {
    "region": "us-east-1",
    "endpoint": "https://api.example/dev",
    "api_key_id": "key",
    "output_bucket": "outputs",
    "records_table": "records",
    "tasks_topic_arn": "tasks",
    "notifications_topic_arn": "notifications",
    "runtimes": {},
}

UNINITIALISED = """
Error: Required plugins are not installed

To download the plugins required for this configuration, run:
  terraform init
"""

Terraform = Callable[[str], Path]


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terraform:
    """Puts a line of shell in Terraform's place; returns the file that gets its arguments."""
    monkeypatch.setattr(target_source, "_ROOT", tmp_path)
    (tmp_path / "envs" / "us-east-1").mkdir(parents=True)
    (tmp_path / "envs" / "us-east-1" / "terraform.tfvars").touch()
    (tmp_path / "envs" / "local").mkdir()
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.delenv("EASEL_HOME", raising=False)

    def of(script: str) -> Path:
        arguments = tmp_path / "arguments"
        program.write_text(f'#!/bin/sh\necho "$@" > {arguments}\n{script}\n')
        program.chmod(0o755)
        return arguments

    return of


def printed() -> str:
    return json.dumps({name: {"value": value} for name, value in OUTPUTS.items()})


def test_the_state_of_a_folder_is_asked_without_colours(terraform: Terraform) -> None:
    arguments = terraform(f"echo '{printed()}'")
    assert find_target("us-east-1", None).endpoint == "https://api.example/dev"
    words = arguments.read_text().split()
    assert words[0].endswith("envs/us-east-1")
    assert words[1:] == ["output", "-json", "-no-color"]


def test_where_terraform_was_never_run_the_verb_to_run_is_named(terraform: Terraform) -> None:
    terraform(f"echo '{UNINITIALISED}' >&2; exit 1")
    with pytest.raises(TargetError, match=r"run `make output ENV=us-east-1` first\.$"):
        find_target("us-east-1", None)


def test_another_failure_is_told_in_terraforms_words(terraform: Terraform) -> None:
    terraform("echo 'Error: no credentials' >&2; exit 1")
    with pytest.raises(TargetError, match=r"envs/us-east-1 cannot be read:\nError: no credentials"):
        find_target("us-east-1", None)


def test_before_the_first_apply_it_is_said(terraform: Terraform) -> None:
    terraform("echo '{}'")
    with pytest.raises(TargetError, match="lacks outputs of an applied stack: region,"):
        find_target("us-east-1", None)


def test_a_folder_that_is_not_there_is_told_from_those_that_are(terraform: Terraform) -> None:
    terraform("exit 1")
    with pytest.raises(TargetError, match="no environment nowhere; there are: us-east-1, local"):
        find_target("nowhere", None)


@pytest.mark.parametrize("env", [None, "local"])
def test_the_local_stack_is_known_by_what_make_up_has_left(
    terraform: Terraform, tmp_path: Path, env: str | None
) -> None:
    arguments = terraform("exit 1")
    with pytest.raises(TargetError, match="Bring one up with `make up`"):
        find_target(env, None)
    (tmp_path / ".easel").mkdir()
    (tmp_path / ".easel" / "outputs.json").write_text(printed())
    assert find_target(env, None).output_bucket == "outputs"
    assert not arguments.exists()


def applied_here(root: Path, port: int) -> Path:
    """Writes what `make apply ENV=us-east-1 LOCAL=1` writes."""
    file = root / ".easel" / "estate" / "us-east-1" / "outputs.json"
    file.parent.mkdir(parents=True)
    local = {"endpoint": "here", "aws_endpoint_url": f"http://127.0.0.1:{port}"}
    file.write_text(json.dumps({n: {"value": v} for n, v in (OUTPUTS | local).items()}))
    return file


def test_what_is_applied_on_this_machine_comes_before_the_state(
    terraform: Terraform, tmp_path: Path
) -> None:
    arguments = terraform(f"echo '{printed()}'")
    with socket.create_server(("127.0.0.1", 0)) as emulator:
        applied_here(tmp_path, emulator.getsockname()[1])
        assert find_target("us-east-1", None).endpoint == "here"
    assert not arguments.exists()


def test_where_its_emulator_has_ended_nothing_goes_to_aws_instead(
    terraform: Terraform, tmp_path: Path
) -> None:
    arguments = terraform(f"echo '{printed()}'")
    with socket.create_server(("127.0.0.1", 0)) as emulator:
        port = emulator.getsockname()[1]
    file = applied_here(tmp_path, port)
    with pytest.raises(TargetError, match=r"its emulator has ended.*LOCAL=1") as raised:
        find_target("us-east-1", None)
    assert str(file.parent) in str(raised.value)
    assert not arguments.exists()


def test_the_doctor_need_not_ask_terraform_where_outputs_are_at_hand(
    terraform: Terraform, tmp_path: Path
) -> None:
    arguments = terraform("exit 1")
    assert known_outputs("us-east-1", None) is None
    given = tmp_path / "given.json"
    given.write_text(printed())
    with socket.create_server(("127.0.0.1", 0)) as emulator:
        here = applied_here(tmp_path, emulator.getsockname()[1])
        for asked, file, endpoint in ((None, here, "here"), (given, given, OUTPUTS["endpoint"])):
            found = known_outputs("us-east-1", asked)
            assert found is not None
            assert (found.file, found.values["endpoint"]) == (file, endpoint)
    with pytest.raises(TargetError, match="its emulator has ended"):
        known_outputs("us-east-1", None)
    given.write_text("[]")
    with pytest.raises(TargetError, match="is not what `terraform output -json` prints"):
        known_outputs(None, given)
    assert not arguments.exists()
