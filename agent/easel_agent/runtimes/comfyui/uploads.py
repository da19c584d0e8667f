"""Puts the files of tasks into ComfyUI's input folder, and knows which task still needs which."""

import hashlib
import posixpath
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence

from easel_agent.media_type import detect_media_type
from easel_agent.runtimes.comfyui.inputs import FileInput, Takes

_DIGEST_CHARACTERS = 32
_BASE, _INPUT, _INPUTS = "--base-directory", "--input-directory", "input"

Upload = Callable[[bytes, str, str], str]
"""Uploads data under a name in a folder below `input`; returns where it lies below `input`."""


class InputFiles:
    """The input files of one agent's tasks; safe to share between threads.

    They are named by content: the same picture again is neither stored nor computed twice. The
    agent's own mark in their names keeps another agent of the same server from deleting them.
    """

    def __init__(self, delete: Callable[[str], None]) -> None:
        """Knows of no file yet.

        Args:
            delete: deletes a file below ComfyUI's input folder.
        """
        self._delete = delete
        self._mark = uuid.uuid4().hex[:8]
        self._lock = threading.Lock()
        self._needed: Counter[str] = Counter()
        self._names: dict[str, set[str]] = {}

    def place(self, data: bytes, file_input: FileInput, upload: Upload) -> tuple[str, str]:
        """Uploads a file for a task; `release` is to be called as often.

        Returns:
            Its key for `release`, and where it lies below the input folder.
        """
        digest = hashlib.sha256(data).hexdigest()[:_DIGEST_CHARACTERS]
        stem = f"{self._mark}-{digest}"
        extension = detect_media_type(data, file_input.at.filename).extension
        is_alone = file_input.takes in (Takes.FOLDER, Takes.FOLDER_PATH)
        folder = posixpath.join(file_input.folder, stem) if is_alone else file_input.folder
        key = posixpath.join(folder, f"{stem}.{extension}")
        with self._lock:
            # Before the upload: whoever releases the same file meanwhile leaves it.
            self._needed[key] += 1
        try:
            name = upload(data, f"{stem}.{extension}", folder)
        except BaseException:
            self.release([key])
            raise
        with self._lock:
            # Another one than the key where a broken upload has left a file of that name.
            self._names.setdefault(key, set()).add(name)
        return key, name

    def release(self, keys: Sequence[str]) -> None:
        """A task needs its files no more; those that no other needs are deleted."""
        with self._lock:
            self._needed.subtract(keys)
            unneeded = [key for key in set(keys) if self._needed[key] <= 0]
            for key in unneeded:
                del self._needed[key]
                for name in self._names.pop(key, ()):
                    self._delete(name)


def input_folder(arguments: Sequence[str]) -> str:
    """Where a ComfyUI server keeps its input files, as its nodes may be told.

    Args:
        arguments: of the server's process (`GET /system_stats`, `system.argv`).

    Returns:
        Its path: absolute where the arguments tell that, else as of ComfyUI's own folder, which
        its process then works in (ComfyUI main.py, folder_paths.py).
    """
    if (own := _value_of(_INPUT, arguments)) is not None:
        return own
    if (base := _value_of(_BASE, arguments)) is not None:
        return posixpath.join(base, _INPUTS)
    script = arguments[0] if arguments else ""
    return posixpath.join(posixpath.dirname(script), _INPUTS)


def _value_of(option: str, arguments: Sequence[str]) -> str | None:
    # argparse: the last one counts
    found = None
    for index, argument in enumerate(arguments):
        if argument == option and index + 1 < len(arguments):
            found = arguments[index + 1]
        elif argument.startswith(f"{option}="):
            found = argument.partition("=")[2]
    return found


def value_for(takes: Takes, name: str, folder: Callable[[], str]) -> str:
    """The value of an input that takes an uploaded file.

    Args:
        takes: what the input takes.
        name: the file's, below the input folder.
        folder: the input folder's path.
    """
    if takes is Takes.NAME:
        return name
    if takes is Takes.FOLDER:
        return posixpath.dirname(name)
    path = posixpath.join(folder(), name)
    return path if takes is Takes.PATH else posixpath.dirname(path)
