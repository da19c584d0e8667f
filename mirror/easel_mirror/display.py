"""Shows a run: a bar for each blob at a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from easel_contract.plain_text import printable, printable_lines

_PLAIN_UPDATE_SECONDS = 10.0
_SHOWN_DIGITS = 12


class ConsoleDisplay:
    """Implements copying.Display."""

    def __init__(self, console: Console, total_bytes: int) -> None:
        """Takes where to show it, and how much is to be moved in all."""
        self._console = console
        self._total = total_bytes
        self._lock = threading.Lock()
        self._here: dict[str, int] = {}
        self._names: dict[str, tuple[str, int]] = {}
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._said_at = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[Self]:
        """Shows bars while the block runs, if there is a terminal."""
        if not self._console.is_terminal:
            yield self
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as self._bars:
            self._tasks[""] = self._bars.add_task("all", total=self._total)
            yield self
        self._bars = None

    def begin(self, digest: str, name: str, size: int) -> None:
        """See copying.Display."""
        with self._lock:
            self._names[digest] = (printable(name), size)
            if self._bars is not None:
                short = digest.removeprefix("sha256:")[:_SHOWN_DIGITS]
                described = f"{printable(name)} {short}"
                self._tasks[digest] = self._bars.add_task(described, total=size)

    def moved(self, digest: str, bytes_so_far: int) -> None:
        """See copying.Display."""
        with self._lock:
            self._here[digest] = bytes_so_far
            if self._bars is not None:
                self._bars.update(self._tasks[digest], completed=bytes_so_far)
                self._bars.update(self._tasks[""], completed=sum(self._here.values()))
            elif time.monotonic() - self._said_at >= _PLAIN_UPDATE_SECONDS:
                self._said_at = time.monotonic()
                self._print(self._line())

    def end(self, digest: str) -> None:
        """See copying.Display."""
        with self._lock:
            name, size = self._names.pop(digest)
            if self._bars is not None:
                self._bars.remove_task(self._tasks.pop(digest))
            elif self._here.get(digest) == size:
                self._print(f"  blob  {digest[:19]} of {name}, {decimal(size)}")

    def say(self, text: str) -> None:
        """See copying.Display."""
        with self._lock:
            self._print(f"  note  {printable_lines(text)}")

    def _line(self) -> str:
        moving = ", ".join(
            f"{name} {decimal(self._here.get(digest, 0))} of {decimal(size)}"
            for digest, (name, size) in self._names.items()
        )
        return f"  ...   {decimal(sum(self._here.values()))} of {decimal(self._total)}: {moving}"

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)
