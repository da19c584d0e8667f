"""Where a model comes from: a file of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Protocol

from easel_models.errors import UsageError

READ_BYTES = 1024 * 1024
"""What is read at once."""


class Source(Protocol):
    """Something that a model is read from, once, from its beginning."""

    @property
    def name(self) -> str:
        """What a person is shown."""

    @property
    def size(self) -> int | None:
        """In bytes; None where it is not known before the end."""

    @property
    def sha256(self) -> str | None:
        """Of the whole file, in hex, where whoever offers it says so."""

    def read_range(self, offset: int, length: int) -> bytes:
        """Reads a range; fewer bytes only at the end of the file."""

    def chunks(self) -> Iterator[bytes]:
        """Reads all of it, in pieces."""


class LocalFile:
    """A file of this machine."""

    sha256: str | None = None

    def __init__(self, path: Path) -> None:
        """Looks at a file.

        Raises:
            UsageError: it is no regular file, empty, or cannot be read.
        """
        self.path = path
        try:
            if not path.is_file():
                raise UsageError(f"{path}: there is no such file.")
            self.size = path.stat().st_size
            with path.open("rb"):
                pass
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
        if self.size == 0:
            raise UsageError(f"{path} is empty.")

    @property
    def name(self) -> str:
        """Its path, as it was given."""
        return str(self.path)

    def read_range(self, offset: int, length: int) -> bytes:
        """Reads a range; fewer bytes only at the end of the file.

        Raises:
            UsageError: it cannot be read any more.
        """
        with self._opened() as file:
            file.seek(offset)
            return file.read(length)

    def chunks(self) -> Iterator[bytes]:
        """Reads all of it, in pieces.

        Raises:
            UsageError: it cannot be read any more.
        """
        with self._opened() as file:
            while piece := file.read(READ_BYTES):
                yield piece

    @contextmanager
    def _opened(self) -> Iterator[FileIO]:
        try:
            with self.path.open("rb", buffering=0) as file:
                yield file
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}.") from error
