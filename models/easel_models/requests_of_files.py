"""What a person asks to upload -> the files, each with its key; all problems together."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from easel_models.errors import UsageError, together
from easel_models.hugging_face import authorization, hub_url
from easel_models.options import UploadOptions
from easel_models.placing import checked_key, files_below, place
from easel_models.remote_file import Access, RemoteFile
from easel_models.sources import LocalFile
from easel_models.upload import Upload

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def uploads_of(options: UploadOptions, environment: Mapping[str, str]) -> list[Upload]:
    """Looks at what is to be uploaded.

    Args:
        options: of `easel models upload`.
        environment: of the process.

    Raises:
        UsageError: something cannot be uploaded; every problem is named.
        TransferError: a URL's server does not answer.
    """
    _check_options(options)
    uploads: list[Upload] = []
    problems: list[str] = []
    for found in _asked(options, environment):
        if isinstance(found, UsageError):
            problems.append(str(found))
        else:
            uploads.append(found)
    if problems:
        raise together(problems)
    if not uploads:
        raise UsageError("there is nothing to upload: the folder has no files.")
    return uploads


def _check_options(options: UploadOptions) -> None:
    count = len(options.sources) + len(options.hf)
    if not count:
        raise UsageError("name what to upload: FILE, FOLDER, URL or --hf OWNER/REPO/FILE.")
    single = count == 1 and not any(Path(one).is_dir() for one in options.sources)
    if (options.key or options.sha256) and not single:
        raise UsageError("--as and --sha256 are for a single file.")
    if options.key and options.folder:
        raise UsageError("--as names the folder, too: leave --folder out.")
    if options.sha256 and not _SHA256.fullmatch(options.sha256):
        raise UsageError("--sha256 is not 64 hexadecimal digits.")


def _asked(options: UploadOptions, environment: Mapping[str, str]) -> Iterator[Upload | UsageError]:
    for name in options.sources:
        path = Path(name)
        if _URL.match(name):
            yield _remote(name, options)
        elif path.is_dir():
            yield from _below(path, options)
        else:
            yield _local(path, options, options.key)
    for name in options.hf:
        try:
            url = hub_url(name, options.revision, environment)
        except UsageError as problem:
            yield problem
        else:
            yield _remote(url, options, authorization(environment))


def _below(top: Path, options: UploadOptions) -> Iterator[Upload | UsageError]:
    for path, key in files_below(top, options.folder):
        yield _local(path, options, key)


def _local(path: Path, options: UploadOptions, key: str | None) -> Upload | UsageError:
    try:
        source = LocalFile(path)
        key = place(source, path.name, options.folder, key)
    except UsageError as problem:
        return problem
    return Upload(source, key, _sha256(options))


def _remote(url: str, options: UploadOptions, secret: str = "") -> Upload | UsageError:
    access = Access(
        allowed_hosts=frozenset(one.lower() for one in options.allow_host),
        seconds=options.timeout,
        authorization=secret,
        plain_http=options.sha256 is not None,
    )
    try:
        source = RemoteFile(url, access)
        if not source.file_name and not options.key:
            return UsageError(f"{source.name} names no file: say what it becomes by --as.")
        key = checked_key(place(source, source.file_name, options.folder, options.key))
    except UsageError as problem:
        return problem
    return Upload(source, key, _sha256(options))


def _sha256(options: UploadOptions) -> str | None:
    return options.sha256.lower() if options.sha256 else None
