"""When the phases of one delivery of a task ended; each begins where the one before it ended."""

import time
from datetime import datetime


class Timeline:
    """Moments of `time.monotonic()`; None as long as they have not come.

    Attributes:
        received: the message came.
        ready: content and inputs are loaded.
        begun: the runtime got the task, which is claimed.
        generated: the runtime has ended its work.
        stored: pictures and answer are in S3.
        announced: the record is finished, and the callback published.
    """

    def __init__(self) -> None:
        self.received = time.monotonic()
        self._epoch = time.time() - self.received
        self.ready: float | None = None
        self.begun: float | None = None
        self.generated: float | None = None
        self.stored: float | None = None
        self.announced: float | None = None

    @property
    def announce_seconds(self) -> float | None:
        """From stored to announced."""
        if self.announced is None or self.stored is None:
            return None
        return round(self.announced - self.stored, 3)

    def at(self, moment: float) -> int:
        """A moment of `time.monotonic()` in nanoseconds since 1970."""
        return nanoseconds(self._epoch + moment)

    def seconds_since(self, start: datetime) -> float | None:
        """From a time of day until the announcement; None before that."""
        if self.announced is None:
            return None
        return max(0.0, round(self._epoch + self.announced - start.timestamp(), 3))


def nanoseconds(seconds: float) -> int:
    """Returns seconds as nanoseconds, to the microsecond: a float since 1970 holds no more."""
    return round(seconds * 1_000_000) * 1000
