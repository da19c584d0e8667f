"""Servers in processes of their own, as context managers."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from easel_local.processes import ManagedProcess, start

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.05


class ServerProcessError(Exception):
    """A server did not start; the message holds its name, the reason and the log's path."""


class Service(ABC):
    """A context manager of whatever starts and stops."""

    @abstractmethod
    def start(self) -> None:
        """Starts the service and waits until it can be used."""

    @abstractmethod
    def stop(self) -> None:
        """Stops the service; does nothing where none runs."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class ServerProcess(Service):
    """One process that writes its address as its first line once it listens."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        address_prefix: str,
        environment: Mapping[str, str],
        log_path: Path,
    ) -> None:
        """Describes the process; nothing is started yet.

        Args:
            name: in errors and in state files, such as ``chart registry``.
            command: program and arguments; no shell sees them.
            address_prefix: the first characters of each address, such as ``https://``.
            environment: all of the process's environment.
            log_path: file for its output; overwritten.
        """
        self._name = name
        self._command = command
        self._address_prefix = address_prefix
        self._environment = environment
        self._log_path = log_path
        self.process: ManagedProcess | None = None
        """While it runs; one that shall outlive this program goes into a state file."""
        self.address = ""
        """The first line of the process's output, once started."""

    def start(self) -> None:
        """Starts the process and waits until it listens.

        Raises:
            ServerProcessError: it ended, or did not come up within 30 s.
        """
        name = self._name.replace(" ", "-")
        self.process = start(name, self._command, self._environment, self._log_path)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.process.is_running():
            line, end, _ = self._log_path.read_text().partition("\n")
            if end and line.startswith(self._address_prefix):
                self.address = line
                return
            time.sleep(_POLL_SECONDS)
        reason = self.process.last_log_line()
        self.stop()
        raise ServerProcessError(
            f"the {self._name} did not come up: {reason} (log: {self._log_path})"
        )

    def attach(self) -> None:
        """Finds the address of the one that an earlier program has started with the same log.

        Raises:
            ServerProcessError: the log names none.
        """
        line = self._log_path.read_text().partition("\n")[0] if self._log_path.exists() else ""
        if not line.startswith(self._address_prefix):
            raise ServerProcessError(f"no {self._name} has logged to {self._log_path}")
        self.address = line

    def stop(self) -> None:
        """Stops the process; does nothing where none runs. Its memory is gone."""
        process, self.process = self.process, None
        if process is not None:
            process.stop(_STOP_SECONDS)
