"""The list that ticks off: live at a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text

from easel_cli.deployment.step import Outcome, State
from easel_contract.plain_text import printable, printable_lines

_PLAIN_SECONDS = 15.0
_NAME_WIDTH = 14

_MARKS = {State.DONE: "✓", State.FOUND: "✓", State.LEFT_OUT: "-", State.AGAINST: "■"}
_FAILED = "✗"


class Checklist:
    """Shows steps; whatever is in a text, it is only shown."""

    def __init__(self, console: Console, count: int) -> None:
        """Nothing is shown yet.

        Args:
            console: where to.
            count: of all steps.
        """
        self._console, self._count = console, count
        self._status: Status | None = None
        self._name, self._number = "", 0
        self._began = self._told = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Shows a step as begun while the block runs.

        Args:
            name: of the step.
        """
        self._name, self._number = name, self._number + 1
        self._began = self._told = time.monotonic()
        if not self._console.is_terminal:
            self.say(f"[{self._number}/{self._count}] {name}")
            yield
            return
        with self._console.status(Text(name)) as status:
            self._status = status
            try:
                yield
            finally:
                self._status = None

    def ended(self, outcome: Outcome) -> None:
        """Ticks the step off that ran last."""
        self._tick(_MARKS[outcome.state], str(outcome.state), outcome.detail)
        for note in outcome.notes:
            self.say(f"    note: {note}")

    def failed(self, why: str) -> None:
        """Shows that the step that ran last was not done."""
        self._tick(_FAILED, "not done", why)

    def say(self, text: str) -> None:
        """Shows a line, or several, that stay."""
        self._console.print(Text(printable_lines(text)), soft_wrap=True)

    def progress(self, text: str) -> None:
        """Says how far the step is: at a terminal at once, else every 15 s."""
        line = printable(text)
        if self._status is not None:
            seconds = time.monotonic() - self._began
            self._status.update(Text(f"{self._name}: {line} ({seconds:.0f} s)"))
            return
        now = time.monotonic()
        if now - self._told >= _PLAIN_SECONDS:
            self._told = now
            self.say(f"    {line}, {now - self._began:.0f} s")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leaves the terminal to somebody else while the block runs."""
        status = self._status
        if status is None:
            yield
            return
        status.stop()
        try:
            yield
        finally:
            status.start()

    def ask(self, question: str) -> str | None:
        """Returns a person's answer; None where nobody can be asked.

        Args:
            question: shown before the cursor.
        """
        if not (sys.stdin.isatty() and self._console.is_terminal):
            return None
        with self.aside():
            self._console.print(Text(printable_lines(question)), end=" ", soft_wrap=True)
            answer = sys.stdin.readline()
        return answer.strip() if answer else None

    def _tick(self, mark: str, word: str, text: str) -> None:
        seconds = f"{time.monotonic() - self._began:.1f} s"
        first, _, more = printable_lines(text).partition("\n")
        if self._console.is_terminal:
            self.say(f"{mark} {self._name:{_NAME_WIDTH}} {first}  ({seconds})")
        else:
            self.say(f"[{self._number}/{self._count}] {word} in {seconds}: {first}")
        if more:
            self.say(more)
