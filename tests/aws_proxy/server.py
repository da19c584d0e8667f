"""Forwards requests to the emulator, on connections that are kept, and does what the plan says.

One asyncio loop, no copy of a body beyond the piece under way: on two cores the proxy must not be
what a benchmark measures.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping

from tests.aws_proxy.control import Control, ProxyState
from tests.aws_proxy.faults import Fault, FaultKind
from tests.aws_proxy.messages import (
    MAX_HEAD_BYTES,
    MalformedMessageError,
    RequestHead,
    read_body,
    read_request_head,
    read_response_head,
    response,
)
from tests.aws_proxy.operations import (
    Operation,
    names_its_operation_in_the_body,
    operation_of,
)

_STREAM_LIMIT_BYTES = 512 * 1024
_MAX_FORM_BYTES = 1024 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_UNAVAILABLE_BODIES: Mapping[str, tuple[str, bytes]] = {
    "s3": (
        "application/xml",
        b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    ),
    "sns": (
        "text/xml",
        (
            b"<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code>"
            b"<Message>injected</Message></Error><RequestId>0</RequestId></ErrorResponse>"
        ),
    ),
    "sqs": (
        "application/x-amz-json-1.0",
        b'{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"injected"}',
    ),
    "dynamodb": (
        "application/x-amz-json-1.0",
        b'{"__type":"com.amazonaws.dynamodb.v20120810#ServiceUnavailable","message":"injected"}',
    ),
}


class _CutError(Exception):
    """The client's connection is to be closed without another byte."""


class ConnectionPool:
    """Connections to the emulator that wait for their next request."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def take(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """An idle connection, or a new one.

        Raises:
            OSError: the emulator does not listen.
        """
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self._address, limit=_STREAM_LIMIT_BYTES)

    def give(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keeps a connection for the next request."""
        self._idle.append((reader, writer))


class Forwarder:
    """The data path."""

    def __init__(self, state: ProxyState, pool: ConnectionPool) -> None:
        self._state = state
        self._pool = pool

    async def exchange(
        self, head: RequestHead, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answers one request.

        Returns:
            Whether the client's connection may carry another.
        """
        if self._state.delay_seconds:
            await asyncio.sleep(self._state.delay_seconds)
        if head.headers.get("expect", "").lower() == "100-continue":
            writer.write(_CONTINUE)
        form = b""
        if names_its_operation_in_the_body(head):
            form = await _read_whole(reader, head.headers, _MAX_FORM_BYTES)
        operation = operation_of(head, form)
        self._state.calls[str(operation)] += 1
        fault = self._state.faults.take(operation)
        if fault is not None:
            self._state.injected[f"{fault.kind}:{operation}"] += 1
            if fault.kind is FaultKind.CUT:
                raise _CutError
            if fault.kind in _REFUSALS:
                if not form:
                    await _discard(reader, head.headers)
                writer.write(_REFUSALS[fault.kind](operation))
                return True
            if fault.kind is FaultKind.DELAY:
                await asyncio.sleep(fault.delay_seconds)
        return await self._forward(head, form, fault, reader, writer)

    async def _forward(
        self,
        head: RequestHead,
        form: bytes,
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        server_reader, server_writer = await self._pool.take()
        reusable = False
        try:
            # Only "Expect" is taken out, which no signature covers: it was answered here.
            server_writer.write(head.without("expect") + form)
            if not form:
                async for piece in read_body(reader, head.headers):
                    server_writer.write(piece)
                    await server_writer.drain()
            answer = await read_response_head(server_reader)
            lost = fault is not None and fault.kind is FaultKind.LOSE_ANSWER
            if not lost:
                writer.write(answer.raw)
            if answer.has_body(head.method):
                async for piece in read_body(server_reader, answer.headers, until_closed=True):
                    if not lost:
                        writer.write(piece)
                        await writer.drain()
            reusable = answer.keeps_alive()
            if lost:
                raise _CutError
            return reusable and head.headers.get("connection", "").lower() != "close"
        finally:
            if reusable:
                self._pool.give(server_reader, server_writer)
            else:
                server_writer.close()


class ProxyServer:
    """The listening side."""

    def __init__(self, forwarder: Forwarder, control: Control) -> None:
        self._forwarder = forwarder
        self._control = control

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Begins to accept connections.

        Raises:
            OSError: the port is taken.
        """
        return await asyncio.start_server(self._serve, host, port, limit=_STREAM_LIMIT_BYTES)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What fails here is a connection, its client's or the emulator's: the client sees it close.
        try:
            with contextlib.suppress(
                _CutError, MalformedMessageError, OSError, asyncio.IncompleteReadError
            ):
                while (head := await read_request_head(reader)) is not None:
                    if self._control.is_meant(head):
                        body = await _read_whole(reader, head.headers, MAX_HEAD_BYTES)
                        writer.write(self._control.answer(head, body))
                    elif not await self._forwarder.exchange(head, reader, writer):
                        break
                with contextlib.suppress(OSError):
                    await writer.drain()
                    writer.close()
        finally:
            # After a cut, and harmless after a close: nothing more is sent.
            if not writer.is_closing():
                writer.transport.abort()


def _unavailable(operation: Operation) -> bytes:
    content_type, body = _UNAVAILABLE_BODIES.get(operation.service, ("text/plain", b"injected"))
    return response("503 Service Unavailable", content_type, body)


def _throttled(_: Operation) -> bytes:
    body = b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"injected"}'
    return response("400 Bad Request", "application/x-amz-json-1.0", body)


_REFUSALS = {FaultKind.UNAVAILABLE: _unavailable, FaultKind.THROTTLE: _throttled}


async def _read_whole(
    reader: asyncio.StreamReader, headers: dict[str, str], max_bytes: int
) -> bytes:
    pieces = []
    total = 0
    async for piece in read_body(reader, headers):
        total += len(piece)
        if total > max_bytes:
            raise MalformedMessageError(f"the body is over {max_bytes} bytes")
        pieces.append(piece)
    return b"".join(pieces)


async def _discard(reader: asyncio.StreamReader, headers: dict[str, str]) -> None:
    async for _ in read_body(reader, headers):
        pass
