"""What Terraform's own options mean to what easel does around it."""

import re
import sys
from collections.abc import Sequence

from easel_deploy.exit_status import ExitStatus

AUTO_APPROVE = "-auto-approve"

_TARGET = re.compile(r"--?target(=|$)")
_VARIABLE = re.compile(r"--?var(-file)?(=|$)")


def is_targeted(options: Sequence[str]) -> bool:
    """Returns whether only a part is applied or destroyed."""
    return any(_TARGET.match(one) for one in options)


def is_approved(options: Sequence[str]) -> bool:
    """Returns whether no question shall be asked."""
    return AUTO_APPROVE in options


def is_saved_plan(options: Sequence[str]) -> bool:
    """Returns whether a plan is applied that was saved: the state is not to change before."""
    return any(not one.startswith("-") for one in options)


def sets_variables(options: Sequence[str]) -> bool:
    """Returns whether they give a variable another value than files and environment do."""
    return any(_VARIABLE.match(one) for one in options)


def refuse_variables(options: Sequence[str]) -> ExitStatus:
    """Looks whether an apply or a destroy can take the options.

    Args:
        options: Terraform's.

    Returns:
        USAGE where the options set variables; why that is refused, is printed.
    """
    if not sets_variables(options):
        return ExitStatus.COMPLETED
    # `terraform console`, which tells the stack's name to easel, is run without them.
    sys.stderr.write(
        "easel: an apply or a destroy takes no -var and no -var-file: what looks for kept things\n"
        "  before it would not see them, and take another stack's. Put the values into\n"
        "  terraform.tfvars or a *.auto.tfvars beside it, or export TF_VAR_<name>.\n"
    )
    return ExitStatus.USAGE
