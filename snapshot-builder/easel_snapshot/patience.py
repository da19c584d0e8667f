"""Waiting for AWS: until something is so, or until the time is up."""

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

from easel_snapshot.errors import TimedOutError

T = TypeVar("T")

_PASSING = {
    "InternalError",
    "InternalFailure",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "Unavailable",
}


class Patience:
    """A deadline, and how often one looks."""

    def __init__(self, seconds: float, *, poll_seconds: float = 5.0) -> None:
        """Starts the clock.

        Args:
            seconds: until the time is up.
            poll_seconds: between two looks.
        """
        self._deadline = time.monotonic() + seconds
        self._poll_seconds = poll_seconds

    @property
    def left(self) -> float:
        """Seconds until the time is up; 0 afterwards."""
        return max(0.0, self._deadline - time.monotonic())

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Looks again and again; a network that is away for a while is waited for.

        Args:
            what: is waited for, in words, for the message.
            look: returns None for "not yet".

        Returns:
            what look returned.

        Raises:
            TimedOutError: the time is up.
        """
        trouble = ""
        while True:
            try:
                found = look()
            except (AwsConnectionError, HTTPClientError) as error:
                found, trouble = None, f"; AWS cannot be reached ({type(error).__name__})"
            except ClientError as error:
                if not is_passing(error):
                    raise
                found, trouble = None, f"; AWS says {error.response['Error']['Code']}"
            else:
                trouble = ""
            if found is not None:
                return found
            if not self.left:
                raise TimedOutError(f"the time is up, and still to come was: {what}{trouble}")
            time.sleep(min(self._poll_seconds, max(self.left, 0.01)))


def is_passing(error: Exception) -> bool:
    """Whether it is worth while to ask again: the network is away, or AWS has too much to do."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _PASSING
    return isinstance(error, (AwsConnectionError, HTTPClientError))
