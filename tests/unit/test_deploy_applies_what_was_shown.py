"""`easel deploy` applies the plan that it has shown, or shows another; the file does not stay."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easel_cli.deployment import saved_plan
from easel_cli.deployment.applying import Applying
from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.options import DeployOptions
from easel_cli.deployment.step import State, StepError

pytestmark = pytest.mark.unit

REGION = "us-west-2"
ROOT_MODULE = """
variable "name" { default = "shown" }
resource "terraform_data" "one" { input = var.name }
resource "terraform_data" "two" { input = var.name }
output "name" { value = terraform_data.one.output }
"""
# What scripts/estate does, without what it needs AWS for.
ESTATE = """
import os, sys
folder, verb, region, *more = sys.argv[1:]
if verb == "mend":
    sys.exit()
os.execvp("terraform", ["terraform", f"-chdir={folder}", verb, *more])
"""


class Person:
    """Is asked, and meanwhile does something."""

    def __init__(self, *meanwhile: Callable[[], object], answer: str = "yes") -> None:
        self.meanwhile, self.answer = list(meanwhile), answer
        self.questions: list[str] = []
        self.said: list[str] = []

    def progress(self, _: str) -> None:
        pass

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, question: str) -> str | None:
        self.questions.append(question)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return self.answer

    def aside(self) -> Any:
        return contextlib.nullcontext()


class Stack:
    """A root module of Terraform's own resources, and its deployment."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        (self.root / "main.tf").write_text(ROOT_MODULE)
        estate, environments = folder / "estate.py", folder / "envs"
        estate.write_text(ESTATE)
        (environments / REGION).mkdir(parents=True)
        (environments / REGION / "terraform.tfvars").write_text('name = "easel"\n')
        program = f"{sys.executable} {estate} {self.root}"
        monkeypatch.setenv("EASEL_ESTATE", program)
        monkeypatch.setenv("EASEL_HOME", str(folder / "home"))
        monkeypatch.setenv("TF_CLI_CONFIG_FILE", os.devnull)
        self.environments = environments
        self.terraform("init")
        self.deployment = self.deploying()
        self.applying = Applying(lambda _: "nothing a month")

    def deploying(self, **options: Any) -> Deployment:
        return Deployment.of(DeployOptions(region=REGION, **options), REGION, self.environments)

    def terraform(self, *words: str) -> None:
        command = ["terraform", f"-chdir={self.root}", *words, "-input=false"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def destroy_one(self) -> None:
        self.terraform("destroy", "-auto-approve", "-target=terraform_data.two")

    def rename(self) -> None:
        text = (self.root / "main.tf").read_text()
        (self.root / "main.tf").write_text(text.replace('"shown"', '"changed"'))


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return Stack(tmp_path, monkeypatch)


def test_settings_changed_at_the_question_are_not_applied_unseen(stack: Stack) -> None:
    person = Person(stack.rename)
    with stack.deployment.saved_plan.removed_at_the_end():
        shown = stack.applying.plan(stack.deployment, person)
        file = stack.deployment.saved_plan.path
        modes = [one.stat().st_mode & 0o777 for one in (file, file.parent)]
        assert file.stat().st_size > 0
        outcome = stack.applying.apply(stack.deployment, person)
    assert shown.detail.startswith("2 to add, 0 to change, 0 to destroy")
    assert (outcome.state, outcome.detail) == (State.DONE, "2 resources")
    assert stack.deployment.outputs == {"name": "shown"}
    assert modes == [0o600, 0o700]
    assert not file.parent.exists()
    assert len(person.questions) == 1


def test_a_plan_that_is_out_of_date_is_shown_anew_and_asked_about_again(stack: Stack) -> None:
    stack.terraform("apply", "-auto-approve")
    stack.rename()
    person = Person(stack.destroy_one)
    stack.applying.plan(stack.deployment, person)
    outcome = stack.applying.apply(stack.deployment, person)
    assert outcome.state is State.DONE
    assert stack.deployment.outputs == {"name": "changed"}
    assert person.said == [
        "    the stack's state has changed since the plan was shown: planning anew",
        "    1 to add, 1 to change, 0 to destroy",
    ]
    assert [one.partition(" resources")[0] for one in person.questions] == ["Make 0", "Make 1"]


def test_a_plan_of_an_hour_ago_is_made_anew(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person()
    stack.applying.plan(stack.deployment, person)
    monkeypatch.setattr(saved_plan, "_HOLDS_SECONDS", -1.0)
    with pytest.raises(StepError, match="3 plans were out of date"):
        stack.applying.apply(stack.deployment, person)
    assert person.said[0] == "    the plan was shown more than an hour ago: planning anew"
    assert len(person.questions) == 3
    assert not (stack.root / "terraform.tfstate").exists()


def test_a_new_plan_that_destroys_is_not_for_yes(stack: Stack) -> None:
    stack.deployment = stack.deploying(yes=True)
    person = Person()
    stack.applying.plan(stack.deployment, person)
    stack.terraform("apply", "-auto-approve")
    main = stack.root / "main.tf"
    main.write_text(main.read_text().replace('resource "terraform_data" "two"', "#"))
    with pytest.raises(StepError, match="1 resources would be destroyed, and --yes asks nobody"):
        stack.applying.apply(stack.deployment, person)
    assert person.said[0].endswith("planning anew")
    assert person.questions == []


def test_a_no_applies_nothing(stack: Stack) -> None:
    person = Person(answer="no")
    stack.applying.plan(stack.deployment, person)
    assert stack.applying.apply(stack.deployment, person).state is State.AGAINST
    assert not (stack.root / "terraform.tfstate").exists()


def test_a_plan_that_a_killed_run_has_left_is_removed_and_said(stack: Stack) -> None:
    left = stack.deployment.saved_plan.path
    stack.applying.plan(stack.deployment, Person())
    left.write_text("of a run that was killed")
    outcome = stack.applying.plan(stack.deploying(), Person())
    (note,) = outcome.notes
    assert "an earlier run was ended before it applied its plan" in note
    assert left.read_bytes().startswith(b"PK")  # Terraform's own, a zip
    assert stack.applying.plan(stack.deployment, Person()).notes == []
