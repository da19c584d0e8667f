"""A running task stays invisible; a hanging one not for ever."""

import time
from datetime import UTC, datetime

import pytest

from easel_agent.errors import AwsUnavailableError
from easel_agent.heartbeat import Heartbeat
from easel_agent.queue import QueueMessage

pytestmark = pytest.mark.unit

MESSAGE = QueueMessage("m", "", "r", 1, datetime(2026, 11, 28, tzinfo=UTC))
INTERVAL_SECONDS = 0.02


class RecordingQueue:
    def __init__(self, failures: int = 0) -> None:
        self.extended = 0
        self.lost = False
        self._failures = failures

    def extend(self, message: QueueMessage) -> bool:
        assert message is MESSAGE
        self.extended += 1
        if self.extended <= self._failures:
            raise AwsUnavailableError("no answer")
        return not self.lost


def beat(queue: RecordingQueue, ceiling_seconds: float, seconds: float) -> int:
    """Holds the message for a while; returns how many beats came after that."""
    heartbeat = Heartbeat(queue, INTERVAL_SECONDS)  # type: ignore[arg-type]
    heartbeat.start()
    heartbeat.hold(MESSAGE, time.monotonic() + ceiling_seconds)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and queue.extended < 5:
        time.sleep(INTERVAL_SECONDS)
    heartbeat.release(MESSAGE)
    held = queue.extended
    time.sleep(3 * INTERVAL_SECONDS)
    heartbeat.stop()
    return queue.extended - held


def test_it_beats_while_the_message_is_held_and_not_after() -> None:
    queue = RecordingQueue()
    after = beat(queue, ceiling_seconds=60, seconds=10)
    assert queue.extended >= 5
    assert after == 0


def test_it_goes_on_after_an_error() -> None:
    queue = RecordingQueue(failures=2)
    beat(queue, ceiling_seconds=60, seconds=10)
    assert queue.extended >= 5


def test_it_stops_at_the_ceiling() -> None:
    queue = RecordingQueue()
    beat(queue, ceiling_seconds=0, seconds=10 * INTERVAL_SECONDS)
    assert queue.extended == 0


def test_it_lets_go_of_a_message_that_is_not_ours_any_more() -> None:
    queue = RecordingQueue()
    queue.lost = True
    beat(queue, ceiling_seconds=60, seconds=10 * INTERVAL_SECONDS)
    assert queue.extended == 1
