"""The emulator's answers leave in one write: head and body together."""

import asyncio
from typing import Any

import pytest
from hypercorn.events import RawData, Updated

from easel_local.emulator import whole_answers

pytestmark = pytest.mark.unit


class Connection:
    """What hypercorn's connection has that is needed here."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.writer = self
        self.written: list[bytes] = []
        self.passed_on: list[Any] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing


@pytest.fixture(autouse=True)
def hypercorns_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(connection: Any, event: Any) -> None:
        if isinstance(event, RawData):
            connection.write(event.data)
        else:
            connection.passed_on.append(event)

    monkeypatch.setattr(whole_answers, "_send", send)


def test_head_and_body_are_one_write() -> None:
    async def answer() -> Connection:
        connection: Any = Connection()
        for part in (b"head", b"body", b""):
            await whole_answers._send_later(connection, RawData(data=part))
        await whole_answers._send_later(connection, Updated(idle=True))
        return connection

    connection = asyncio.run(answer())
    assert connection.written == [b"headbody"]
    assert connection.passed_on == [Updated(idle=True)]


def test_what_is_followed_by_nothing_is_written_too() -> None:
    async def begin() -> Connection:
        connection: Any = Connection()
        await whole_answers._send_later(connection, RawData(data=b"100 continue"))
        await asyncio.sleep(0)
        return connection

    assert asyncio.run(begin()).written == [b"100 continue"]


def test_a_large_answer_is_not_gathered_in_memory() -> None:
    part = b"x" * 100_000

    async def answer() -> Connection:
        connection: Any = Connection()
        for _ in range(10):
            await whole_answers._send_later(connection, RawData(data=part))
        await asyncio.sleep(0)
        return connection

    written = asyncio.run(answer()).written
    assert b"".join(written) == part * 10
    assert max(map(len, written)) < 400_000


def test_nothing_is_written_to_a_connection_that_is_closed() -> None:
    async def answer() -> Connection:
        connection: Any = Connection()
        await whole_answers._send_later(connection, RawData(data=b"late"))
        connection.closing = True
        await asyncio.sleep(0)
        return connection

    assert asyncio.run(answer()).written == []
    assert whole_answers._unsent == {}
