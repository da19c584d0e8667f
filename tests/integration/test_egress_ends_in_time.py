"""A guarded session ends in its time, whichever step is slow, and goes to few addresses."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from unittest.mock import patch

import pytest
import requests

from easel_egress import guarded_session
from easel_egress.guarded_session import MAX_ADDRESSES, GuardedSession, RefusedAddressError

pytestmark = pytest.mark.integration

SECONDS = 0.6
SLACK = 0.8


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=16)) as server:
        yield server.getsockname()[1]


def post(url: str, allowed: tuple[str, ...] = ("127.0.0.1",)) -> float:
    started = time.monotonic()
    with GuardedSession(allowed, SECONDS) as session, pytest.raises(requests.RequestException):
        session.post(url, data=b"{}", timeout=(5, 5), stream=True)
    return time.monotonic() - started


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing_is_left(silent: int, scheme: str) -> None:
    assert SECONDS - 0.1 < post(f"{scheme}://127.0.0.1:{silent}/") < SECONDS + SLACK


def test_a_handshake_that_drips_is_left() -> None:
    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            # The head of a TLS record of 16 KiB, then its bytes, one by one.
            connection.sendall(b"\x16\x03\x03\x40\x00")
            try:
                while True:
                    connection.sendall(b"\x02")
                    time.sleep(0.02)
            except OSError:
                return

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        taken = post(f"https://127.0.0.1:{server.getsockname()[1]}/")
    assert taken < SECONDS + SLACK


def test_at_most_four_addresses_of_a_name_are_tried() -> None:
    found = [(2, 1, 6, "", (f"8.8.8.{n}", 0)) for n in range(9)]
    tried = []

    def refuse(address: Any, *_: Any) -> Any:
        tried.append(address[0])
        raise ConnectionRefusedError

    with (
        patch.object(socket, "getaddrinfo", return_value=found),
        patch.object(guarded_session, "create_connection", refuse),
    ):
        post("https://many.test/")
    assert tried == [f"8.8.8.{n}" for n in range(MAX_ADDRESSES)]


def test_addresses_that_are_dead_cost_no_more_than_the_time() -> None:
    found = [(2, 1, 6, "", (f"8.8.8.{n}", 0)) for n in range(9)]

    def hang(_: Any, seconds: float, *__: Any) -> Any:
        time.sleep(seconds)
        raise TimeoutError

    with (
        patch.object(socket, "getaddrinfo", return_value=found),
        patch.object(guarded_session, "create_connection", hang),
    ):
        assert post("https://dead.test/") < SECONDS + SLACK


def test_only_the_public_ones_of_a_names_addresses_are_tried() -> None:
    found = [(2, 1, 6, "", (address, 0)) for address in ("10.0.0.1", "8.8.8.8", "127.0.0.1")]
    tried = []

    def refuse(address: Any, *_: Any) -> Any:
        tried.append(address[0])
        raise ConnectionRefusedError

    with (
        patch.object(socket, "getaddrinfo", return_value=found),
        patch.object(guarded_session, "create_connection", refuse),
    ):
        post("https://mixed.test/")
    assert tried == ["8.8.8.8"]


@pytest.mark.parametrize("allowed", [(), ("localhost",)])
def test_another_name_of_an_allowed_host_is_not_allowed(
    silent: int, allowed: tuple[str, ...]
) -> None:
    with GuardedSession(allowed, SECONDS) as session, pytest.raises(RefusedAddressError):
        session.get(f"http://127.0.0.1:{silent}/", timeout=1)


def test_proxies_of_the_environment_are_not_used(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{silent}")
    with GuardedSession((), SECONDS) as session, pytest.raises(RefusedAddressError):
        session.get("http://10.0.0.1/", timeout=1)
