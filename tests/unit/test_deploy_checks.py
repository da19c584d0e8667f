"""Steps of `easel deploy` that are checks of `easel doctor`, and requests of `easel verify`."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from easel_cli.deployment import ending, prechecks, verification
from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.options import DeployOptions
from easel_cli.deployment.prechecks import ALLOWANCES, API_ADDRESS, outcome_of
from easel_cli.deployment.step import State, StepError
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.exit_status import ExitStatus
from easel_doctor.checks import before_checks
from easel_doctor.finding import Finding, fail, found, unchecked, warn
from easel_doctor.subject import Subject

pytestmark = pytest.mark.unit

OUTPUTS = {
    "region": "us-west-2",
    "endpoint": "https://api",
    "api_key_id": "id",
    "output_bucket": "outputs",
    "records_table": "records",
    "tasks_topic_arn": "arn:tasks",
    "notifications_topic_arn": "arn:results",
    "runtimes": {},
}


class Quiet:
    """Shows nothing."""

    def progress(self, _: str) -> None:
        pass

    def say(self, _: str) -> None:
        pass

    def ask(self, _: str) -> str | None:
        return None

    def aside(self) -> Any:
        return contextlib.nullcontext()


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("EASEL_HOME", str(tmp_path))
    monkeypatch.delenv("EASEL_ESTATE", raising=False)
    found = Deployment.of(DeployOptions(region="us-west-2"), "us-west-2")
    found.outputs = dict(OUTPUTS)
    return found


def test_the_end_names_what_works_where_the_stack_is(
    deployment: Deployment, tmp_path: Path
) -> None:
    deployment.outputs |= {"api_key_command": "aws key", "kubeconfig_command": "aws kube"}
    said = ending.closing(deployment)
    assert "endpoint   https://api\nAPI key    aws key\ncluster    aws kube\n" in said
    assert said.endswith('.venv/bin/easel submit --env us-west-2 --prompt "A dog"')
    file, environment = tmp_path / "outputs.json", tmp_path / "environment"
    file.write_text('{"endpoint": {"value": "http://127.0.0.1:1/dev"}}')
    environment.touch()
    deployment.estate.outputs_file = file
    said = ending.closing(deployment)
    assert "endpoint   http://127.0.0.1:1/dev\n" in said
    assert f"API key    (. {environment}; aws key)\n" in said
    assert f"submit --outputs {file} --prompt" in said


def test_the_checks_are_doctors_own() -> None:
    subject = Subject(Path(), None, {}, None)  # type: ignore[arg-type]
    names = {one.name for one in before_checks(subject)}
    assert {*ALLOWANCES, *API_ADDRESS} <= names


def test_what_fails_stops_it_all_together_and_what_is_less_is_a_note() -> None:
    well = found("quotas: 6", [warn("few buckets", "Ask for more."), unchecked("no right", "Get.")])
    outcome = outcome_of([found("rights"), well])
    assert outcome.state is State.DONE
    assert outcome.detail == "rights; quotas: 6"
    assert list(outcome.notes) == ["few buckets. Ask for more.", "no right. Get."]
    bad = found("types", [fail("no g5", "Another region."), warn("few", "Wait.")])
    worse = found("quota", [fail("0 vCPUs", "Ask AWS.")])
    with pytest.raises(StepError) as caught:
        outcome_of([well, bad, worse])
    assert str(caught.value) == "no g5. Another region.\n0 vCPUs. Ask AWS."


def test_a_quota_that_is_too_small_stops_before_anything_is_made(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def look(_: Deployment, names: tuple[str, ...]) -> list[Finding]:
        asked.append(names)
        return [found("quota", [fail("0 vCPUs", "Ask AWS.")] if len(asked) == 1 else [])]

    monkeypatch.setattr(prechecks, "look", look)
    with pytest.raises(StepError, match="0 vCPUs"):
        prechecks.allowances(deployment, Quiet())
    assert prechecks.allowances(deployment, Quiet()).state is State.DONE
    assert asked == [ALLOWANCES, ALLOWANCES]


def test_settings_that_terraform_does_not_read_are_said(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise TerraformError("Invalid value for variable")

    monkeypatch.setattr(prechecks, "read_settings", refuse)
    with pytest.raises(StepError, match="Invalid value"):
        prechecks.look(deployment, ALLOWANCES)


def test_a_request_without_its_picture_fails_and_the_next_run_sends_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = [ExitStatus.TIMED_OUT, ExitStatus.COMPLETED]
    seen: list[str] = []

    def verify(_: object, target: Any, __: object) -> ExitStatus:
        seen.append(target.endpoint)
        return statuses.pop(0)

    monkeypatch.setattr(verification, "verify", verify)
    with pytest.raises(StepError, match="easel doctor --env us-west-2"):
        verification.verification(deployment, Quiet())
    assert verification.verification(deployment, Quiet()).state is State.DONE
    assert seen == ["https://api", "https://api"]


def test_outputs_that_are_not_whole_are_no_traceback(deployment: Deployment) -> None:
    del deployment.outputs["endpoint"]
    with pytest.raises(StepError, match="outputs are not whole"):
        verification.verification(deployment, Quiet())
