"""What runs: kept in a file, so that `make status` and `make down` find what `make up` started."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from easel_cli.target import Target
from easel_local.processes import ManagedProcess


class BusyError(Exception):
    """Another command is at work on the same stack."""


class StackState(BaseModel):
    """A stack that is up, or coming up."""

    started_at: datetime
    processes: list[ManagedProcess] = []
    """In the order of their start."""
    target: Target | None = None
    """None until Terraform has applied."""

    def is_running(self) -> bool:
        """Whether any of its processes is still there."""
        return any(process.is_running() for process in self.processes)


class StateFile:
    """The state of the one stack of a home folder."""

    def __init__(self, home: Path) -> None:
        self._path = home / "stack.json"
        self._lock_path = home / "lock"

    def read(self) -> StackState | None:
        """The state; None where no stack is up, or what the file says cannot be read."""
        try:
            return StackState.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, state: StackState) -> None:
        """Replaces the state, whole or not at all."""
        partial = self._path.with_suffix(".partial")
        partial.write_text(state.model_dump_json(indent=2))
        partial.replace(self._path)

    def remove(self) -> None:
        """Forgets the stack."""
        self._path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other commands off while the block runs.

        Raises:
            BusyError: another command is at work.
        """
        with locked(self._lock_path, "Another make up, demo or down is at work in this checkout."):
            yield


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Holds a lock while the block runs.

    Args:
        path: of the lock file; made if missing, and left.
        busy: said where somebody else holds it.

    Raises:
        BusyError: somebody else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"{busy} Wait for it, or stop it with Ctrl-C.") from error
        yield
