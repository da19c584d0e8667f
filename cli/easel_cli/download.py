"""Fetches what a task made from S3 into files of a person's own folder.

A callback's URLs are text from outside: they name the files, but never one that is there already,
one outside of the folder, or one that an operating system or a shell takes for something else.
"""

import re
from pathlib import Path
from typing import IO, BinaryIO, cast

from easel_cli.aws_clients import AwsClients

MAX_TASK_BYTES = 8 * 1024**3
"""Of all files of one task together."""

_MAX_NAME_CHARACTERS = 200
"""ASCII, so as many bytes: file systems take 255, and a number may be added."""
_MAX_SAME_NAMES = 1000
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Windows' names of devices, in every folder and whatever the extension:
https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file"""


class DownloadError(Exception):
    """A file cannot be saved; the message says which and why."""


def download_pictures(
    clients: AwsClients,
    bucket: str,
    image_urls: list[str],
    folder: Path,
    max_bytes: int = MAX_TASK_BYTES,
) -> list[Path]:
    """Saves pictures under their own names, and over no other file.

    Args:
        clients: of the stack.
        bucket: the stack's output bucket; no other is read.
        image_urls: S3 URIs of a result's `image_url`.
        folder: where to; made if missing.
        max_bytes: of all files together.

    Returns:
        The files, in order. One whose name is taken gets a number before its extension.

    Raises:
        DownloadError: a URL is not one of the bucket, the files are too large, or the folder cannot
            be written to.
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: one cannot be read.
    """
    keys = [_key_of(url, bucket) for url in image_urls]
    budget = _Budget(max_bytes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_save(clients, bucket, key, folder, budget) for key in keys]
    except OSError as error:
        raise DownloadError(f"{folder}: {error.strerror or error}. Name another --out.") from error


def file_name_of(key: str) -> str:
    """Returns the name of the file that an object is saved in.

    Letters, digits, `.`, `_` and `-` stay, as in every key that an agent writes; all else becomes
    `_`. The name is no hidden file, no option of a command and no device.

    Args:
        key: of the object; what comes after its last slash counts.
    """
    name = _UNUSUAL.sub("_", re.split(r"[/\\]", key)[-1]).lstrip(".-").rstrip(".")
    if not name or _DEVICE.fullmatch(name):
        name = f"file_{name}" if name else "file"
    suffix = Path(name).suffix[-20:]
    return name if len(name) <= _MAX_NAME_CHARACTERS else name[: _MAX_NAME_CHARACTERS - 20] + suffix


class _Budget:
    """The bytes that may still be written."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._left = max_bytes

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise DownloadError(
                f"The task's files have more than {self._max_bytes} bytes together. "
                "Fetch them with `aws s3 cp`."
            )


class _CountedFile:
    """A file that takes no more than a budget allows. It cannot seek: bytes come in order."""

    def __init__(self, file: BinaryIO, budget: _Budget) -> None:
        self._file = file
        self._budget = budget

    def write(self, data: bytes) -> int:
        self._budget.take(len(data))
        return self._file.write(data)


def _key_of(url: str, bucket: str) -> str:
    # Not urlsplit: `?` and `#` are characters of a key like others.
    beginning = f"s3://{bucket}/"
    if not url.startswith(beginning) or url == beginning:
        raise DownloadError(f"{url} is no object of the stack's bucket {bucket}; nothing is saved.")
    return url.removeprefix(beginning)


def _save(clients: AwsClients, bucket: str, key: str, folder: Path, budget: _Budget) -> Path:
    path, file = _open_new(folder, file_name_of(key))
    try:
        with file:
            counted = cast("IO[bytes]", _CountedFile(file, budget))
            clients.s3.download_fileobj(bucket, key, counted)
    except BaseException:
        path.unlink(missing_ok=True)  # half of a picture
        raise
    return path


def _open_new(folder: Path, name: str) -> tuple[Path, BinaryIO]:
    path = Path(name)
    for number in range(1, _MAX_SAME_NAMES + 1):
        tried = folder / (name if number == 1 else f"{path.stem}-{number}{path.suffix}")
        try:
            # O_EXCL: makes the file or fails, also where the name is a link to nowhere.
            return tried, tried.open("xb")
        except FileExistsError:
            continue
    raise DownloadError(f"{folder} has {_MAX_SAME_NAMES} files called {name}. Name another --out.")
