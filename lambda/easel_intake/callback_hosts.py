"""Which hosts a callback may go to, where the stack says."""

from collections.abc import Collection

from easel_contract.callback_url import is_allowed_callback_host
from easel_contract.errors import ContractError, Problem
from easel_contract.task import TaskMetadata

_FIELD = "task.metadata.callback_url"


def check_callback_host(metadata: TaskMetadata, allowed: Collection[str]) -> None:
    """Checks the host of a task's callback URL; the webhook function checks its address.

    Args:
        metadata: of the task.
        allowed: host names in lower case; none allows every one.

    Raises:
        ContractError: the host is not among them.
    """
    url = metadata.callback_url
    if url is not None and not is_allowed_callback_host(url, allowed):
        known = ", ".join(sorted(allowed))
        raise ContractError(
            [Problem(field=_FIELD, problem=f"its host must be one of this stack's: {known}")]
        )
