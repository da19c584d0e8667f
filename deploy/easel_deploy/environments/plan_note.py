"""Says before a plan what an apply will take over: the plan shows it as new.

`make apply` imports it before Terraform plans; `make plan` leaves the state as it is.
"""

import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.environments.adopt import importable
from easel_deploy.environments.retained_outputs import BUCKET
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError
from easel_deploy.environments.terraform_options import sets_variables


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


def print_note(root: RootModule, options: Sequence[str]) -> None:
    """Prints the note, if there is one; where AWS or Terraform does not tell, the plan will.

    Args:
        root: the environment, after `terraform init`.
        options: of `terraform plan`.
    """
    # Variables among them reach the plan only: the stack that would be looked at may be another.
    if sets_variables(options):
        return
    try:
        said = note(root)
    except (TerraformError, ClientError, BotoCoreError):
        return
    if said:
        sys.stderr.write(said)
