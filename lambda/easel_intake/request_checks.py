"""What a stack's settings and its tenants ask of a good request (docs/adr/0028, 0033)."""

from collections.abc import Collection

from easel_contract.callback_url import is_allowed_callback_host
from easel_contract.errors import ContractError, Problem
from easel_intake.api_requests import RequestedTask

_CALLBACK_FIELD = "task.metadata.callback_url"


class RequestChecks:
    """Checks requests for one stack."""

    def __init__(self, callback_hosts: Collection[str], *, tenant_prefixes: bool) -> None:
        """Takes the stack's settings.

        Args:
            callback_hosts: names of hosts, in lower case, that a callback may go to; none allows
                every one. The webhook function checks the address.
            tenant_prefixes: whether a task's prefix begins with its tenant's name.
        """
        self._callback_hosts = callback_hosts
        self._tenant_prefixes = tenant_prefixes

    def check(self, task: RequestedTask, tenant: str) -> None:
        """Checks a request that is good by itself.

        Raises:
            ContractError: with every problem that it has.
        """
        problems: list[Problem] = []
        url = task.metadata.callback_url
        if url is not None and not is_allowed_callback_host(url, self._callback_hosts):
            known = ", ".join(sorted(self._callback_hosts))
            message = f"its host must be one of this stack's: {known}"
            problems.append(Problem(field=_CALLBACK_FIELD, problem=message))
        prefix = task.metadata.prefix
        if self._tenant_prefixes and prefix.partition("/")[0] != tenant:
            message = f"must be {tenant}, or begin with {tenant}/, as each tenant has its own here"
            problems.append(Problem(field=task.prefix_field, problem=message))
        if problems:
            raise ContractError(problems)
