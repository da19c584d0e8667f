"""HTTP that reaches public addresses only.

A URL from outside must not reach what only its reader can: the metadata service, the runtime beside
the agent, other pods. The rule is applied to the address that the socket connects to, so a name
that resolves to one thing when checked and to another when used gains nothing.
"""

import logging
import socket
from collections.abc import Collection
from typing import Any, Self
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

from easel_egress.addresses import is_public
from easel_egress.resolution import resolve
from easel_egress.time_limit import TimeLimit

MAX_ADDRESSES = 4
"""Of a name, that are tried: each dead one costs a connection's time-out."""

# It warns of odd headers with the whole URL, whose query may hold a secret.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class RefusedAddressError(Exception):
    """The host is at an address that URLs from outside may not reach."""


class GuardedSession(requests.Session):
    """A session whose connections go to public addresses or allowed hosts, and end in time.

    It takes no proxy, credentials or netrc from the environment and keeps no connection. It follows
    no redirect: requests would read the redirect's body first, without any bound. Ask `redirect_of`
    and close the answer.
    """

    def __init__(self, allowed_hosts: Collection[str], seconds: float) -> None:
        """Makes a session.

        Args:
            allowed_hosts: names or addresses, as in a URL, that may be at any address.
            seconds: after which whatever is still going on is cut off.
        """
        super().__init__()
        self.trust_env = False
        self._limit = TimeLimit(seconds)
        adapter = _GuardedAdapter(frozenset(map(str.lower, allowed_hosts)), self._limit)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    @property
    def timed_out(self) -> bool:
        """Whether the time was over."""
        return self._limit.is_over

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - requests' name
        """Tells requests that no answer is a redirect."""
        return

    def redirect_of(self, answer: requests.Response) -> str | None:
        """Returns the URL that an answer redirects to, or None where it does not."""
        target = super().get_redirect_target(answer)
        return None if target is None else urljoin(answer.url, target)

    def __enter__(self) -> Self:
        self._limit.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._limit.stop()
        self.close()


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, allowed_hosts: frozenset[str], limit: TimeLimit) -> None:
        self._allowed_hosts = allowed_hosts
        self._limit = limit
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {
            "http": self._guarded(HTTPConnectionPool, HTTPConnection),
            "https": self._guarded(HTTPSConnectionPool, HTTPSConnection),
        }

    def _guarded(
        self, pool: type[HTTPConnectionPool], connection: type[HTTPConnection]
    ) -> type[HTTPConnectionPool]:
        allowed_hosts, limit = self._allowed_hosts, self._limit

        class GuardedConnection(connection):  # type: ignore[valid-type, misc]
            def _new_conn(self) -> socket.socket:
                return _connect(self, allowed_hosts, limit)

            def connect(self) -> None:
                super().connect()
                # Kept here, not by way of the connection, which forgets its socket when the answer
                # says that it will be closed.
                limit.watch(self.sock)

        return type("GuardedPool", (pool,), {"ConnectionCls": GuardedConnection})


def _connect(
    connection: HTTPConnection, allowed_hosts: frozenset[str], limit: TimeLimit
) -> socket.socket:
    host, port = connection.host, connection.port
    addresses = resolve(host, port, limit.remaining())
    if host.lower() not in allowed_hosts:
        addresses = [address for address in addresses if is_public(address)]
    if not addresses:
        raise RefusedAddressError(f"{host} is not at a public address")
    problem: OSError | None = None
    for address in addresses[:MAX_ADDRESSES]:
        seconds = limit.remaining(at_most=connection.timeout)
        try:
            return create_connection(
                (str(address), port),
                seconds,
                connection.source_address,
                connection.socket_options,
            )
        except OSError as error:
            problem = error
    raise NewConnectionError(connection, f"cannot be reached: {problem}") from problem
