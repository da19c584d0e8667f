"""`easel doctor`: runs the checks of an environment and reports them."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TextIO

import typer

from easel_deploy.command_line import WrongUsageError, complain
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.exit_status import ExitStatus
from easel_doctor.check import Check, Phase
from easel_doctor.checks import after_checks, before_checks
from easel_doctor.environment import FindOutputs, UnknownEnvironmentError, find_subject
from easel_doctor.report import HEADINGS, as_json, has_failed, last_line, lines_of
from easel_doctor.running import Result, run_checks
from easel_doctor.subject import Subject

ENVIRONMENTS = Path("envs")


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Options of `easel doctor`.

    Attributes:
        env: folder under envs/ with a terraform.tfvars; None: that of the outputs' region.
        outputs: file with what `terraform output -json` printed, in place of Terraform's state.
        before: the checks of what an apply needs alone.
        after: the checks of how the stack is doing alone.
        json: one JSON document in place of the report.
        environments: folder of all environments.

    Raises:
        WrongUsageError: both halves are asked for alone, or no environment is named.
    """

    env: Annotated[
        str | None,
        typer.Option(
            help="folder under envs/; where it is applied on this machine (LOCAL=1), that stack",
            metavar="FOLDER",
        ),
    ] = None
    outputs: Annotated[
        Path | None,
        typer.Option(
            help="file with what `terraform output -json` printed (default: ask Terraform)",
            metavar="FILE",
        ),
    ] = None
    before: Annotated[bool, typer.Option("--before", help="only what an apply needs")] = False
    after: Annotated[bool, typer.Option("--after", help="only how the stack is doing")] = False
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False
    environments: Annotated[Path, typer.Option(help="folder of all", metavar="FOLDER")] = (
        ENVIRONMENTS
    )

    def __post_init__(self) -> None:
        """Looks at options that exclude each other."""
        problems = []
        if self.before and self.after:
            problems.append(
                "--before and --after: name one of them; without any, all that applies is done"
            )
        if self.env is None and self.outputs is None:
            problems.append("name the environment: --env us-east-1, or --outputs FILE of its stack")
        if problems:
            raise WrongUsageError(problems)

    @property
    def phase(self) -> Phase | None:
        """Whose checks; None: those of an apply, and, of a stack that was applied, all."""
        if self.before:
            return Phase.BEFORE
        return Phase.AFTER if self.after else None


def doctor(options: DoctorOptions, known: FindOutputs = lambda _, __: None) -> ExitStatus:
    """Runs the checks and writes what they find to standard output.

    Args:
        options: which environment, and which checks.
        known: finds outputs of a stack without Terraform.

    Returns:
        COMPLETED; FAILED where a check has failed; USAGE where there is no such environment or its
        settings cannot be read.
    """
    try:
        subject = find_subject(options.env, options.environments, options.outputs, known)
    except (TerraformError, UnknownEnvironmentError) as error:
        complain(str(error))
        return ExitStatus.USAGE
    if subject.is_emulated:
        complain(f"{subject.name} is the one on this machine, not on AWS")
    results = report(subject, options.phase, json=options.json, to=sys.stdout)
    return ExitStatus.FAILED if has_failed(results) else ExitStatus.COMPLETED


def report(subject: Subject, phase: Phase | None, *, json: bool, to: TextIO) -> list[Result]:
    """Runs the checks of an environment and writes each result as early as it is known.

    Args:
        subject: the environment.
        phase: as `checks_of` takes it.
        json: one JSON document at the end in place of the report.
        to: what is written to.

    Returns:
        the results in order.
    """
    checks = checks_of(subject, phase)
    if json:
        results = run_checks(checks)
        to.write(as_json(subject.name, results) + "\n")
        return results
    seen: list[Phase] = []

    def write(result: Result) -> None:
        if result.phase not in seen:
            seen.append(result.phase)
            blank = "\n" * (len(seen) > 1)
            to.write(f"{blank}{HEADINGS[result.phase]} ({subject.name})\n")
        to.write(lines_of(result) + "\n")
        to.flush()

    results = run_checks(checks, write)
    to.write(f"\n{last_line(results)}\n")
    return results


def checks_of(subject: Subject, phase: Phase | None) -> list[Check]:
    """Returns the checks that make sense for an environment.

    Args:
        subject: the environment.
        phase: whose; None: those of an apply, and, of a stack that was applied, all.
    """
    before = [] if phase is Phase.AFTER else before_checks(subject)
    wants_after = phase is Phase.AFTER or (phase is None and subject.is_applied)
    return before + (after_checks(subject) if wants_after else [])
