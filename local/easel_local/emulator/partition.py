"""The partition aws-cn in front of ministack, which knows only ARNs that begin with ``arn:aws:``.

A request that is signed for a region of China has its ARNs brought into ministack's form, and the
answer's ARNs are brought back. Objects of S3, messages and the payloads of functions are not ours
to touch: they pass as they are.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)

Headers = list[tuple[bytes, bytes]]

_SCOPE = re.compile(rb"Credential=[^/&]+(?:/|%2F)\d{8}(?:/|%2F)(cn-[a-z]+-\d)(?:/|%2F)([a-z0-9-]+)")

# As they are, and as a form, a path or a policy document in IAM's answers has them. JSON in a
# form in JSON is not known to occur.
_TO_AWS = re.compile(rb"arn(:|%3A|%253A)aws-cn(?=\1)", re.IGNORECASE)
_TO_CHINA = re.compile(rb"arn(:|%3A|%253A)aws(?=\1)", re.IGNORECASE)
_CHINESE_HOST = re.compile(rb"(\.cn-[a-z]+-\d\.amazonaws\.com)(?![.\w])")

# They say what the client computed over the body that it sent.
_DIGESTS = (b"content-md5", b"x-amz-checksum-", b"x-amz-sdk-checksum-algorithm")

_INVOCATION = re.compile(rb"/functions/[^/]+/(?:invocations|invoke-async)")
_MESSAGE_FIELD = re.compile(rb"(?:.*\.)?(?:Message|MessageBody|StringValue|BinaryValue)")
_MESSAGE_KEYS = {"MessageBody", "MessageAttributes"}


def is_china(region: str) -> bool:
    """Whether a region belongs to the partition aws-cn."""
    return region.startswith("cn-")


def to_china(text: bytes) -> bytes:
    """Brings ministack's ARNs and host names into the form of the partition aws-cn."""
    return _CHINESE_HOST.sub(rb"\1.cn", _TO_CHINA.sub(rb"arn\1aws-cn", text))


def to_china_value(value: Any) -> Any:
    """``to_china`` for every string of a JSON value."""
    return json.loads(to_china(json.dumps(value).encode()))


@dataclass(frozen=True)
class Signed:
    """What the client's signature is of: the request before it was changed.

    Attributes:
        raw_path: as it was sent.
        query_string: as it was sent.
        headers: names in lower case.
        body: None where it is passed as it is.
    """

    raw_path: str
    query_string: bytes
    headers: Headers
    body: bytes | None


signed_request: ContextVar[Signed | None] = ContextVar("signed_request", default=None)
"""Of the request that is being served; None where it was not changed."""


