"""Which addresses a URL from outside may lead to (lesson 20)."""

import ipaddress
import socket
import threading
import time
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses

from easel_egress.addresses import IpAddress, is_public
from easel_egress.resolution import resolve

pytestmark = pytest.mark.unit

NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.8.8.8 127.255.255.255 169.254.0.1 169.254.169.254 169.254.170.2 169.254.170.23 169.254.255.255
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.170 192.0.2.1 192.31.196.1
192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 239.255.255.255 240.0.0.1 250.1.2.3 255.255.255.255

:: ::1 ::8.8.8.8 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b::10.0.0.1
64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 100:0:0:1::1 1fff:ffff::1 2001::1
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1
2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808::
2620:4f:8000::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 8000::1 c000::1 fc00::1 fd00::1
fd00:ec2::23 fd00:ec2::254 fdff:ffff::1 fe00::1 fe80::1 febf::1 fec0::1 feff::1 ff00::1 ff02::1
ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
"""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 52.95.110.1 54.222.0.1 100.63.255.255 100.128.0.1
126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.1 172.15.255.255 172.32.0.1 192.0.1.1
192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 203.0.112.1 223.255.255.255
2001:200::1 2001:4860:4860::8888 2400:cb00::1 2606:4700::1111 2600:1f18::1 2a05:d018::1
2620:4f:7fff::1 2620:4f:8001::1 3ffe::1 ::ffff:8.8.8.8 64:ff9b::808:808
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_the_corpus_is_large() -> None:
    assert len(NOT_PUBLIC.split()) >= 60


@given(ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_not(address: IpAddress) -> None:
    # Python's own list differs between versions; it may know less, but not more than ours.
    carries_another = any(
        address in ipaddress.ip_network(carrying) for carrying in ("64:ff9b::/96", "::ffff:0:0/96")
    )
    if is_public(address) and not carries_another:
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_reserved


def test_a_name_is_resolved_to_each_address_once() -> None:
    assert resolve("127.0.0.1", 80, 5) == [ipaddress.ip_address("127.0.0.1")]
    found = [(0, 0, 0, "", (address, 0)) for address in ("8.8.8.8", "::1%lo", "8.8.8.8")]
    with patch.object(socket, "getaddrinfo", return_value=found):
        assert list(map(str, resolve("twice.test", 80, 5))) == ["8.8.8.8", "::1"]


def test_a_name_server_that_stays_silent_is_not_waited_for() -> None:
    silence = threading.Event()

    def stay_silent(*_: Any, **__: Any) -> Any:
        silence.wait(30)
        raise socket.gaierror

    started = time.monotonic()
    with patch.object(socket, "getaddrinfo", stay_silent), pytest.raises(TimeoutError):
        resolve("silent.test", 443, 0.2)
    assert time.monotonic() - started < 2
    silence.set()


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_what_the_resolver_says_is_passed_on(error: Exception) -> None:
    with patch.object(socket, "getaddrinfo", side_effect=error), pytest.raises(type(error)):
        resolve("unknown.test", 443, 5)
