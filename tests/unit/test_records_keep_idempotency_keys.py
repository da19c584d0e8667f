"""A key stands for one request and one task, whoever asks, dies or comes too late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from easel_records.idempotency import (
    KEPT_HOURS,
    IdempotencyKeys,
    KeyInUseError,
    KeyReusedError,
    Reservation,
    fingerprint_of,
)

from .records_table import mocked_table

pytestmark = pytest.mark.unit

LOCK_SECONDS = 30
FIRST, SECOND = fingerprint_of({"a": 1}), fingerprint_of({"a": 2})


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 28, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> Iterator[IdempotencyKeys]:
    with mocked_table() as table:
        yield IdempotencyKeys(table.dynamodb, table.name, lock_seconds=LOCK_SECONDS, now=clock)


def test_while_a_request_is_accepted_its_key_is_in_use(keys: IdempotencyKeys, clock: Clock) -> None:
    assert keys.reserve("a", "key", FIRST, "uid-1") == Reservation("uid-1", None)
    clock.pass_(seconds=LOCK_SECONDS - 1)
    with pytest.raises(KeyInUseError):
        keys.reserve("a", "key", FIRST, "uid-2")
    with pytest.raises(KeyReusedError):
        keys.reserve("a", "key", SECOND, "uid-2")
    assert keys.reserve("b", "key", SECOND, "uid-2") == Reservation("uid-2", None)


def test_of_those_who_go_on_with_a_broken_off_request_one_does(
    keys: IdempotencyKeys, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.reserve("a", "key", FIRST, "uid-1")
    clock.pass_(seconds=LOCK_SECONDS + 1)
    real, won = keys._put, []

    def put(*arguments: object, take_over: bool = False) -> object:
        if take_over:  # another request takes over between this one's look and its write
            monkeypatch.setattr(keys, "_put", real)
            won.append(keys.reserve("a", "key", FIRST, "uid-3"))
        return real(*arguments, take_over=take_over)  # type: ignore[arg-type]

    monkeypatch.setattr(keys, "_put", put)
    with pytest.raises(KeyInUseError):
        keys.reserve("a", "key", FIRST, "uid-2")
    assert won == [Reservation("uid-1", None)]


def test_a_reservation_whose_answer_was_lost_is_the_same_calls_own(keys: IdempotencyKeys) -> None:
    keys.reserve("a", "key", FIRST, "uid-1")
    # As the SDK repeats the call; no other call has its uid.
    assert keys.reserve("a", "key", FIRST, "uid-1") == Reservation("uid-1", None)
    with pytest.raises(KeyReusedError):
        keys.reserve("a", "key", SECOND, "uid-1")


def test_a_broken_off_request_is_not_gone_on_with_by_another_one(
    keys: IdempotencyKeys, clock: Clock
) -> None:
    keys.reserve("a", "key", FIRST, "uid-1")
    clock.pass_(seconds=LOCK_SECONDS + 1)
    with pytest.raises(KeyReusedError):
        keys.reserve("a", "key", SECOND, "uid-2")


def test_a_released_key_goes_on_at_once_with_the_first_task(keys: IdempotencyKeys) -> None:
    keys.reserve("a", "key", FIRST, "uid-1")
    keys.release("a", "key")
    assert keys.reserve("a", "key", FIRST, "uid-2") == Reservation("uid-1", None)


def test_an_answer_is_kept_for_a_day_and_no_release_takes_it_back(
    keys: IdempotencyKeys, clock: Clock
) -> None:
    keys.reserve("a", "key", FIRST, "uid-1")
    keys.complete("a", "key", "answer")
    with pytest.raises(keys._dynamodb.exceptions.ConditionalCheckFailedException):
        keys.release("a", "key")
    clock.pass_(hours=KEPT_HOURS, seconds=-1)
    assert keys.reserve("a", "key", FIRST, "uid-2") == Reservation("uid-1", "answer")
    # DynamoDB removes an expired item days later: it must not count until then.
    clock.pass_(seconds=2)
    assert keys.reserve("a", "key", SECOND, "uid-3") == Reservation("uid-3", None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [2, 1]),
        ({"a": {"b": 1}}, {"a": 1, "b": 1}),
        ({"a": "1"}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": True}, {"a": 1}),
    ],
)
def test_requests_that_differ_have_other_fingerprints(one: object, other: object) -> None:
    assert fingerprint_of(one) != fingerprint_of(other)


def test_the_order_of_members_is_no_difference_at_any_depth() -> None:
    one = {"a": 1, "b": [{"c": 1, "d": 2}]}
    assert fingerprint_of(one) == fingerprint_of({"b": [{"d": 2, "c": 1}], "a": 1})