def with_china(app: ASGIFramework) -> ASGIFramework:
    """Puts the partition in front of ministack."""

    async def served(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        signed_request.set(None)
        service = _chinese_service(scope) if scope["type"] == "http" else None
        if service is None or service == "execute-api":
            await app(scope, receive, send)
            return
        assert scope["type"] == "http"  # noqa: S101 - for the type checker
        payload = _opaque_payload(service, scope)
        changed = _head_in_aws(service, scope)
        if payload:
            signed_request.set(_signed(scope, None))
        else:
            changed, receive = await _body_in_aws(scope, changed, receive)
        await app(changed, receive, _in_china(send, keep_body=payload))

    return served


def _chinese_service(scope: Scope) -> str | None:
    assert scope["type"] == "http"  # noqa: S101 - for the type checker
    for name, value in scope["headers"]:
        if name.lower() == b"authorization":
            found = _SCOPE.search(value)
            return found[2].decode() if found else None
    found = _SCOPE.search(scope["query_string"])
    return found[2].decode() if found else None


def _opaque_payload(service: str, scope: HTTPScope) -> bool:
    if service == "s3":
        bucket, _, key = scope["path"].lstrip("/").partition("/")
        return bool(bucket and key)
    return service == "lambda" and bool(_INVOCATION.search(scope["raw_path"]))


def _to_aws(text: bytes) -> bytes:
    return _TO_AWS.sub(rb"arn\1aws", text)


def _signed(scope: HTTPScope, body: bytes | None) -> Signed:
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    return Signed(scope["raw_path"].decode("latin-1"), scope["query_string"], headers, body)


def _head_in_aws(service: str, scope: HTTPScope) -> HTTPScope:
    headers = [
        (name.lower(), value if name.lower() == b"authorization" else _to_aws(value))
        for name, value in scope["headers"]
    ]
    changed: HTTPScope = {**scope, "headers": headers}
    if service != "s3":  # where they hold the names of buckets and objects
        changed["raw_path"] = _to_aws(scope["raw_path"])
        changed["path"] = unquote_to_bytes(changed["raw_path"]).decode("utf-8", "replace")
        changed["query_string"] = _to_aws(scope["query_string"])
    return changed


async def _body_in_aws(
    scope: HTTPScope, changed: HTTPScope, receive: ASGIReceiveCallable
) -> tuple[HTTPScope, ASGIReceiveCallable]:
    parts: list[bytes] = []
    more = True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            # The client is gone; ministack finds it out in the same way.
            return changed, _replayed([event], receive)
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    body = b"".join(parts)
    signed_request.set(_signed(scope, body))
    in_aws = _text_in_aws(body, dict(changed["headers"]))
    headers = [
        (name, str(len(in_aws)).encode() if name == b"content-length" else value)
        for name, value in changed["headers"]
        if in_aws == body or not name.startswith(_DIGESTS)
    ]
    whole: Any = {"type": "http.request", "body": in_aws, "more_body": False}
    return {**changed, "headers": headers}, _replayed([whole], receive)


def _text_in_aws(body: bytes, headers: dict[bytes, bytes]) -> bytes:
    if b"gzip" in headers.get(b"content-encoding", b""):
        return gzip.compress(_to_aws(gzip.decompress(body)))
    if headers.get(b"x-amz-target", b"").startswith(b"AmazonSQS.SendMessage"):
        return _rest_of_json_in_aws(body)
    if headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        return b"&".join(map(_field_in_aws, body.split(b"&")))
    return _to_aws(body)


def _field_in_aws(field: bytes) -> bytes:
    name, _, _ = field.partition(b"=")
    return field if _MESSAGE_FIELD.fullmatch(name) else _to_aws(field)


def _rest_of_json_in_aws(body: bytes) -> bytes:
    try:
        return json.dumps(_rest_in_aws(json.loads(body))).encode()
    except ValueError:
        return body


def _rest_in_aws(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: part if name in _MESSAGE_KEYS else _rest_in_aws(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_rest_in_aws(part) for part in value]
    return _to_aws(value.encode()).decode() if isinstance(value, str) else value


def _replayed(events: list[Any], receive: ASGIReceiveCallable) -> ASGIReceiveCallable:
    async def replayed() -> Any:
        return events.pop(0) if events else await receive()

    return replayed


def _in_china(send: ASGISendCallable, *, keep_body: bool) -> ASGISendCallable:
    """Changes an answer; errors always, for what S3 and functions say themselves is ministack's."""
    start: Any = None
    parts: list[bytes] = []
    keep = keep_body

    async def sent(event: Any) -> None:
        nonlocal start, keep
        if event["type"] == "http.response.start":
            keep = keep and event["status"] < 300  # noqa: PLR2004 - the HTTP success codes
            headers = [(name, to_china(value)) for name, value in event.get("headers", [])]
            start = {**event, "headers": headers}
            if keep:
                await send(start)
        elif keep or event["type"] != "http.response.body":
            await send(event)
        else:
            parts.append(event.get("body", b""))
            if not event.get("more_body", False):
                body = b"".join(parts)
                changed = to_china(body)
                await send(_with_length(start, body, changed))
                end: Any = {**event, "body": changed}
                await send(end)

    return sent


def _with_length(start: Any, body: bytes, changed: bytes) -> Any:
    # The answer to a HEAD has the length of what a GET would bring, and no body.
    if len(body) == len(changed):
        return start
    # DynamoDB's clients ask again where the sum is not that of the body.
    of_body = {
        b"content-length": str(len(changed)).encode(),
        b"x-amz-crc32": str(zlib.crc32(changed)).encode(),
    }
    headers = [(name, of_body.get(name.lower(), value)) for name, value in start["headers"]]
    return {**start, "headers": headers}
