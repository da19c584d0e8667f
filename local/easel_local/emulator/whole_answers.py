"""Sends an answer's head and body in one piece.

hypercorn writes them one after the other. Where the system is busy there may be a pause of some
hundred microseconds between the two, and Terraform's AWS provider 5.100 (Go 1.23) at times closes
the connection in that pause, as seen on the wire: it has the head, sends FIN, and its SDK repeats
the request. A request that creates something has been carried out by then, so the repetition fails
with "already exists". One write leaves no pause.
"""

from __future__ import annotations

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import Event, RawData

_FLUSH_BYTES = 256 * 1024

_send = TCPServer.protocol_send
_unsent: dict[TCPServer, bytearray] = {}


def send_whole_answers() -> None:
    """Puts it in place for every connection of this process."""
    TCPServer.protocol_send = _send_later  # type: ignore[method-assign, assignment]


async def _send_later(server: TCPServer, event: Event) -> None:
    # What one step of a task sends is written at its end: its last event is not raw data.
    if isinstance(event, RawData):
        unsent = _unsent.setdefault(server, bytearray())
        unsent += event.data
        if len(unsent) < _FLUSH_BYTES:
            server.loop.call_soon(_flush, server)
            return
        event = RawData(data=bytes(_unsent.pop(server)))
    else:
        _flush(server)
    await _send(server, event)


def _flush(server: TCPServer) -> None:
    unsent = _unsent.pop(server, None)
    if unsent and not server.writer.is_closing():
        server.writer.write(bytes(unsent))
