"""What a command tells its user while it works: live at a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from easel_contract.plain_text import printable, printable_lines

_PLAIN_UPDATE_SECONDS = 10.0

Update = Callable[[str], None]
"""Says how far a step is."""


class Progress:
    """Prints steps as they begin, move and end; whatever is in a text, it is only shown."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        """Prints a line, or several."""
        self._console.print(Text(printable_lines(text)), soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Update]:
        """Shows a step while the block runs and its duration when it is done."""
        name = printable(name)
        started = time.monotonic()
        show = self._live if self._console.is_terminal else self._plain
        with show(name) as update:
            yield update
        self.say(f"  done  {name} ({time.monotonic() - started:.1f} s)")

    @contextmanager
    def _live(self, name: str) -> Iterator[Update]:
        with self._console.status(Text(name)) as status:
            yield lambda text: status.update(Text(printable(f"{name}: {text}")))

    @contextmanager
    def _plain(self, name: str) -> Iterator[Update]:
        self.say(f"  ...   {name}")
        last = time.monotonic()

        def update(text: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _PLAIN_UPDATE_SECONDS:
                last = time.monotonic()
                self.say(f"  ...   {name}: {printable(text)}")

        yield update
