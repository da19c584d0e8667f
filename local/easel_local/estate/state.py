"""What an `apply` has left running, for the commands after it."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from easel_local.processes import ManagedProcess


class EstateState(BaseModel):
    """An estate that is up."""

    name: str
    """Of the stack and its cluster."""
    region: str
    started_at: datetime
    processes: list[ManagedProcess] = []
    """In the order of their start."""
    pods: list[ManagedProcess] = []
    """What stands in for pods; the estate is whole without them."""
    environment: dict[str, str] = {}
    """What differs for programs that work on it."""

    def is_whole(self) -> bool:
        """Whether all of its processes are still there."""
        return bool(self.processes) and all(process.is_running() for process in self.processes)

    @classmethod
    def read(cls, home: Path) -> "EstateState | None":
        """The state; None where nothing is up, or what the file says cannot be read."""
        try:
            return cls.model_validate_json(_path(home).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, home: Path) -> None:
        """Replaces the state, whole or not at all."""
        home.mkdir(parents=True, exist_ok=True)
        partial = _path(home).with_suffix(".partial")
        partial.touch(0o600)
        partial.write_text(self.model_dump_json(indent=2))
        partial.replace(_path(home))


def _path(home: Path) -> Path:
    return home / "estate.json"
