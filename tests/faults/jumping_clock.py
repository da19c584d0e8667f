"""`python -m tests.faults.jumping_clock`: the queue agent with a wall clock that jumps.

It replaces `time.time` and `datetime.now` before anything else is imported, which is what a step of
the system's clock does to a Python process; `time.monotonic` goes on, as it does then. Stepping the
real clock takes privileges and would strike the emulator and the test as well, and libfaketime is
not on every machine.

`CLOCK_JUMPS` is a list such as `3:3600,6:-7200`: after 3 s an hour forward, after 6 s two hours
back from there.
"""

import datetime as datetime_module
import os
import sys
import time
from typing import Any

VARIABLE = "CLOCK_JUMPS"

_real_time = time.time
_started = time.monotonic()


class _Jumps:
    def __init__(self, text: str) -> None:
        pairs = (part.split(":") for part in text.split(",") if part)
        self._jumps = [(float(after), float(by)) for after, by in pairs]

    def offset_seconds(self) -> float:
        age = time.monotonic() - _started
        return sum(by for after, by in self._jumps if age >= after)


_jumps = _Jumps(os.environ.get(VARIABLE, ""))


def _jumping_time() -> float:
    return _real_time() + _jumps.offset_seconds()


class _JumpingDatetime(datetime_module.datetime):
    @classmethod
    def now(cls, tz: datetime_module.tzinfo | None = None) -> Any:
        return cls.fromtimestamp(_jumping_time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.fromtimestamp(_jumping_time(), datetime_module.UTC).replace(tzinfo=None)


_true_class = datetime_module.datetime


def _true_datetime() -> datetime_module.datetime:
    return _true_class.fromtimestamp(_real_time(), datetime_module.UTC).replace(tzinfo=None)


def main() -> int:
    """Runs the agent."""
    time.time = _jumping_time
    datetime_module.datetime = _JumpingDatetime  # type: ignore[misc]
    import botocore.auth  # noqa: PLC0415 - after the clock

    # AWS refuses what is signed by a wrong clock, and the test is of what the agent makes of one.
    botocore.auth.get_current_datetime = _true_datetime  # type: ignore[attr-defined]
    from easel_agent.__main__ import main as run_agent  # noqa: PLC0415 - after the clock

    return run_agent()


if __name__ == "__main__":
    sys.exit(main())
