"""`easel models upload`: files, folders and URLs into the bucket."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from easel_models.bucket import ModelBucket, is_missing
from easel_models.errors import UsageError, together
from easel_models.multipart import checksum, composite, part_size_of
from easel_models.sources import LocalFile, Source
from easel_models.transfer import Limits, transfer
from easel_models.transfer_progress import TransferProgress


@dataclass(frozen=True)
class Upload:
    """A file and where it goes.

    Attributes:
        source: the file.
        key: folder and name.
        sha256: that it must have, in hex; None: not known.
    """

    source: Source
    key: str
    sha256: str | None = None


@dataclass(frozen=True)
class Uploaded:
    """A file that is in the bucket.

    Attributes:
        key: folder and name.
        size: in bytes.
        sha256: of the whole file, in hex.
        state: `uploaded`, `resumed` or `already there`.
        sent_parts: how many parts were sent now.
        kept_parts: how many an earlier try had sent.
    """

    key: str
    size: int
    sha256: str
    state: str
    sent_parts: int = 0
    kept_parts: int = 0


def upload(
    bucket: ModelBucket,
    uploads: Sequence[Upload],
    limits: Limits,
    progress: TransferProgress,
    *,
    replace: bool,
) -> list[Uploaded]:
    """Uploads files, one after the other, each in parts at once.

    Args:
        bucket: that they go to.
        uploads: what goes where.
        limits: of each transfer.
        progress: is told how far it is.
        replace: whether another file of the same key is overwritten.

    Raises:
        UsageError: two files have one key, or another file has it already; nothing is sent then.
        TransferError: a file did not arrive whole.
        botocore.exceptions.ClientError: S3 has not taken something.
    """
    _check_keys(uploads)
    there: dict[str, Uploaded] = {}
    problems = []
    for one in uploads:
        same = _already(bucket, one)
        if isinstance(same, Uploaded):
            there[one.key] = same
        elif same and not replace:
            problems.append(same)
    if problems:
        raise together(problems)
    done = []
    for one in uploads:
        result = there.get(one.key) or _uploaded(bucket, one, limits, progress)
        parts = f", {result.kept_parts} parts were there" if result.kept_parts else ""
        progress.say(f"  {result.state}  {result.key}  sha256 {result.sha256}{parts}")
        done.append(result)
    return done


def _uploaded(
    bucket: ModelBucket, one: Upload, limits: Limits, progress: TransferProgress
) -> Uploaded:
    progress.say(f"  ...   {one.source.name} -> {bucket.url}/{one.key}")
    with progress.file(one.key, one.source.size) as advance:
        sent = transfer(
            bucket,
            one.key,
            one.source,
            limits=limits,
            expected_sha256=one.sha256 or one.source.sha256,
            advance=advance,
        )
    state = "resumed" if sent.kept_parts else "uploaded"
    return Uploaded(one.key, sent.size, sent.sha256, state, sent.sent_parts, sent.kept_parts)


def _check_keys(uploads: Sequence[Upload]) -> None:
    by_key: dict[str, list[str]] = {}
    for one in uploads:
        by_key.setdefault(one.key, []).append(one.source.name)
    problems = [
        f"{' and '.join(names)} would both be {key}." for key, names in by_key.items() if names[1:]
    ]
    if problems:
        raise together(problems)


def _already(bucket: ModelBucket, one: Upload) -> Uploaded | str:
    """What is there already; else a problem with what is there; empty where nothing is."""
    try:
        found = bucket.s3.head_object(
            Bucket=bucket.name, Key=bucket.full_key(one.key), ChecksumMode="ENABLED"
        )
    except ClientError as error:
        if is_missing(error):
            return ""
        raise
    size, noted = found["ContentLength"], bucket.sha256(one.key)
    other = (
        f"{bucket.url}/{one.key} is there already, and is another file than {one.source.name}: "
        "replace it by --replace (pods that are reading it fail), or give another name by --as."
    )
    expected = one.sha256 or one.source.sha256
    if isinstance(one.source, LocalFile):
        if size != one.source.size:
            return other
        expected, parts = _sums(one.source)
        if parts == found.get("ChecksumSHA256") and noted is None:
            # An upload that ended between its last part and its note.
            bucket.note_sha256(one.key, expected)
            noted = expected
        if one.sha256 not in (None, expected):
            raise UsageError(f"{one.source.name} has SHA-256 {expected}, not {one.sha256}.")
    if expected is None or noted != expected:
        return other
    return Uploaded(one.key, size, expected, "already there")


def _sums(source: LocalFile) -> tuple[str, str]:
    """A file's SHA-256, and the checksum that S3 gives it."""
    whole, parts, size = hashlib.sha256(), [], part_size_of(source.size)
    for offset in range(0, source.size, size):
        data = source.read_range(offset, size)
        whole.update(data)
        parts.append(checksum(data))
    return whole.hexdigest(), composite(parts)
