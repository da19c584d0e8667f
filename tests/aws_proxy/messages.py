"""HTTP/1.1 message heads and bodies on asyncio streams (RFC 9112), as much as a proxy needs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024
_READ_BYTES = 256 * 1024
_BODYLESS_STATUSES = frozenset({204, 304})


class MalformedMessageError(Exception):
    """What came is not HTTP/1.1, or over the bounds."""


@dataclass(frozen=True)
class RequestHead:
    """The first lines of a request. Header names are in lower case.

    Attributes:
        method: such as ``POST``.
        target: path and query as sent.
        headers: the last value of each.
        raw: the bytes as they came, with the empty line at the end.
    """

    method: str
    target: str
    headers: dict[str, str]
    raw: bytes

    def without(self, name: str) -> bytes:
        """The bytes without one header (its name in lower case)."""
        prefix = name.encode() + b":"
        lines = self.raw.split(b"\r\n")
        return b"\r\n".join(line for line in lines if not line.lower().startswith(prefix))


@dataclass(frozen=True)
class ResponseHead:
    """The first lines of a response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    raw: bytes

    def has_body(self, method: str) -> bool:
        """Whether a body follows in answer to a method."""
        return method != "HEAD" and self.status not in _BODYLESS_STATUSES

    def keeps_alive(self) -> bool:
        """Whether the connection may carry another request."""
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        bodyless = self.status in _BODYLESS_STATUSES
        closes = self.headers.get("connection", "").lower() == "close"
        return (framed or bodyless) and not closes


async def read_request_head(reader: asyncio.StreamReader) -> RequestHead | None:
    """Reads a request's head.

    Returns:
        The head, or None where the client closed the connection instead.

    Raises:
        MalformedMessageError: it is no request, or too long.
    """
    raw = await _read_head(reader)
    if raw is None:
        return None
    first, headers = _parse(raw)
    parts = first.split(" ")
    if len(parts) != 3:
        raise MalformedMessageError(f"not a request line: {first[:80]!r}")
    return RequestHead(parts[0], parts[1], headers, raw)


async def read_response_head(reader: asyncio.StreamReader) -> ResponseHead:
    """Reads a response's head.

    Raises:
        MalformedMessageError: it is no response, or too long.
        ConnectionError: the server closed the connection instead.
    """
    raw = await _read_head(reader)
    if raw is None:
        raise ConnectionResetError("the server closed the connection without an answer")
    first, headers = _parse(raw)
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[1].isdigit():
        raise MalformedMessageError(f"not a status line: {first[:80]!r}")
    return ResponseHead(int(parts[1]), headers, raw)


async def read_body(
    reader: asyncio.StreamReader, headers: dict[str, str], *, until_closed: bool = False
) -> AsyncIterator[bytes]:
    """Yields a body's bytes as they are on the wire, chunk headers included.

    Args:
        reader: behind the head.
        headers: of the same message.
        until_closed: whether a body without a length ends with the connection (a response's) or
            is empty (a request's).

    Raises:
        MalformedMessageError: its length cannot be read or is over the bound.
    """
    if "chunked" in headers.get("transfer-encoding", "").lower():
        async for piece in _read_chunked(reader):
            yield piece
    elif "content-length" in headers:
        left = _length(headers["content-length"], 10)
        while left:
            piece = await reader.read(min(left, _READ_BYTES))
            if not piece:
                raise ConnectionResetError("the body ended too soon")
            left -= len(piece)
            yield piece
    elif until_closed:
        while piece := await reader.read(_READ_BYTES):
            yield piece


def response(status: str, content_type: str, body: bytes) -> bytes:
    """A whole HTTP response.

    Args:
        status: code and reason, such as `200 OK`.
        content_type: of the body.
        body: sent with its length.
    """
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _read_chunked(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    total = 0
    while True:
        line = await reader.readline()
        size = _length(line.split(b";")[0].strip().decode("latin-1"), 16)
        total += size
        if total > MAX_BODY_BYTES:
            raise MalformedMessageError("the chunked body is too long")
        if size == 0:
            yield line
            break
        yield line + await reader.readexactly(size + 2)
    while True:
        trailer = await reader.readline()
        yield trailer
        if trailer in (b"\r\n", b""):
            return


def _length(text: str, base: int) -> int:
    try:
        value = int(text, base)
    except ValueError as error:
        raise MalformedMessageError(f"not a length: {text[:40]!r}") from error
    if not 0 <= value <= MAX_BODY_BYTES:
        raise MalformedMessageError(f"a body of {value} bytes is out of bounds")
    return value


async def _read_head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise MalformedMessageError("the head ended too soon") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise MalformedMessageError("the head is too long") from error
    if len(raw) > MAX_HEAD_BYTES:
        raise MalformedMessageError("the head is too long")
    return raw


def _parse(raw: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return first, headers
