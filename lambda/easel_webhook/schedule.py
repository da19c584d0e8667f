"""When a callback that was not taken is sent again."""

import random

WAITS = (5, 30, 120, 300, 900, 1800, 3600, 7200, 14400, 21600, 36000)
"""Seconds after the first, second, ... attempt that failed: about 24 hours together.

SQS hides a message for 12 hours at most, so no wait may be longer.
"""

JITTER = 0.1
"""The part of itself by which a wait is longer at most.

Receivers that were down for everyone are not asked by everyone in the same second.
"""

MAX_RETRY_AFTER = 3600
"""Seconds: the longest wait that a receiver can ask for by Retry-After.

Longer ones could add up to more than the queue keeps a message, which would then be gone unseen.
"""

_UNSPENT_RECEIVES = 4

MAX_RECEIVE_COUNT = len(WAITS) + 1 + _UNSPENT_RECEIVES
"""The queue's `maxReceiveCount` (modules/api-fanout; a test keeps the two alike).

The function itself ends the schedule. SQS's limit is a net for what the function cannot tell of,
and lies higher: Lambda may receive messages and be throttled before it runs.
"""


def seconds_to_wait(receive_count: int, retry_after: int = 0) -> int | None:
    """Returns the seconds until the next attempt, or None where there is to be none.

    Args:
        receive_count: how often the message was received, this time included.
        retry_after: seconds that the receiver asked for; 0 where it did not.
    """
    if receive_count > len(WAITS):
        return None
    wait = max(WAITS[max(receive_count, 1) - 1], min(retry_after, MAX_RETRY_AFTER))
    return round(wait * random.uniform(1, 1 + JITTER))  # noqa: S311 - nobody gains by guessing it
