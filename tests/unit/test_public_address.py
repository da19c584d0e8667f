"""This machine's address as AWS sees it: asked for briefly, and taken for nothing else."""

from ipaddress import ip_address

import pytest

from easel_deploy.environments import public_address as module
from easel_deploy.environments.public_address import (
    AddressUnknownError,
    has_address_in,
    is_within,
    public_address,
)
from easel_simulators.server import Request, Response
from tests.rigs.http_server import http_server

pytestmark = pytest.mark.unit


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> "dict[str, object]":
    """What stands in for AWS's page; its status and its body may be changed."""
    said: dict[str, object] = {"status": 200, "body": b"203.0.113.7\n"}

    monkeypatch.delenv("EASEL_PUBLIC_ADDRESS", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def page(_: Request) -> Response:
        return Response(int(str(said["status"])), said["body"], None)  # type: ignore[arg-type]

    with http_server(page) as url:
        monkeypatch.setattr(module, "ADDRESS_URL", url)
        yield said  # type: ignore[misc]


@pytest.mark.usefixtures("answer")
def test_the_address_is_asked_for() -> None:
    assert public_address() == ip_address("203.0.113.7")


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>sign in"), (200, b"9" * 10_000), (503, b"203.0.113.7"), (302, b"")],
)
def test_another_answer_is_no_address(answer: dict[str, object], status: int, body: bytes) -> None:
    answer.update(status=status, body=body)
    with pytest.raises(AddressUnknownError) as error:
        public_address()
    assert len(str(error.value)) < 200


@pytest.mark.usefixtures("answer")
def test_a_person_knows_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_PUBLIC_ADDRESS", "2001:db8::1")
    assert public_address() == ip_address("2001:db8::1")


def test_blocks_of_the_other_family_hold_no_address() -> None:
    assert not is_within(ip_address("2001:db8::1"), ["0.0.0.0/0"])
    assert is_within(ip_address("203.0.113.7"), ["10.0.0.0/8", "203.0.113.0/24"])


def test_this_machine_is_in_its_own_network_and_in_no_other() -> None:
    assert has_address_in(["240.0.0.0/8", "127.0.0.0/8"])
    assert not has_address_in(["240.0.0.0/8"])
    assert not has_address_in([])
