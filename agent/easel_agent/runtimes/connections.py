"""Connections that can be cut from another thread, while one waits for an answer on them."""

import contextlib
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection


class ConnectionTracker(HTTPAdapter):
    """A transport adapter for plain HTTP that knows its sockets.

    A server that hangs holds the thread that waits for its answer; requests has no way to end
    that from outside, and closing the session does not.

    Attributes:
        opened: how many connections it has made.
    """

    def __init__(self) -> None:
        self.opened = 0
        self._connections: set[HTTPConnection] = set()
        super().__init__(max_retries=0)

    def cut(self) -> None:
        """Ends all connections: whoever waits on one gets a connection error."""
        for connection in list(self._connections):
            sock = connection.sock
            if sock is not None:
                # It may just have ended by itself.
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Makes the pool manager, as requests asks it to."""
        super().init_poolmanager(*args, **kwargs)
        connections, tracker = self._connections, self

        class TrackedConnection(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                tracker.opened += 1
                connections.add(self)

            def close(self) -> None:
                connections.discard(self)
                super().close()

        class TrackedPool(HTTPConnectionPool):
            ConnectionCls = TrackedConnection

        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": TrackedPool}
