"""``/ws``: one client's connection over which it is told what happens (RFC 6455, by wsproto)."""

import queue
import socket
import threading
import uuid
from contextlib import suppress
from typing import Final

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from easel_simulators.comfyui.events import Events
from easel_simulators.comfyui.queue import JobQueue
from easel_simulators.server import Request

_MAX_WAITING_MESSAGES: Final = 10_000
_RECEIVED_BYTES: Final = 65_536


class Websocket:
    """One connection: the request's thread reads, a second one writes."""

    def __init__(self, request: Request, connection: socket.socket) -> None:
        """Answer the upgrade request.

        Raises:
            RemoteProtocolError: It is none.
            OSError: The client has gone.
        """
        self._connection = connection
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._lock = threading.Lock()
        self._waiting: queue.Queue[str | None] = queue.Queue(_MAX_WAITING_MESSAGES)
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        self._protocol.initiate_upgrade_connection(headers, request.path)
        for _ in self._protocol.events():
            self._transmit(AcceptConnection())

    def send(self, text: str) -> None:
        """Take a message to send; a client that does not read is cut off."""
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self.close()

    def close(self) -> None:
        """End the connection; both threads then end."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """Read until the client or we close."""
        self._connection.settimeout(None)
        writer = threading.Thread(target=self._write, name="websocket-writer", daemon=True)
        writer.start()
        with suppress(OSError, RemoteProtocolError, LocalProtocolError):
            while data := self._connection.recv(_RECEIVED_BYTES):
                if not self._receive(data):
                    break
        self.close()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        writer.join()

    def _receive(self, data: bytes) -> bool:
        """Answer pings and closing; what clients say is of no interest."""
        with self._lock:
            self._protocol.receive_data(data)
            events = list(self._protocol.events())
        for event in events:
            if isinstance(event, Ping):
                self._transmit(event.response())
            elif isinstance(event, CloseConnection):
                self._transmit(event.response())
                return False
        return True

    def _write(self) -> None:
        with suppress(OSError, LocalProtocolError):
            while (text := self._waiting.get()) is not None:
                self._transmit(TextMessage(data=text))

    def _transmit(self, event: Event) -> None:
        with self._lock:
            self._connection.sendall(self._protocol.send(event))


def serve(request: Request, connection: socket.socket, events: Events, jobs: JobQueue) -> None:
    """Upgrade a connection and tell its client what happens until it leaves."""
    client_id = request.query.get("clientId") or uuid.uuid4().hex
    try:
        websocket = Websocket(request, connection)
    except (OSError, RemoteProtocolError, LocalProtocolError):
        return
    events.join(client_id, websocket, jobs.remaining)
    try:
        websocket.serve()
    finally:
        events.leave(client_id, websocket)
