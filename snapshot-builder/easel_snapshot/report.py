"""What a person is told while a build goes on: lines on standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from easel_contract.plain_text import printable_lines

_REPEAT_SECONDS = 15.0


class Report:
    """Says which step goes on, how far it is, and how long it took."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Nothing is written yet.

        Args:
            stream: None: standard error, as it is at the time.
        """
        self._stream = stream
        self._started = self._told = 0.0

    def say(self, text: str) -> None:
        """Writes a line, or several."""
        stream = self._stream or sys.stderr
        stream.write(printable_lines(text) + "\n")
        stream.flush()

    @contextmanager
    def step(self, number: int, of: int, name: str) -> Iterator[None]:
        """Says that a step begins, and how long it took once it is done."""
        self._started = self._told = time.monotonic()
        self.say(f"[{number}/{of}] {name}")
        yield
        self.say(f"[{number}/{of}] done in {time.monotonic() - self._started:.0f} s")

    def progress(self, text: str) -> None:
        """Says how far a step is, every 15 s."""
        now = time.monotonic()
        if now - self._told >= _REPEAT_SECONDS:
            self._told = now
            self.say(f"      {text}, {now - self._started:.0f} s")
