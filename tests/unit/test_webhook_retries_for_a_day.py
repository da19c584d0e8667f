"""When a callback is sent again, and when no more."""

import pytest

from easel_webhook.schedule import (
    JITTER,
    MAX_RECEIVE_COUNT,
    MAX_RETRY_AFTER,
    WAITS,
    seconds_to_wait,
)

pytestmark = pytest.mark.unit

HOUR = 3600
SQS_MAX_VISIBILITY = 12 * HOUR
QUEUE_KEEPS = 48 * HOUR


def test_the_waits_grow_and_last_about_a_day() -> None:
    assert list(WAITS) == sorted(set(WAITS))
    assert 23 * HOUR < sum(WAITS) < 25 * HOUR


def test_the_first_repeats_come_soon() -> None:
    assert WAITS[0] <= 5
    assert sum(WAITS[:4]) < HOUR


def test_no_wait_is_longer_than_sqs_can_hide_a_message() -> None:
    assert max(WAITS) * (1 + JITTER) < SQS_MAX_VISIBILITY


@pytest.mark.parametrize("retry_after", [0, 10**6])
def test_the_queue_keeps_a_message_longer_than_all_waits_together(retry_after: int) -> None:
    waits = [seconds_to_wait(count, retry_after) or 0 for count in range(1, len(WAITS) + 1)]
    assert sum(waits) < QUEUE_KEEPS


@pytest.mark.parametrize("count", range(1, len(WAITS) + 1))
def test_each_attempt_is_followed_by_its_wait(count: int) -> None:
    drawn = {seconds_to_wait(count) for _ in range(200)}
    wait = WAITS[count - 1]
    assert all(one is not None and wait <= one <= round(wait * (1 + JITTER)) for one in drawn)
    assert wait < 60 or len(drawn) > 5


def test_after_the_last_attempt_there_is_none() -> None:
    assert seconds_to_wait(len(WAITS)) is not None
    assert seconds_to_wait(len(WAITS) + 1) is None
    assert seconds_to_wait(len(WAITS) + 100) is None


def test_sqs_ends_it_only_after_the_function() -> None:
    assert len(WAITS) + 1 < MAX_RECEIVE_COUNT


@pytest.mark.parametrize(
    ("asked", "least"), [(0, 5), (3, 5), (60, 60), (MAX_RETRY_AFTER * 9, MAX_RETRY_AFTER)]
)
def test_a_receiver_can_ask_for_a_longer_wait_within_bounds(asked: int, least: int) -> None:
    wait = seconds_to_wait(1, asked)
    assert wait is not None
    assert least <= wait <= round(least * (1 + JITTER))
