"""The file of the plan that was shown: it is applied as it is, and lives no longer than the run."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easel_cli.deployment.step import StepError

_HOLDS_SECONDS = 3600.0
"""A guess: what a person was shown an hour ago somebody else may have changed since."""


class SavedPlan:
    """What Terraform's -out writes; it holds all variables and the state, the API keys too."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made yet.

        Args:
            folder: for the file alone.
        """
        self._folder = folder.resolve()  # Terraform runs in another folder
        self._made_at: float | None = None

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._folder / "shown.tfplan"

    @property
    def is_old(self) -> bool:
        """Whether the plan was made too long ago to be applied unseen."""
        return self._made_at is None or time.monotonic() - self._made_at > _HOLDS_SECONDS

    def make_room(self) -> bool:
        """Makes an empty file that nobody else reads; Terraform leaves a file's mode as it is.

        Returns:
            Whether a run that was killed has left a plan; it is removed.

        Raises:
            StepError: the file cannot be written.
        """
        was_there = self.path.exists() and self._made_at is None
        try:
            self.remove()
            self._folder.mkdir(mode=0o700, parents=True)
            self.path.touch(0o600)
        except OSError as error:
            raise StepError(f"{self.path} cannot be written: {error.strerror}") from error
        self._made_at = time.monotonic()
        return was_there

    def remove(self) -> None:
        """Removes the file, and its folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._made_at = None

    @contextmanager
    def removed_at_the_end(self) -> Iterator[None]:
        """Removes the file once the block has ended, however that was."""
        try:
            yield
        finally:
            self.remove()
