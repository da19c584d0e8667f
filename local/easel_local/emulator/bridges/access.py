"""The evaluation of IAM policies and the check of signatures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import iam

from easel_local.emulator.bridges.bridge import Bridge
from easel_local.emulator.partition import Headers, signed_request

_ResolveKey = Callable[[str, Any], Any]
_SESSION = re.compile(r"arn:[^:]+:sts::([0-9]+):assumed-role/([^/]+)/.+")


def loopback_is_secure(resolve_condition_key: _ResolveKey) -> _ResolveKey:
    """The key aws:SecureTransport is true.

    Our policies deny whatever comes without TLS, and AWS is only ever reached with it. What is
    served on the loopback interface never leaves the machine; with TLS every client would need a
    certificate authority of ours.
    """

    def bridged(key: str, context: Any) -> Any:
        if key.lower() == "aws:securetransport":
            return "true"
        return resolve_condition_key(key, context)

    return bridged


def sessions_are_known_by_their_role(resolve_condition_key: _ResolveKey) -> _ResolveKey:
    """The key aws:PrincipalArn of an assumed role's session is the role's ARN, not the session's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """

    def bridged(key: str, context: Any) -> Any:
        value = resolve_condition_key(key, context)
        if key.lower() != "aws:principalarn" or not isinstance(value, str):
            return value
        session = _SESSION.fullmatch(value)
        if session is None:
            return value
        account, name = session.groups()
        role = iam._roles.get_scoped(account, None, name) or {}  # noqa: SLF001
        return role.get("Arn", value)

    return bridged


def signed_head(pin_signed_request: Callable[..., None]) -> Callable[..., None]:
    """A signature is of the request as it came, before ``partition`` changed it.

    Not a gap of ministack: it cannot know.
    """

    def bridged(
        method: str, raw_path: str, query: dict[str, list[str]], headers: Headers, **others: Any
    ) -> None:
        if (signed := signed_request.get()) is not None:
            raw_path, headers = signed.raw_path, signed.headers
            query = parse_qs(signed.query_string.decode(), keep_blank_values=True)
        pin_signed_request(method, raw_path, query, headers, **others)

    return bridged


def signed_body(pin_signed_body: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """As ``signed_head``, for the body."""

    def bridged(body: bytes) -> None:
        signed = signed_request.get()
        pin_signed_body(body if signed is None or signed.body is None else signed.body)

    return bridged


BRIDGES = (
    Bridge(iam_evaluator, "_resolve_condition_key", loopback_is_secure),
    Bridge(iam_evaluator, "_resolve_condition_key", sessions_are_known_by_their_role),
    Bridge(app, "pin_signed_request", signed_head),
    Bridge(app, "pin_signed_body", signed_body),
)
