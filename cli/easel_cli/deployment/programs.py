"""Runs another program, reads what it prints, and ends it in order when a signal comes."""

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PRIVATE = 0o600


@dataclass(frozen=True)
class Program:
    """A program that is to be run.

    Attributes:
        command: the program and its arguments.
        environment: its variables.
        log: file that gets all that it prints; written anew.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path

    def run(self, on_line: Callable[[str], None]) -> int:
        """Runs the program to its end; from the main thread only.

        The program has a session of its own: a terminal that is closed would send SIGHUP to all of
        its processes, and Terraform ends at once on that one, without writing its state. Whatever
        signal comes here, the program gets SIGINT once, as by Ctrl-C, and is waited for.

        Args:
            on_line: is given each line that it prints, standard error too.

        Returns:
            Its exit status.

        Raises:
            KeyboardInterrupt: it has ended, and a signal came meanwhile.
            OSError: there is no such program, or the log cannot be written.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as log, _passed_on() as passing:
            process = subprocess.Popen(  # noqa: S603 - no shell
                list(self.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            passing.to(process.pid)
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            for line in process.stdout:
                log.write(line)
                log.flush()
                on_line(line.rstrip("\n"))
            return process.wait()


class _Passing:
    def __init__(self) -> None:
        self.came: list[int] = []
        self._group = 0

    def to(self, group: int) -> None:
        self._group = group
        if self.came:  # before the program could be told
            self._interrupt()

    def note(self, number: int, _: FrameType | None) -> None:
        self.came.append(number)
        if number == signal.SIGHUP:
            leave_terminal()
        # A second SIGINT would make Terraform stop without waiting for what it is making.
        if len(self.came) == 1 and self._group:
            self._interrupt()

    def _interrupt(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGINT)


@contextmanager
def _passed_on() -> Iterator[_Passing]:
    passing = _Passing()
    before = {number: signal.signal(number, passing.note) for number in SIGNALS}
    try:
        yield passing
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if passing.came:
        raise KeyboardInterrupt(signal.Signals(passing.came[0]).name)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP end the block as SIGINT does, by KeyboardInterrupt."""

    def interrupt(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            leave_terminal()
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_terminal() -> None:
    """Sends to nowhere what would go to a terminal that was closed: each write would fail."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        if os.isatty(descriptor) or _is_hung_up(descriptor):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _is_hung_up(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
        os.ttyname(descriptor)
    except OSError as error:
        # EIO: a terminal that has no other side any more; ENOTTY: a file or a pipe.
        return error.errno == errno.EIO
    return True
