"""The steps plan and apply: what was shown is what is applied."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.estate import StalePlanError
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_cli.deployment.terraform_lines import Changes, TerraformLines
from easel_cost.errors import CostError
from easel_cost.monthly import monthly_cost
from easel_cost.settings import read_settings

_MOST_WARNING_LINES = 4
_MOST_PLANS = 3
"""That one run shows; then somebody else is at work on the stack."""

MonthlyCost = Callable[[Deployment], str]
"""Says what the stack costs a month by itself, without a task."""


def monthly_cost_of(deployment: Deployment) -> str:
    """Returns what `easel cost` says of the settings, in a sentence; why not, where it cannot."""
    folder = deployment.settings.path.parent
    try:
        return monthly_cost(read_settings(folder, datetime.now(UTC).date())).in_a_sentence()
    except CostError as error:
        return f"what it costs is not known ({error})"


@dataclass(frozen=True)
class Applying:
    """Plan and apply, which know of each other.

    Attributes:
        monthly_cost: for the line of the plan.
    """

    monthly_cost: MonthlyCost

    def plan(self, deployment: Deployment, told: Told) -> Outcome:
        """Shows what an apply would change, and what the stack would cost.

        Raises:
            StepError: Terraform refuses the settings.
        """
        lines, was_there = _planned(deployment, told)
        notes = ["\n".join(one.splitlines()[:_MOST_WARNING_LINES]) for one in lines.warnings]
        if was_there:
            notes.append(
                "an earlier run was ended before it applied its plan; that plan is removed, "
                "this one is new"
            )
        return Outcome(State.DONE, f"{deployment.planned}; {self.monthly_cost(deployment)}", notes)

    def apply(self, deployment: Deployment, told: Told) -> Outcome:
        """Applies the plan that was shown once a person has agreed to it.

        Where it cannot be applied any more, a new one is shown and asked about.

        Raises:
            StepError: it failed, or something would be destroyed that nobody was asked about.
        """
        for _ in range(_MOST_PLANS):
            if deployment.planned == Changes():
                deployment.outputs = deployment.estate.outputs()
                return Outcome(State.FOUND, "nothing to change")
            if not _is_agreed(deployment, told):
                return Outcome(State.AGAINST, "nothing is applied")
            if deployment.saved_plan.is_old:
                why = "the plan was shown more than an hour ago"
            else:
                try:
                    lines = deployment.estate.apply_plan(
                        deployment.saved_plan.path, deployment.planned, told.progress
                    )
                except StalePlanError:
                    why = "the stack's state has changed since the plan was shown"
                else:
                    deployment.outputs = deployment.estate.outputs()
                    return Outcome(State.DONE, f"{lines.ended} resources")
            told.say(f"    {why}: planning anew")
            _planned(deployment, told)
            told.say(f"    {deployment.planned}")
        raise StepError(
            f"{_MOST_PLANS} plans were out of date before they could be applied: look who else "
            f"works on {deployment.settings.name} in {deployment.region}"
        )


def _planned(deployment: Deployment, told: Told) -> tuple[TerraformLines, bool]:
    saved = deployment.saved_plan
    was_there = saved.make_room()
    # Before the plan: what is mended would make the plan stale.
    if mended := deployment.estate.mend():
        told.say(mended)
    lines = deployment.estate.plan(told.progress, saved.path)
    deployment.planned = lines.planned or Changes()
    return lines, was_there


def _is_agreed(deployment: Deployment, told: Told) -> bool:
    """Whether the plan may be applied.

    Raises:
        StepError: it destroys something, and nobody is to be asked.
    """
    planned = deployment.planned
    if deployment.options.yes and planned.remove:
        raise StepError(
            f"{planned.remove} resources would be destroyed, and --yes asks nobody: look at "
            f"`make plan ENV={deployment.region}`, then `make apply ENV={deployment.region}`"
        )
    if deployment.options.yes:
        return True
    destroys = f", and DESTROY {planned.remove}" if planned.remove else ""
    question = (
        f"Make {planned.add} resources of {deployment.settings.name} in {deployment.region}, "
        f"account {deployment.account}{destroys}? Type yes:"
    )
    return told.ask(question) == "yes"
