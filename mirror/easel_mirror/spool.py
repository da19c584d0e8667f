"""Blobs on their way: written to disk as they come, read from there while they still come.

A blob lies in one file named by its digest. What an earlier run has left of it is read again,
hashed and gone on from: so neither a kill nor a broken network costs what is there already.
"""

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from easel_mirror.errors import MirrorError, PassingError, RefusedError, StoppedError
from easel_mirror.manifest import Descriptor
from easel_mirror.transport import BLOCK_BYTES

_WAIT_SECONDS = 1.0


class Spool:
    """The folder; one run at a time has it."""

    def __init__(self, folder: Path) -> None:
        """Names the folder, which is made by `__enter__`."""
        self._folder = folder
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> "Spool":
        """Takes the folder.

        Raises:
            MirrorError: another run has it, or it cannot be written to.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self._folder / "lock").open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(
                f"another `easel mirror` uses {self._folder}: wait for its end, or name another "
                "folder by --spool"
            ) from error
        except OSError as error:
            raise RefusedError(
                f"{self._folder}: {error.strerror}: name another by --spool"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Gives it back; half-fetched blobs stay."""
        if self._lock is not None:
            self._lock.close()

    def file(self, blob: Descriptor) -> "SpoolFile":
        """The file of a blob."""
        return SpoolFile(self._folder / blob.digest.replace(":", "-"), blob)

    def kept_bytes(self, blob: Descriptor) -> int:
        """How much of a blob an earlier run has left."""
        path = self._folder / blob.digest.replace(":", "-")
        return min(path.stat().st_size, blob.size) if path.is_file() else 0

    def free_bytes(self) -> int:
        """What the disk has left."""
        described = os.statvfs(self._folder)
        return described.f_bavail * described.f_frsize


class SpoolFile:
    """One blob: a thread writes it, others read it and wait for what is not there yet."""

    def __init__(self, path: Path, blob: Descriptor) -> None:
        self._path = path
        self._blob = blob
        self._changed = threading.Condition()
        self._hash = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self.generation = 0
        self._failed: MirrorError | None = None
        self._verified = False
        self.written = 0

    @property
    def blob(self) -> Descriptor:
        """Whose bytes they are."""
        return self._blob

    def open(self) -> None:
        """Opens the file, and hashes what an earlier run has left in it.

        Raises:
            MirrorError: it cannot be read or written.
        """
        with _disk_errors(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            while block := self._file.read(BLOCK_BYTES):
                self._hash.update(block)
                self._advance(len(block))
        if self.written > self._blob.size:
            self.restart()

    def write(self, block: bytes) -> None:
        """Appends bytes.

        Raises:
            RefusedError: these are more than the blob has; or the disk is full.
        """
        if self.written + len(block) > self._blob.size:
            raise RefusedError(f"{self._blob.digest}: is longer than {self._blob.size} bytes")
        assert self._file is not None  # noqa: S101 - open() was called
        with _disk_errors(self._path):
            self._file.write(block)
        self._hash.update(block)
        self._advance(len(block))

    def restart(self) -> None:
        """Drops what is there: the source begins anew, or something on the way broke it."""
        assert self._file is not None  # noqa: S101 - open() was called
        with self._changed, _disk_errors(self._path):
            self._file.seek(0)
            self._file.truncate()
            self._hash = hashlib.sha256()
            self.written = 0
            self.generation += 1
            self._changed.notify_all()

    def verify(self) -> None:
        """Compares size and digest; only now readers come to their end.

        Raises:
            PassingError: it is not whole, or not what the digest is of; then nothing is kept.
        """
        if self.written < self._blob.size:
            raise PassingError(f"{self._blob.digest}: ended after {self.written} bytes")
        if f"sha256:{self._hash.hexdigest()}" != self._blob.digest:
            self.restart()
            raise PassingError(f"{self._blob.digest}: came with another digest")
        with self._changed:
            self._verified = True
            self._changed.notify_all()

    def fail(self, error: MirrorError) -> None:
        """Tells readers that no more will come."""
        with self._changed:
            self._failed = error
            self._changed.notify_all()

    def wait(self) -> None:
        """Waits until the blob is whole and verified.

        Raises:
            MirrorError: it will never be.
        """
        with self._changed:
            while not self._verified:
                if self._failed is not None:
                    raise self._failed
                self._changed.wait(_WAIT_SECONDS)

    def body(self, offset: int) -> "SpoolBody":
        """The bytes from an offset on, as they come."""
        return SpoolBody(self, offset)

    def blocks(self, offset: int) -> Iterator[bytes]:
        """Yields the bytes from an offset on, as they come.

        Raises:
            PassingError: the blob was begun anew meanwhile.
            MirrorError: no more will come.
        """
        generation = self.generation
        with _disk_errors(self._path), self._path.open("rb", buffering=0) as file:
            file.seek(offset)
            while offset < self._blob.size:
                there = self._await(offset, generation)
                block = file.read(min(BLOCK_BYTES, there - offset))
                if not block:
                    raise PassingError(f"{self._blob.digest}: is begun anew")
                offset += len(block)
                yield block

    def remove(self) -> None:
        """Removes the file: its blob is where it belongs."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the file; what is in it stays."""
        if self._file is not None:
            self._file.close()

    def _advance(self, count: int) -> None:
        with self._changed:
            self.written += count
            self._changed.notify_all()

    def _await(self, offset: int, generation: int) -> int:
        with self._changed:
            while True:
                if self._failed is not None:
                    raise self._failed
                if self.generation != generation:
                    raise PassingError(f"{self._blob.digest}: is begun anew")
                # The last byte is held back until the digest is known to be right.
                if self._verified or self.written > offset + 1:
                    return self.written if self._verified else self.written - 1
                self._changed.wait(_WAIT_SECONDS)


class SpoolBody:
    """What requests sends, with its length beforehand: a body that is still coming."""

    def __init__(self, file: SpoolFile, offset: int) -> None:
        self._file = file
        self._offset = offset

    def __len__(self) -> int:
        return self._file.blob.size - self._offset

    def __iter__(self) -> Iterator[bytes]:
        return self._file.blocks(self._offset)


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except MirrorError:
        raise
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror}") from error


def check_stop(stop: threading.Event) -> None:
    """Ends a thread whose run is to end.

    Raises:
        StoppedError: it is.
    """
    if stop.is_set():
        raise StoppedError("interrupted: what was fetched is kept, run the same again to go on")
