"""The list of `easel deploy`: it ticks off, stops at a fault, and goes on from there."""

import io
import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from easel_cli import main
from easel_cli.deployment.deploy import deploy, run_steps, steps_of
from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.options import DeployOptions
from easel_cli.deployment.settings import Settings
from easel_cli.deployment.step import Outcome, State, Step, StepError, Told
from easel_contract.task import RuntimeType
from easel_deploy.exit_status import ExitStatus

pytestmark = pytest.mark.unit

OPTIONS = DeployOptions(region="us-west-2", dry_run=True)
NAMES = [step.name for step in steps_of(DeployOptions())]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EASEL_HOME", str(tmp_path))
    monkeypatch.delenv("EASEL_ESTATE", raising=False)
    return tmp_path


def of(options: DeployOptions) -> Deployment:
    return Deployment.of(options, "us-west-2")


class World:
    """Steps that make a thing each, and find it the next time."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.fault: str | None = None

    def steps(self) -> list[Step]:
        return [Step(name, self._of(name)) for name in NAMES]

    def _of(self, name: str) -> Callable[[Deployment, Told], Outcome]:
        def run(_: Deployment, __: Told) -> Outcome:
            if name in self.made:
                return Outcome(State.FOUND, "it is there")
            if name == self.fault:
                raise StepError(f"{name} is broken: mend it\nmore of it")
            self.made.append(name)
            return Outcome(State.DONE, "made", ("look at it",))

        return run


def run(world: World) -> tuple[ExitStatus, str]:
    said = io.StringIO()
    status = run_steps(of(OPTIONS), world.steps(), Console(file=said, width=200))
    return status, said.getvalue()


@pytest.mark.parametrize("fault", NAMES)
def test_a_fault_stops_with_a_message_and_the_second_run_completes(fault: str) -> None:
    world = World()
    world.fault = fault
    status, said = run(world)
    assert status == ExitStatus.FAILED
    number = NAMES.index(fault)
    assert world.made == NAMES[:number]
    assert f"[{number + 1}/{len(NAMES)}] not done in " in said
    assert f"{fault} is broken: mend it\nmore of it" in said
    assert "The same command goes on from here." in said
    world.fault = None
    status, said = run(world)
    assert status == ExitStatus.COMPLETED
    assert world.made == NAMES
    assert said.count("] found in ") == number
    assert said.count("note: look at it") == len(NAMES) - number
    assert "prepared, nothing is deployed" in said


def test_the_list_is_that_of_the_issue() -> None:
    assert [step.name for step in steps_of(OPTIONS)] == NAMES[: NAMES.index("plan") + 1]


def test_what_was_written_before_a_stop_is_listed(tmp_path: Path) -> None:
    file = tmp_path / "terraform.tfvars"
    file.write_text('name = "easel"\n')
    deployment = of(OPTIONS)
    deployment.settings = Settings(file)

    def writes(_: Deployment, __: Told) -> Outcome:
        deployment.settings.set("model_bucket", "{}")
        return Outcome(State.DONE, "made")

    def stops(_: Deployment, __: Told) -> Outcome:
        raise StepError("no model")

    said = io.StringIO()
    steps = [Step("model bucket", writes), Step("model", stops)]
    assert run_steps(deployment, steps, Console(file=said, width=200)) == ExitStatus.FAILED
    assert f"written into {file}:\n    model_bucket = {{}}" in said.getvalue()


def test_at_a_terminal_steps_are_ticked_off() -> None:
    world = World()
    world.fault = "images"
    said = io.StringIO()
    console = Console(file=said, width=100, force_terminal=True, color_system=None)
    assert run_steps(of(OPTIONS), world.steps(), console) == ExitStatus.FAILED
    assert "✓ region         made  (" in said.getvalue()
    assert "✗ images         images is broken: mend it  (" in said.getvalue()


def test_text_from_outside_is_only_shown() -> None:
    def odd(_: Deployment, __: Told) -> Outcome:
        raise StepError("\x1b[31m[bold]red\x07")

    said = io.StringIO()
    run_steps(of(OPTIONS), [Step("odd", odd)], Console(file=said, width=100))
    assert "\x1b" not in said.getvalue()
    assert "\x07" not in said.getvalue()
    assert "[bold]red" in said.getvalue()


def test_a_person_who_says_no_ends_it() -> None:
    world = World()
    said_no = Step("apply", lambda _, __: Outcome(State.AGAINST, "nothing is applied"))
    said = io.StringIO()
    steps = [*world.steps()[:2], said_no, *world.steps()[2:]]
    assert run_steps(of(OPTIONS), steps, Console(file=said)) == ExitStatus.REFUSED
    assert world.made == NAMES[:2]


def test_a_second_deployment_of_the_region_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    inner: list[ExitStatus] = []

    def nested(_: Deployment, __: Told) -> Outcome:
        inner.append(run_steps(of(OPTIONS), [], Console(file=io.StringIO())))
        return Outcome(State.DONE, "")

    run_steps(of(OPTIONS), [Step("nested", nested)], Console(file=io.StringIO()))
    assert inner == [ExitStatus.FAILED]
    assert "another `easel deploy` is at work on us-west-2" in capsys.readouterr().err


@pytest.mark.parametrize("end", [StepError("broken"), KeyboardInterrupt()])
def test_no_plan_stays_behind_however_it_ends(end: BaseException) -> None:
    deployment = of(OPTIONS)

    def ends(one: Deployment, _: Told) -> Outcome:
        one.saved_plan.make_room()
        assert one.saved_plan.path.exists()
        raise end

    assert run_steps(deployment, [Step("plan", ends)], Console(file=io.StringIO())) in (1, 130)
    assert not deployment.saved_plan.path.parent.exists()


def test_wrong_arguments_are_told_together_before_anything_is_looked_at(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    options = DeployOptions(
        region="nowhere",
        stack_name="-",
        bucket="A",
        snapshot="vol-1",
        runtime_name="Under_score",
        public_access_cidr=["203.0.113.7/8"],
        model="./no-such.safetensors",
    )
    assert deploy(options) == ExitStatus.USAGE
    said = capsys.readouterr().err
    for option in (
        "--region",
        "--stack-name",
        "--bucket",
        "--snapshot",
        "--runtime-name",
        "--public-access-cidr",
        "--model './no-such.safetensors' is neither a file",
        "add --yes, or --dry-run",
    ):
        assert option in said
    assert list(home.iterdir()) == []


def test_a_misspelt_region_makes_no_folder(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    options = DeployOptions(region="us-wset-2", yes=True)
    assert deploy(options) == ExitStatus.USAGE
    assert "us-wset-2. Is us-west-2 meant?" in capsys.readouterr().err
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "model",
    [
        "sd15",
        "none",
        "https://example.com/a.safetensors",
        "stabilityai/sdxl-vae/sdxl_vae.safetensors",
    ],
)
def test_a_model_is_named_in_one_of_five_ways(model: str, tmp_path: Path) -> None:
    assert DeployOptions(model=model).problems() == []
    file = tmp_path / "a.safetensors"
    file.touch()
    assert DeployOptions(model=str(file)).problems() == []
    assert len(DeployOptions(model="sd2").problems()) == 1


def test_a_question_is_asked_at_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str | None] = []

    def asking(_: Deployment, told: Told) -> Outcome:
        answers.append(told.ask("Which?"))
        return Outcome(State.DONE, "")

    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as terminal, os.fdopen(ours, "wb", buffering=0) as keyboard:
        monkeypatch.setattr("sys.stdin", terminal)
        keyboard.write(b"sdxl\n")
        for is_terminal in (True, False):
            console = Console(file=io.StringIO(), force_terminal=is_terminal)
            run_steps(of(OPTIONS), [Step("ask", asking)], console)
    assert answers == ["sdxl", None]


def test_the_letters_of_sd_on_eks_are_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[DeployOptions] = []
    monkeypatch.setattr(main, "deploy", lambda options: seen.append(options) or 0)
    line = "easel deploy -n studio -R us-west-2 -d -b models -s none -r night -t comfyui"
    monkeypatch.setattr("sys.argv", line.split())
    assert main.main() == 0
    wanted = DeployOptions(
        stack_name="studio",
        region="us-west-2",
        dry_run=True,
        bucket="models",
        snapshot="none",
        runtime_name="night",
        runtime_type=RuntimeType.COMFYUI,
    )
    assert seen == [wanted]
    monkeypatch.setattr("sys.argv", ["easel", "deploy", "-h"])
    assert main.main() == 0
    assert "--dry-run" in capsys.readouterr().out
