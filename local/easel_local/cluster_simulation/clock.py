"""Time that passes only when it is told to."""

import datetime
import heapq
import itertools
from collections.abc import Callable

_START = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)

Action = Callable[[], None]


class VirtualClock:
    """A clock with actions that are due at moments; the same run gives the same order.

    Attributes:
        seconds: since the start.
    """

    def __init__(self) -> None:
        """Starts at 0 s."""
        self.seconds = 0.0
        self._due: list[tuple[float, int, Action]] = []
        self._order = itertools.count()

    def __call__(self) -> datetime.datetime:
        """Returns the date and time, for an object store."""
        return _START + datetime.timedelta(seconds=self.seconds)

    def since_start(self, moment: datetime.datetime) -> float:
        """Returns the seconds from the start to a moment."""
        return (moment - _START).total_seconds()

    def after(self, seconds: float, action: Action) -> None:
        """Has something done so many seconds from now; what is due together, in calls' order."""
        heapq.heappush(self._due, (self.seconds + max(seconds, 0), next(self._order), action))

    def step(self, until: float) -> bool:
        """Goes to the next moment at which something is due, and does all of it.

        Args:
            until: seconds since the start; the clock stands there if nothing is due before.

        Returns:
            Whether something was due.
        """
        if not self._due or self._due[0][0] > until:
            self.seconds = max(self.seconds, until)
            return False
        self.seconds = self._due[0][0]
        while self._due and self._due[0][0] <= self.seconds:
            heapq.heappop(self._due)[2]()
        return True
