"""Processes that outlive the command that started them, and are found again by the next one."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict

_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02


class ManagedProcess(BaseModel):
    """A process of the local stack, as its state file has it."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    create_time: float
    """Tells it from a later process that got the same pid."""
    log: Path

    @classmethod
    def of_pid(cls, name: str, pid: int, log: Path) -> Self:
        """Describes a running process.

        Raises:
            psutil.NoSuchProcess: it has ended.
        """
        return cls(name=name, pid=pid, create_time=psutil.Process(pid).create_time(), log=log)

    def is_running(self) -> bool:
        """Whether it is still there."""
        return self._process() is not None

    def stop(self, grace_seconds: float) -> None:
        """Ends it and all of its session: SIGTERM, and SIGKILL after the grace."""
        process = self._process()
        if process is None:
            return
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _await_end([process], grace_seconds)
        _kill(family)

    def last_log_line(self) -> str:
        """The last line that it wrote, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return lines[-1] if lines else "nothing was logged"

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            return process if process.create_time() == self.create_time and _runs(process) else None
        except psutil.NoSuchProcess:
            return None


def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> ManagedProcess:
    """Starts a process in a session of its own: a Ctrl-C at the terminal does not reach it.

    Args:
        name: unique within the stack.
        command: program and arguments; no shell sees it.
        environment: all of the process's environment.
        log: file for its output; overwritten.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return ManagedProcess.of_pid(name, process.pid, log)


def _kill(family: Sequence[psutil.Process]) -> None:
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    # The leader's session is its own: whatever the tree lost sight of goes with its group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if family[0].pid != os.getpgrp():
            os.killpg(family[0].pid, signal.SIGKILL)
    _await_end(family, _KILL_SECONDS)


def _await_end(family: Sequence[psutil.Process], seconds: float) -> None:
    # psutil's own wait would wait for a zombie, whose new parent may be slow to reap it.
    deadline = time.monotonic() + seconds
    while any(map(_runs, family)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
