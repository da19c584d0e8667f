"""Whose request it is: the tenant behind an API key or a signature (docs/adr/0028)."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easel_contract.errors import ApiErrorCode
from easel_contract.identifiers import check_tenant
from easel_contract.record import SHARED_SCOPE, TaskRecord
from easel_http.events import RefusedRequestError

_ASSUMED_ROLE = re.compile(r"(arn:[^:]+:sts::[0-9]*:assumed-role/[^/]+)/.+")
_DIGEST_CHARACTERS = 32
_MAX_CHARACTERS = 128


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    Attributes:
        tenant: the API key's name, or the principal's ARN without its session's name.
        sees_all: whether the stack's tasks are shared among all callers.
    """

    tenant: str
    sees_all: bool

    @property
    def scope(self) -> str:
        """The scope that the caller's tasks are recorded and listed under."""
        return SHARED_SCOPE if self.sees_all else self.tenant

    def may_see(self, record: TaskRecord) -> bool:
        """Returns whether a task is the caller's to read and cancel."""
        return self.sees_all or record.tenant == self.tenant


class Callers:
    """The callers that a stack knows."""

    def __init__(self, api_keys: Mapping[str, str], *, shared_tasks: bool) -> None:
        """Takes the stack's settings.

        Args:
            api_keys: names of the API keys, by their ids; empty where requests are signed.
            shared_tasks: whether every caller sees all tasks.
        """
        self._api_keys = dict(api_keys)
        self._shared_tasks = shared_tasks

    def of(self, event: Mapping[str, Any]) -> Caller:
        """Returns the sender of a request that API Gateway let pass.

        Raises:
            RefusedRequestError: the request has a key that the stack does not name, or nothing
                says who sends it.
        """
        context: Mapping[str, Any] = event.get("requestContext") or {}
        identity: Mapping[str, Any] = context.get("identity") or {}
        if self._api_keys:
            name = self._api_keys.get(str(identity.get("apiKeyId") or ""))
        else:
            name = _principal(str(identity.get("userArn") or ""))
        if name is None:
            raise RefusedRequestError(
                ApiErrorCode.FORBIDDEN,
                "The request's API key or principal is no caller of this stack.",
            )
        return Caller(name, self._shared_tasks)


def _principal(arn: str) -> str | None:
    """Returns a tenant's name for an ARN; None for what is none."""
    session = _ASSUMED_ROLE.fullmatch(arn)
    name = session[1] if session else arn
    if len(name) > _MAX_CHARACTERS:
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
        name = f"{name[: _MAX_CHARACTERS - _DIGEST_CHARACTERS - 1]}-{digest}"
    try:
        return check_tenant(name)
    except ValueError:
        return None
