"""The time that a session has, and the end of its connections when that is over."""

import socket
import threading
import time


class TimeLimit:
    """Cuts off connections when a number of seconds has passed since the start.

    A time-out of a socket starts anew with each byte; a server that sends one now and then never
    runs into it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        self._is_over = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    @property
    def is_over(self) -> bool:
        """Whether the time is over and connections were cut off."""
        return self._is_over

    def start(self) -> None:
        """Lets the time run from now."""
        self._ends_at = time.monotonic() + self._seconds
        self._timer.start()

    def stop(self) -> None:
        """Lets connections be."""
        self._timer.cancel()

    def remaining(self, at_most: float | None = None) -> float:
        """Returns the seconds that are left, at least a millisecond (0 is no time-out at all).

        Args:
            at_most: a shorter limit in seconds, where there is one.

        Raises:
            TimeoutError: nothing is left.
        """
        left = self._ends_at - time.monotonic()
        if self._is_over or left <= 0:
            raise TimeoutError("the time is over")
        return max(0.001, left if at_most is None else min(left, at_most))

    def watch(self, connected: socket.socket) -> None:
        """Cuts a connection off, too, when the time is over.

        Raises:
            TimeoutError: it is over now.
        """
        self._sockets.append(connected)
        self.remaining()

    def _end(self) -> None:
        self._is_over = True
        for connected in list(self._sockets):
            try:
                # Not a TLS socket's own shutdown, which drops what its reader is using.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)
            except OSError:  # it has just ended by itself
                continue
