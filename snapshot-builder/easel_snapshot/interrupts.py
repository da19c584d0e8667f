"""Ctrl-C and SIGTERM: they end the work, never the clean-up."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from easel_snapshot.errors import InterruptedBuildError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Raises InterruptedBuildError at the first signal, and at none once the clean-up has begun."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Nothing is changed yet.

        Args:
            say: tells a person why a further signal does nothing.
        """
        self._say = say
        self._shielded = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        # SIGINT as well: in a shell's background it is ignored, and Python leaves it so.
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._received)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def shield(self) -> None:
        """From here on a signal only says that it has to wait."""
        self._shielded = True

    def _received(self, number: int, _: FrameType | None) -> None:
        if self._shielded:
            self._say("cleaning up; please wait, what is left over would cost money")
            return
        # The clean-up of this one begins at once: a second signal must not cut it off.
        self._shielded = True
        raise InterruptedBuildError(number)
