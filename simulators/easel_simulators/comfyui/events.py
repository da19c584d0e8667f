"""Who is told what happens: the clients with a websocket, by their id."""

import json
import threading
from typing import Any, Protocol


class Listener(Protocol):
    """One websocket."""

    def send(self, text: str) -> None:
        """Take a message to send; never blocks and never raises."""

    def close(self) -> None:
        """End the connection."""


class Events:
    """Messages to clients. A second socket of the same client silently takes over from the first.

    A job's messages go to its client only, the queue's length to everyone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, Listener] = {}
        self.last_node: str | None = None
        """The running node of the running job's client, which a new socket of it is told."""
        self.client_id: str | None = None
        """The running job's client."""

    def join(self, client_id: str, listener: Listener, queue_remaining: int) -> None:
        """Add a socket and greet it."""
        greeting = {"status": _status(queue_remaining), "sid": client_id}
        with self._lock:
            self._listeners[client_id] = listener
        listener.send(_message("status", greeting))
        if client_id == self.client_id and self.last_node is not None:
            listener.send(_message("executing", {"node": self.last_node}))

    def leave(self, client_id: str, listener: Listener) -> None:
        """Remove a socket, unless another has taken over."""
        with self._lock:
            if self._listeners.get(client_id) is listener:
                del self._listeners[client_id]

    def queue_changed(self, queue_remaining: int) -> None:
        """Tell everyone how many jobs wait or run."""
        text = _message("status", {"status": _status(queue_remaining)})
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener.send(text)

    def tell(self, client_id: str | None, kind: str, data: dict[str, Any]) -> None:
        """Tell one client, if it listens."""
        if client_id is None:
            return
        with self._lock:
            listener = self._listeners.get(client_id)
        if listener is not None:
            listener.send(_message(kind, data))

    def close(self) -> None:
        """End every connection."""
        with self._lock:
            listeners = list(self._listeners.values())
            self._listeners.clear()
        for listener in listeners:
            listener.close()


def _status(queue_remaining: int) -> dict[str, Any]:
    return {"exec_info": {"queue_remaining": queue_remaining}}


def _message(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data})
