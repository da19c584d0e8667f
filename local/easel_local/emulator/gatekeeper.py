"""The door of the emulator: who is let in before ministack sees a request.

ministack takes whatever comes for the account's root unless it is signed with another key, and
answers any web page. Here every request is signed, by a key of the stack or one that IAM or STS
have given; only the data plane of API Gateway, which asks for API keys by itself, and the sign that
the emulator is ready are open. No answer allows a web page anything (CORS).
"""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import parse_qs

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)
from ministack.core.iam_actions import access_denied_response
from ministack.core.router import detect_service
from ministack.core.sigv4 import decode_header_value

from easel_local.emulator.signatures import (
    Refusal,
    SignedHead,
    needs_body,
    signature_refusal,
)
from easel_simulators.browsers import foreign_request

_READY = "/_ministack/ready"
_DATA_PLANE = re.compile(r"/_aws/execute-api/[^/]+/[^/]+(?:/.*)?")
_MAX_SIGNED_BODY_BYTES = 64 * 1024 * 1024
_UNSIGNED = Refusal(
    "MissingAuthenticationToken",
    "The request is not signed. The local stack's key is in the file that AWS_SHARED_CREDENTIALS_"
    "FILE names; `. .easel/environment` sets it for your own commands.",
)


def guarded(app: ASGIFramework) -> ASGIFramework:
    """Puts the door in front of the emulator."""

    async def served(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await _refuse_websocket(receive, send)
        else:
            await _serve(app, scope, receive, _without_cors(send))

    return served


async def _serve(
    app: ASGIFramework, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    headers = _headers(scope)
    if (why := foreign_request(headers)) is not None:
        await _answer(send, 403, {"Content-Type": "text/plain"}, f"{why}\n".encode())
        return
    head = SignedHead(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True),
        headers,
    )
    if _is_open(head, scope["path"]):
        await app(scope, receive, send)
        return
    body = b""
    if needs_body(head):
        events, body, whole = await _read(receive)
        if not whole:
            too_long = Refusal("RequestEntityTooLarge", "The signed body is too long.")
            await _refuse(scope, head, too_long, send)
            return
        receive = _replayed(events, receive)
    refusal = signature_refusal(head, body) if head.is_signed else _UNSIGNED
    if refusal is None:
        await app(scope, receive, send)
    else:
        await _refuse(scope, head, refusal, send)


def _is_open(head: SignedHead, path: str) -> bool:
    if head.is_signed:
        return False
    if path == _READY:
        return head.method == "GET"
    return bool(_DATA_PLANE.fullmatch(path))


def _headers(scope: HTTPScope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), decode_header_value(value)
        # As Signature Version 4 joins them; and a second Host is no longer a known one.
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    return headers


async def _read(receive: ASGIReceiveCallable) -> tuple[list[Any], bytes, bool]:
    events: list[Any] = []
    size, more = 0, True
    while more:
        event: Any = await receive()
        events.append(event)
        size += len(event.get("body", b""))
        if size > _MAX_SIGNED_BODY_BYTES:
            return [], b"", False
        more = event["type"] == "http.request" and event.get("more_body", False)
    return events, b"".join(event.get("body", b"") for event in events), True


def _replayed(events: list[Any], receive: ASGIReceiveCallable) -> ASGIReceiveCallable:
    async def replayed() -> Any:
        return events.pop(0) if events else await receive()

    return replayed


async def _refuse(
    scope: HTTPScope, head: SignedHead, refusal: Refusal, send: ASGISendCallable
) -> None:
    service = detect_service(head.method, scope["path"], head.headers, head.query)
    status, headers, body = access_denied_response(
        service,
        "",
        "",
        str(uuid.uuid4()),
        error_code=refusal.code,
        message=refusal.message,
        headers=head.headers,
    )
    await _answer(send, status, headers, b"" if head.method == "HEAD" else body)


async def _answer(
    send: ASGISendCallable, status: int, headers: dict[str, str], body: bytes
) -> None:
    named = {name.lower(): value for name, value in headers.items()}
    # What is left of the request's body is not read.
    named |= {"content-length": str(len(body)), "connection": "close"}
    start: Any = {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    end: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await send(start)
    await send(end)


async def _refuse_websocket(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await receive()
    close: Any = {"type": "websocket.close", "code": 1008, "reason": None}
    await send(close)


def _without_cors(send: ASGISendCallable) -> ASGISendCallable:
    async def sent(event: Any) -> None:
        if event["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in event.get("headers", [])
                if not name.lower().startswith(b"access-control-")
            ]
            event = {**event, "headers": kept}
        await send(event)

    return sent
