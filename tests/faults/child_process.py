"""A child process of a test: its log, its end, its exit status."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
_END_SECONDS = 10.0
_LOG_TAIL_LINES = 15


class ChildProcess:
    """One process; may be started again after it ended."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        """Describes it.

        Args:
            name: for messages.
            command: program and arguments.
            environment: all of its environment.
            log: file that its output is appended to.
        """
        self.name = name
        self.log = log
        self.wanted = False
        """Whether it ought to be running: it was started and nobody ended it on purpose."""
        self._command = list(command)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, unless it runs."""
        self.wanted = True
        if self.is_running():
            return
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def exit_status(self) -> int | None:
        """Its status, negative for a signal; None while it runs."""
        return None if self._process is None else self._process.poll()

    def usage(self) -> psutil.Process:
        """What psutil knows of it."""
        assert self._process is not None, f"{self.name} was not started"
        return psutil.Process(self._process.pid)

    def kill(self) -> None:
        """SIGKILL, and waits for its end."""
        self._signal(signal.SIGKILL)
        self.wait(_END_SECONDS)

    def terminate(self) -> None:
        """SIGTERM; does not wait."""
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: it does nothing, and does not know."""
        if self.is_running():
            os.kill(self.usage().pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        if self.is_running():
            os.kill(self.usage().pid, signal.SIGCONT)

    def wait(self, seconds: float) -> int:
        """Waits for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        assert self._process is not None, f"{self.name} was not started"
        return self._process.wait(seconds)

    def end(self) -> None:
        """Ends it at the end of a test, whatever it is doing."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def log_tail(self) -> str:
        """The last lines that it wrote."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def _signal(self, number: signal.Signals) -> None:
        self.wanted = False
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)
