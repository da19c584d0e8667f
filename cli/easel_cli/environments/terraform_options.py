"""What Terraform's own options mean to what easel does around it."""

from collections.abc import Sequence

AUTO_APPROVE = "-auto-approve"


def is_targeted(options: Sequence[str]) -> bool:
    """Returns whether only a part is applied or destroyed."""
    return any(one.startswith(("-target", "--target")) for one in options)


def is_approved(options: Sequence[str]) -> bool:
    """Returns whether no question shall be asked."""
    return AUTO_APPROVE in options
