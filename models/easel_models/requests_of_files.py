"""What a person asks to upload -> the files, each with its key; all problems together."""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from easel_models.errors import UsageError, together
from easel_models.hugging_face import authorization, hub_url
from easel_models.placing import checked_key, files_below, place
from easel_models.remote_file import Access, RemoteFile
from easel_models.sources import LocalFile
from easel_models.upload import Upload

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def uploads_of(arguments: argparse.Namespace, environment: Mapping[str, str]) -> list[Upload]:
    """Looks at what is to be uploaded.

    Args:
        arguments: of `easel models upload`.
        environment: of the process.

    Raises:
        UsageError: something cannot be uploaded; every problem is named.
        TransferError: a URL's server does not answer.
    """
    _check_options(arguments)
    uploads: list[Upload] = []
    problems: list[str] = []
    for found in _asked(arguments, environment):
        if isinstance(found, UsageError):
            problems.append(str(found))
        else:
            uploads.append(found)
    if problems:
        raise together(problems)
    if not uploads:
        raise UsageError("there is nothing to upload: the folder has no files.")
    return uploads


def _check_options(arguments: argparse.Namespace) -> None:
    count = len(arguments.sources) + len(arguments.hf)
    if not count:
        raise UsageError("name what to upload: FILE, FOLDER, URL or --hf OWNER/REPO/FILE.")
    single = count == 1 and not any(Path(one).is_dir() for one in arguments.sources)
    if (arguments.key or arguments.sha256) and not single:
        raise UsageError("--as and --sha256 are for a single file.")
    if arguments.key and arguments.folder:
        raise UsageError("--as names the folder, too: leave --folder out.")
    if arguments.sha256 and not _SHA256.fullmatch(arguments.sha256):
        raise UsageError("--sha256 is not 64 hexadecimal digits.")


def _asked(
    arguments: argparse.Namespace, environment: Mapping[str, str]
) -> Iterator[Upload | UsageError]:
    for name in arguments.sources:
        path = Path(name)
        if _URL.match(name):
            yield _remote(name, arguments)
        elif path.is_dir():
            yield from _below(path, arguments)
        else:
            yield _local(path, arguments, arguments.key)
    for name in arguments.hf:
        try:
            url = hub_url(name, arguments.revision, environment)
        except UsageError as problem:
            yield problem
        else:
            yield _remote(url, arguments, authorization(environment))


def _below(top: Path, arguments: argparse.Namespace) -> Iterator[Upload | UsageError]:
    for path, key in files_below(top, arguments.folder):
        yield _local(path, arguments, key)


def _local(path: Path, arguments: argparse.Namespace, key: str | None) -> Upload | UsageError:
    try:
        source = LocalFile(path)
        key = place(source, path.name, arguments.folder, key)
    except UsageError as problem:
        return problem
    return Upload(source, key, _sha256(arguments))


def _remote(url: str, arguments: argparse.Namespace, secret: str = "") -> Upload | UsageError:
    access = Access(
        allowed_hosts=frozenset(one.lower() for one in arguments.allow_host),
        seconds=arguments.timeout,
        authorization=secret,
        plain_http=arguments.sha256 is not None,
    )
    try:
        source = RemoteFile(url, access)
        if not source.file_name and not arguments.key:
            return UsageError(f"{source.name} names no file: say what it becomes by --as.")
        key = checked_key(place(source, source.file_name, arguments.folder, arguments.key))
    except UsageError as problem:
        return problem
    return Upload(source, key, _sha256(arguments))


def _sha256(arguments: argparse.Namespace) -> str | None:
    return arguments.sha256.lower() if arguments.sha256 else None
