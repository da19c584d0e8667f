"""Runs the steps of `easel deploy`, one after the other."""

import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import boto3
from rich.console import Console

from easel_cli.deployment import (
    applying,
    beginning,
    ending,
    images,
    models,
    prechecks,
    snapshot,
    verification,
)
from easel_cli.deployment.checklist import Checklist
from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.options import DeployOptions, unknown_region
from easel_cli.deployment.programs import signals_interrupt
from easel_cli.deployment.step import Outcome, State, Step, StepError
from easel_deploy.command_line import complain
from easel_deploy.exit_status import ExitStatus

SETTINGS = "settings"
"""The step that lists what was written."""


def steps_of(
    options: DeployOptions, monthly_cost: applying.MonthlyCost = applying.monthly_cost_of
) -> list[Step]:
    """Returns the steps in their order; a dry run ends with the plan.

    Args:
        options: what is asked for.
        monthly_cost: says what the plan would cost.
    """
    terraform = applying.Applying(monthly_cost)
    steps = [
        Step("tools", beginning.tools),
        Step("credentials", beginning.credentials),
        Step("region", beginning.region),
        Step("quotas", prechecks.allowances),
        Step("model bucket", models.model_bucket),
        Step("model", models.model),
        Step("images", images.images),
        Step("snapshot", snapshot.snapshot),
        Step(SETTINGS, ending.settings),
        Step("plan", terraform.plan),
    ]
    if options.dry_run:
        return steps
    return [*steps, Step("apply", terraform.apply), Step("verify", verification.verification)]


def deploy(options: DeployOptions) -> ExitStatus:
    """Deploys, or prepares a deployment; what is there already is found, and not made again.

    Args:
        options: what is asked for.

    Returns:
        As `run_steps`; USAGE for wrong options, before anything is looked at.
    """
    region = options.region or boto3.Session().region_name
    problems = options.problems()
    if not region:
        problems.append("no region: name one by --region, or set AWS_REGION")
    elif not problems and (slip := unknown_region(region)):
        problems.append(slip)
    if not options.dry_run and not options.yes and not sys.stdin.isatty():
        problems.append("nobody can be asked here: add --yes, or --dry-run to prepare only")
    if problems or not region:
        complain("\n".join(problems))
        return ExitStatus.USAGE
    deployment = Deployment.of(options, region)
    return run_steps(deployment, steps_of(options), Console(highlight=False))


def run_steps(deployment: Deployment, steps: Sequence[Step], console: Console) -> ExitStatus:
    """Takes steps one after the other.

    Args:
        deployment: that they are of.
        steps: in their order.
        console: that the list is shown at.

    Returns:
        COMPLETED; FAILED where a step was not done; REFUSED where a person said no; INTERRUPTED
        after a signal.
    """
    try:
        with (
            signals_interrupt(),
            _alone(deployment.estate.logs),
            deployment.saved_plan.removed_at_the_end(),
        ):
            return _run(deployment, steps, console)
    except KeyboardInterrupt:
        complain("interrupted: what was made stays, and the same command goes on from there")
        return ExitStatus.INTERRUPTED
    except StepError as error:
        complain(str(error))
        return ExitStatus.FAILED


def _run(deployment: Deployment, steps: Sequence[Step], console: Console) -> ExitStatus:
    checklist = Checklist(console, len(steps))
    is_told = False
    for step in steps:
        try:
            with checklist.step(step.name):
                outcome: Outcome = step.run(deployment, checklist)
        except StepError as error:
            checklist.failed(str(error))
            if not is_told and deployment.settings.written:
                # The step that tells is not reached, and the next run finds the lines there.
                checklist.say(f"    {ending.written(deployment)}")
            checklist.say("\nThe same command goes on from here.")
            return ExitStatus.FAILED
        checklist.ended(outcome)
        is_told = is_told or step.name == SETTINGS
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
