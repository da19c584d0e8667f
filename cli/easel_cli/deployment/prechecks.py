"""Steps that are checks of `easel doctor`: what fails there stops a deployment before it costs."""

from collections.abc import Iterable

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.estate import ROOT
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_deploy.environments.root_module import TerraformError
from easel_doctor.checks import before_checks
from easel_doctor.finding import Finding, Problem
from easel_doctor.finding import State as Found
from easel_doctor.running import run_checks
from easel_doctor.settings import read_settings
from easel_doctor.subject import Subject
from easel_snapshot.aws import Aws

ALLOWANCES = ("rights", "gpu types", "quotas", "spot role")
"""Checks of what the account may have and do, by their names in easel_doctor.checks."""

API_ADDRESS = ("api address",)

_TOOLS = ROOT / ".easel" / "tools"


def allowances(deployment: Deployment, told: Told) -> Outcome:
    """Compares rights, GPU types, quotas and Spot's role with what the settings can ask for.

    Raises:
        StepError: a stack of these settings would not work, or Terraform does not read them.
    """
    if deployment.estate.is_emulated:
        return Outcome(State.LEFT_OUT, "no quota and no GPU is on this machine's emulator")
    told.progress(", ".join(ALLOWANCES))
    return outcome_of(look(deployment, ALLOWANCES))


def look(deployment: Deployment, names: Iterable[str]) -> list[Finding]:
    """Returns what checks of easel_doctor find.

    Args:
        deployment: whose settings are looked at, as they are now.
        names: of the checks.

    Raises:
        StepError: Terraform does not read the settings.
    """
    folder = deployment.settings.path.parent
    try:
        settings = read_settings(folder)
    except TerraformError as error:
        raise StepError(str(error)) from error
    subject = Subject(folder, settings, {}, Aws(deployment.region), helm_tools=_TOOLS)
    wanted = set(names)
    checks = [one for one in before_checks(subject) if one.name in wanted]
    return [result.finding for result in run_checks(checks)]


def outcome_of(findings: list[Finding]) -> Outcome:
    """Returns how a step ends that is these findings.

    Args:
        findings: of checks; what they could not look at is a note.

    Raises:
        StepError: one of them fails; all that fails is named.
    """
    problems = [problem for finding in findings for problem in finding.problems]
    failures = [_line(one) for one in problems if one.state is Found.FAIL]
    if failures:
        raise StepError("\n".join(failures))
    notes = tuple(_line(one) for one in problems)
    return Outcome(State.DONE, "; ".join(finding.summary for finding in findings), notes)


def _line(problem: Problem) -> str:
    return f"{problem.text}. {problem.remedy}"
