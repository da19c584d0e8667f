"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable

_POLL_SECONDS = 0.05


def holds_within(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition came to hold within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Waits for a condition.

    Raises:
        TimeoutError: it did not come to hold in time.
    """
    if not holds_within(condition, seconds):
        raise TimeoutError(f"not within {seconds:g} s: {what}")
