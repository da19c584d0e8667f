"""Says before a plan what an apply will take over: the plan shows it as new.

`make apply` imports it before Terraform plans; `make plan` leaves the state as it is.
"""

import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.environments.adopt import importable
from easel_deploy.environments.retained_outputs import BUCKET
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError
from easel_deploy.environments.terraform_options import sets_variables
from easel_deploy.exit_status import ExitStatus


def note(root: RootModule) -> str | None:
    """Returns what a reader of the plan should know; None where the plan is the whole truth.

    Args:
        root: the environment.

    Raises:
        TerraformError: its variables or its state cannot be read.
        botocore.exceptions.ClientError: something cannot be looked at.
    """
    managed = root.managed()
    # Of a stack that stands nothing was kept: that is most plans, and costs a second less than AWS.
    if BUCKET in managed:
        return None
    try:
        imports = importable(root, StackIdentity.of(root), managed)
    except StandsElsewhereError as error:
        return f"easel: note: `make apply` would stop at this: {error}\n"
    if not imports:
        return None
    return (
        "easel: note: `make apply` takes over what an earlier stack has left:\n"
        f"  {', '.join(one.identity for one in imports)}.\n"
        "  This plan shows it as new, and would be stale as a file (-out).\n"
    )


def main(arguments: list[str]) -> int:
    """Runs `python -m easel_deploy.environments.plan_note FOLDER [TERRAFORM'S OPTIONS]`.

    Returns:
        0, 2 wrong usage, 130 interrupted. Where AWS or Terraform does not tell, the plan will say
        so itself.
    """
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m easel_deploy.environments.plan_note envs/REGION\n")
        return 2
    # They reach the plan only: the stack that would be looked at may be another one.
    if sets_variables(arguments[1:]):
        return 0
    try:
        said = note(RootModule(Path(arguments[0])))
    except (TerraformError, ClientError, BotoCoreError):
        return 0
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    if said:
        sys.stderr.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
