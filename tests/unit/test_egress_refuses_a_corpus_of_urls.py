"""No URL of a large corpus is connected to, whatever way its address is written or found."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import easel_egress
from easel_agent.fetch import FetchBudget, FetchError, FetchLimits, fetch_http
from easel_egress import guarded_session

pytestmark = pytest.mark.unit

CORPUS = Path(__file__).parents[1] / "data/egress/urls-that-reach-nothing-public.txt"
URLS = [line for line in CORPUS.read_text().splitlines() if line and not line.startswith("#")]

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "instance-data.ec2.internal": ["169.254.169.254", "fd00:ec2::254"],
    "kubernetes.default.svc": ["172.20.0.1"],
    "ip6-localhost": ["::1"],
    "loopback.attacker.example": ["127.0.0.1"],
    "mapped.attacker.example": ["::ffff:127.0.0.1", "64:ff9b::10.0.0.1"],
    "private-twice.attacker.example": ["10.0.0.1", "fc00::1"],
    "public.example": ["8.8.8.8"],
    "both.attacker.example": ["127.0.0.1", "8.8.8.8", "::1", "fd00:ec2::254"],
}
LIMITS = FetchLimits(seconds=5)


def found(*addresses: str) -> list[Any]:
    return [(0, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]


@pytest.fixture
def tried() -> Iterator[list[str]]:
    """The addresses that were connected to; every way to write one is the system's own reading."""
    connected: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: Any, **options: Any) -> Any:
        if (known := NAMES.get(host.lower())) is not None:
            return found(*known)
        return real(host, port, flags=socket.AI_NUMERICHOST, **options)

    def refuse(address: tuple[str, int], *_: Any) -> Any:
        connected.append(address[0])
        raise ConnectionRefusedError

    with (
        patch.object(socket, "getaddrinfo", resolve),
        patch.object(guarded_session, "create_connection", refuse),
    ):
        yield connected


def fetch(url: str) -> None:
    with pytest.raises(FetchError):
        fetch_http(url, LIMITS, FetchBudget(LIMITS))


def test_the_corpus_is_large_and_has_nothing_twice() -> None:
    assert len(URLS) >= 150
    assert len(set(URLS)) == len(URLS)


@pytest.mark.parametrize("url", URLS)
def test_nothing_is_connected_to(tried: list[str], url: str) -> None:
    fetch(url)
    assert tried == []


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://8.8.8.8/", ["8.8.8.8"]),
        ("http://134744072/", ["8.8.8.8"]),
        ("http://[2606:4700::1111]/", ["2606:4700::1111"]),
        ("http://[64:ff9b::808:808]/", ["64:ff9b::808:808"]),
        ("http://public.example/", ["8.8.8.8"]),
        ("http://both.attacker.example/", ["8.8.8.8"]),
    ],
)
def test_what_is_public_is_connected_to_and_only_that(
    tried: list[str], url: str, addresses: list[str]
) -> None:
    fetch(url)
    assert tried == addresses


def test_a_name_that_changes_between_two_questions_is_asked_once(tried: list[str]) -> None:
    answers = iter([found("8.8.8.8"), found("127.0.0.1")])
    with patch.object(socket, "getaddrinfo", lambda *_, **__: next(answers)):
        fetch("http://rebinding.attacker.example/")
        assert tried == ["8.8.8.8"]
        fetch("http://rebinding.attacker.example/")
    assert tried == ["8.8.8.8"]


def test_no_list_of_pythons_own_decides() -> None:
    # `is_global` and its like know more in 3.13 than in 3.11.
    sources = Path(easel_egress.__file__).parent.glob("*.py")
    assert not [
        file.name
        for file in sources
        if re.search(r"\.is_(?:global|private|reserved|loopback|link_local)", file.read_text())
    ]
