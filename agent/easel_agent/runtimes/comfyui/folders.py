"""Deletes on disk what a task has put into ComfyUI's folders: ComfyUI itself deletes nothing.

Only where the agent has the folders too (a volume that both containers mount). Nothing is deleted
but regular files below `input`, `output` and `temp` that are known to be a task's, and folders
that are empty; no symbolic link is followed.
"""

import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from easel_agent.runtimes.comfyui.api import OutputFile

logger = logging.getLogger(__name__)

_SAY_SECONDS = 60.0
_MAX_SCANNED = 100_000
"""Names of one folder that are looked through for a task's own."""
_MAX_EMPTY = 1000
"""Folders that are remembered to be removed when they can be."""
_SLACK_SECONDS = 2.0
"""Between this clock and that of a file system (the kernel's coarse clock, and rounding)."""


@dataclass(frozen=True)
class TaskFiles:
    """The files that a task may have made, as far as they are known.

    Attributes:
        nonce: in the names of those that its workflow named.
        listed: by ComfyUI's history.
        folders: below `output` and `temp` that its workflow names.
        begun: when the task was submitted, of `time.time()`: what is listed and older was there
            before, and is not the task's.
    """

    nonce: str
    listed: list[OutputFile]
    folders: set[str]
    begun: float


class ComfyUiFolders:
    """The folders of one ComfyUI; safe to share between threads."""

    def __init__(self, base: Path | None, is_idle: Callable[[], bool]) -> None:
        """Looks at nothing yet.

        Args:
            base: holds `input`, `output` and `temp`; None where the agent does not have them, and
                deletes nothing.
            is_idle: tells whether ComfyUI has no job: a running one may be about to write into a
                folder that is empty now.
        """
        self._base = base
        self._is_idle = is_idle
        self._lock = threading.Lock()
        self._emptied: dict[tuple[str, str], None] = {}
        self._said = -_SAY_SECONDS

    def delete_input(self, name: str) -> None:
        """Deletes a file below the input folder; never raises."""
        folder, _, filename = name.rpartition("/")
        self._delete("input", folder, filename)
        if folder:
            self._remove_folders([("input", folder)])

    def delete_made(self, files: TaskFiles) -> None:
        """Deletes what a task made; never raises."""
        if self._base is None:
            return
        places = {(kind, folder) for kind in ("output", "temp") for folder in ("", *files.folders)}
        for file in files.listed:
            if file.type in ("output", "temp"):
                places.add((file.type, file.subfolder))
                self._delete(file.type, file.subfolder, file.filename, not_before=files.begun)
        for kind, folder in sorted(places):
            for name in self._names_with(files.nonce, kind, folder):
                self._delete(kind, folder, name)
        self._remove_folders([place for place in places if place[1]])

    def _names_with(self, nonce: str, kind: str, folder: str) -> list[str]:
        # VideoHelperSuite lists the video and not the picture beside it; a save that failed is in
        # no list.
        found = []
        with self._guarded(), self._opened(kind, folder) as fd, os.scandir(fd) as entries:
            for number, entry in enumerate(entries):
                if nonce in entry.name:
                    found.append(entry.name)
                if number >= _MAX_SCANNED:
                    break
        return found

    def _delete(self, kind: str, folder: str, name: str, not_before: float = 0.0) -> None:
        with self._guarded():
            if not _is_plain(name):
                return
            with self._opened(kind, folder) as fd:
                found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                is_new = found.st_mtime >= not_before - _SLACK_SECONDS
                if stat.S_ISREG(found.st_mode) and is_new:
                    os.unlink(name, dir_fd=fd)

    def _remove_folders(self, places: Iterable[tuple[str, str]]) -> None:
        """Removes folders that are empty, at the latest when ComfyUI is idle the next time."""
        with self._lock:
            self._emptied |= dict.fromkeys(places)
            if self._base is None or not self._emptied or not self._is_idle():
                for place in list(self._emptied)[:-_MAX_EMPTY]:
                    del self._emptied[place]
                return
            emptied, self._emptied = list(self._emptied), {}
            for kind, folder in emptied:
                parts = folder.strip("/").split("/")
                while parts and self._remove_folder(kind, parts):
                    parts.pop()

    def _remove_folder(self, kind: str, parts: list[str]) -> bool:
        if (kind, parts) == ("input", ["3d"]):  # ComfyUI's own (nodes_load_3d.py)
            return False
        # Not empty, or gone already, is no news.
        with suppress(OSError, ValueError), self._opened(kind, "/".join(parts[:-1])) as fd:
            os.rmdir(parts[-1], dir_fd=fd)
            return True
        return False

    @contextmanager
    def _opened(self, kind: str, folder: str) -> Iterator[int]:
        """Opens a folder below one of ComfyUI's, part by part, through no symbolic link.

        Raises:
            OSError: there is none.
            ValueError: it would not be below.
        """
        if self._base is None:
            raise FileNotFoundError("no folders")
        flags = os.O_RDONLY | os.O_DIRECTORY
        fd = os.open(self._base / kind, flags)
        try:
            for part in filter(None, folder.split("/")):
                if not _is_plain(part):
                    raise ValueError(f"{part!r} is no name of a folder")
                inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Ends a deletion that cannot be done in a log line at most; says so once a minute."""
        try:
            yield
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            if time.monotonic() - self._said >= _SAY_SECONDS:
                self._said = time.monotonic()
                logger.warning("a task's files were not deleted: %s", error)


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\x00" not in name
