"""Tries again what the network broke: with growing, jittered pauses, and as registries ask."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from easel_mirror.errors import PassingError

_Result = TypeVar("_Result")

LONGEST_RETRY_AFTER_SECONDS = 300.0
"""A registry that asks for more is given up after it: the run can be started again later."""


@dataclass(frozen=True)
class Patience:
    """How often and how long.

    Attributes:
        attempts: in a row without any byte gained.
        first_pause_seconds: before the second attempt; it doubles.
        longest_pause_seconds: where it stops doubling.
        sleep: waits so many seconds; may raise to stop.
    """

    attempts: int = 6
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def pause_seconds(self, attempt: int, asked_for: float | None) -> float:
        """Returns how long to wait after an attempt, the first being 1."""
        if asked_for is not None:
            return min(asked_for, LONGEST_RETRY_AFTER_SECONDS)
        longest = min(self.longest_pause_seconds, self.first_pause_seconds * 2 ** (attempt - 1))
        # Jitter: what one outage stopped shall not come back all at once.
        return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


def patiently(
    patience: Patience,
    act: Callable[[], _Result],
    say: Callable[[str], None] = lambda _: None,
    gained: Callable[[], int] = lambda: 0,
) -> _Result:
    """Runs something until it works.

    Args:
        patience: how often.
        act: what is tried; PassingError means that another attempt may work.
        say: is told of each attempt that failed.
        gained: how many bytes are there; attempts that gain some are not counted.

    Raises:
        PassingError: of the last attempt.
    """
    attempt, before = 1, gained()
    while True:
        try:
            return act()
        except PassingError as error:
            now = gained()
            attempt = 1 if now > before else attempt
            before = now
            if attempt >= patience.attempts:
                raise
            pause = patience.pause_seconds(attempt, error.retry_after_seconds)
            say(f"{error}; attempt {attempt} of {patience.attempts}, again in {pause:.0f} s")
            patience.sleep(pause)
            attempt += 1


def retry_after_seconds(header: str | None) -> float | None:
    """Reads Retry-After (RFC 9110, section 10.2.3): seconds, or a date; None: neither."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
