"""How far a transfer is: bars at a terminal, a line now and then elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from easel_contract.plain_text import printable, printable_lines

_LINE_SECONDS = 10.0
_MIB = 2**20


class TransferProgress:
    """Tells a person how far files are."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Prints a line, or several; whatever is in it, it is only shown."""
        self._console.print(Text(printable_lines(text)), soft_wrap=True)

    @contextmanager
    def file(self, name: str, size: int | None) -> Iterator[Callable[[int], None]]:
        """Shows a file's progress while the block runs.

        Args:
            name: of the file.
            size: in bytes; None: not known.

        Yields:
            What is told of so many more bytes, from any thread.
        """
        show = self._bar if self._console.is_terminal else self._lines
        with show(printable(name), size) as advance:
            yield advance

    @contextmanager
    def _bar(self, name: str, size: int | None) -> Iterator[Callable[[int], None]]:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(name, total=size)
            yield lambda count: progress.advance(task, count)

    @contextmanager
    def _lines(self, name: str, size: int | None) -> Iterator[Callable[[int], None]]:
        lock = threading.Lock()
        done, told = 0, time.monotonic()
        of = f" of {size / _MIB:.0f}" if size is not None else ""

        def advance(count: int) -> None:
            nonlocal done, told
            with lock:
                done += count
                if time.monotonic() - told < _LINE_SECONDS:
                    return
                told = time.monotonic()
                self.say(f"  ...   {name}: {done / _MIB:.0f}{of} MiB")

        yield advance
