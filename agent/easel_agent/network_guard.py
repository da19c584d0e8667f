"""HTTP that reaches public addresses only.

A task's URL must not make the agent read what only the agent can reach: the metadata service,
the runtime beside it, other pods. The rule is applied to the address that the socket connects
to, so a name that resolves to one thing when checked and to another when used gains nothing, and
a redirect is a new connection and checked like the first.
"""

import ipaddress
import socket
import threading
from collections.abc import Collection
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an IPv4 address that a gateway connects to."""


class RefusedAddressError(Exception):
    """The host is at an address that tasks may not reach."""


def is_public(address: IpAddress) -> bool:
    """Whether an address is on the public Internet.

    Not public: private, loopback, link-local (the metadata service among them), carrier-grade NAT,
    multicast, reserved and unspecified ones (IANA's special-purpose registries), and IPv6 forms
    that carry such an IPv4 address.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


class GuardedSession(requests.Session):
    """A session whose connections go to public addresses or allowed hosts, and end in time.

    It takes no proxy, credentials or netrc from the environment and keeps no connection.
    """

    def __init__(self, allowed_hosts: Collection[str], seconds: float) -> None:
        """Makes a session.

        Args:
            allowed_hosts: names or addresses, as in a URL, that may be at any address.
            seconds: after which whatever is still going on is cut off.
        """
        super().__init__()
        self.trust_env = False
        self._connections: list[HTTPConnection] = []
        self._cut_off = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        adapter = _GuardedAdapter(frozenset(map(str.lower, allowed_hosts)), self._connections)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    @property
    def timed_out(self) -> bool:
        """Whether the time was over."""
        return self._cut_off

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self.close()

    def _end(self) -> None:
        # A server that sends a byte now and then never runs into a time-out per read.
        self._cut_off = True
        for connection in list(self._connections):
            if connection.sock is not None:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:  # it has just ended by itself
                    continue


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, allowed_hosts: frozenset[str], connections: list[HTTPConnection]) -> None:
        self._allowed_hosts = allowed_hosts
        self._connections = connections
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
        allowed_hosts, connections = self._allowed_hosts, self._connections

        class GuardedConnection(connection):  # type: ignore[valid-type, misc]
            def _new_conn(self) -> socket.socket:
                connections.append(self)
                return _connect(self, allowed_hosts)

        return type("GuardedPool", (pool,), {"ConnectionCls": GuardedConnection})


def _connect(connection: HTTPConnection, allowed_hosts: frozenset[str]) -> socket.socket:
    host = connection.host
    addresses = _resolve(host, connection.port)
    if host.lower() not in allowed_hosts:
        addresses = [address for address in addresses if is_public(address)]
    if not addresses:
        raise RefusedAddressError(f"{host} is not at a public address")
    problem: OSError | None = None
    for address in addresses:
        try:
            return create_connection(
                (str(address), connection.port), connection.timeout, connection.source_address
            )
        except OSError as error:
            problem = error
    raise NewConnectionError(connection, f"cannot be reached: {problem}") from problem


def _resolve(host: str, port: int | None) -> list[IpAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A scope ("fe80::1%eth0") names an interface of ours; such an address is never public.
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
