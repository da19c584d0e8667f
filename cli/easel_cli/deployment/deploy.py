"""Runs the steps of `easel deploy`, one after the other."""

import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import boto3
from rich.console import Console

from easel_cli.deployment import beginning, ending, images, models, snapshot
from easel_cli.deployment.checklist import Checklist
from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.options import DeployOptions
from easel_cli.deployment.programs import signals_interrupt
from easel_cli.deployment.step import Outcome, State, Step, StepError
from easel_contract.plain_text import printable_lines
from easel_deploy.exit_status import ExitStatus


def steps_of(options: DeployOptions) -> list[Step]:
    """Returns the steps in their order; a dry run ends with the plan.

    Args:
        options: what is asked for.
    """
    applying = ending.Applying(lambda _: "")
    steps = [
        Step("tools", beginning.tools),
        Step("credentials", beginning.credentials),
        Step("region", beginning.region),
        Step("model bucket", models.model_bucket),
        Step("model", models.model),
        Step("images", images.images),
        Step("snapshot", snapshot.snapshot),
        Step("settings", ending.settings),
        Step("plan", applying.plan),
    ]
    return steps if options.dry_run else [*steps, Step("apply", applying.apply)]


def deploy(
    options: DeployOptions, steps: Sequence[Step] | None = None, console: Console | None = None
) -> ExitStatus:
    """Deploys, or prepares a deployment; what is there already is found, and not made again.

    Args:
        options: what is asked for.
        steps: None: those of `steps_of`.
        console: None: standard output.

    Returns:
        COMPLETED; USAGE for wrong arguments, before anything is looked at; FAILED where a step was
        not done; REFUSED where a person said no; INTERRUPTED after a signal.
    """
    console = console or Console(highlight=False)
    region = options.region or boto3.Session().region_name
    problems = options.problems()
    if not region:
        problems.append("no region: name one by --region, or set AWS_REGION")
    if not options.dry_run and not options.yes and not sys.stdin.isatty():
        problems.append("nobody can be asked here: add --yes, or --dry-run to prepare only")
    if problems or not region:
        _complain("\n".join(problems))
        return ExitStatus.USAGE
    deployment = Deployment.of(options, region)
    try:
        with signals_interrupt(), _alone(deployment.estate.logs):
            return _run(deployment, steps or steps_of(options), console)
    except KeyboardInterrupt:
        _complain("interrupted: what was made stays, and the same command goes on from there")
        return ExitStatus.INTERRUPTED
    except StepError as error:
        _complain(str(error))
        return ExitStatus.FAILED


def _run(deployment: Deployment, steps: Sequence[Step], console: Console) -> ExitStatus:
    checklist = Checklist(console, len(steps))
    for step in steps:
        try:
            with checklist.step(step.name):
                outcome: Outcome = step.run(deployment, checklist)
        except StepError as error:
            checklist.failed(str(error))
            checklist.say("\nThe same command goes on from here.")
            return ExitStatus.FAILED
        checklist.ended(outcome)
        if outcome.state is State.AGAINST:
            return ExitStatus.REFUSED
    end = ending.prepared if deployment.options.dry_run else ending.closing
    checklist.say(f"\n{end(deployment)}")
    return ExitStatus.COMPLETED


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a second deployment of the same region on this machine away.

    Raises:
        StepError: one is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StepError(f"another `easel deploy` is at work on {folder.name} here") from None
    finally:
        os.close(descriptor)


def _complain(text: str) -> None:
    sys.stderr.write(printable_lines(f"easel: {text}\n"))
