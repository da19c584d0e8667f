"""Ctrl-C and its like, put off while a process is started or stopped."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def raise_on_signals() -> None:
    """Makes SIGTERM and SIGHUP end the program as SIGINT does, by `KeyboardInterrupt`."""
    for number in SIGNALS:
        signal.signal(number, _raise)


@contextmanager
def deferred() -> Iterator[None]:
    """Lets the block end before an interruption is raised.

    Handlers, not a signal mask: a mask would be inherited by the processes that are started.

    Raises:
        KeyboardInterrupt: after the block, where a signal came during it.
    """
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt(signal.Signals(came[0]).name)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
