"""Sends a source into the bucket: in parts, several at once, without those that are there."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from easel_models.bucket import ModelBucket
from easel_models.errors import TransferError, UsageError
from easel_models.multipart import MultipartUpload, Part, checksum, part_size_of
from easel_models.sources import Source

Advance = Callable[[int], None]
"""Is told of so many more bytes that are in the bucket."""


@dataclass(frozen=True)
class Limits:
    """How a transfer goes.

    Attributes:
        parallel: parts that are sent at once.
        max_bytes: the most that a file may have.
    """

    parallel: int
    max_bytes: int


@dataclass(frozen=True)
class Transferred:
    """A file that is in the bucket.

    Attributes:
        size: in bytes.
        sha256: of the whole file, in hex.
        sent_parts: how many parts were sent now.
        kept_parts: how many an earlier try had sent.
    """

    size: int
    sha256: str
    sent_parts: int
    kept_parts: int


def transfer(
    bucket: ModelBucket,
    key: str,
    source: Source,
    *,
    limits: Limits,
    expected_sha256: str | None,
    advance: Advance,
) -> Transferred:
    """Sends a file. An error leaves what was sent: the same call goes on with it.

    Args:
        bucket: that it goes to.
        key: folder and name.
        source: that it comes from.
        limits: of the transfer.
        expected_sha256: in hex; where the file has another, nothing of it stays.
        advance: is told how far it is, from other threads, too.

    Raises:
        TransferError: the file is not what it should be, or changed meanwhile.
        UsageError: it is larger than `limits` allow.
        botocore.exceptions.ClientError: S3 has not taken something.
    """
    _check_size(source, limits, source.size or 0)
    resumed = MultipartUpload.resumable(bucket, key)
    upload, there = resumed or (MultipartUpload.begin(bucket, key), [])
    sending = _Sending(upload, {one.number: one for one in there}, limits.parallel, advance)
    with sending:
        for data in _parts_of(source.chunks(), part_size_of(source.size or limits.max_bytes)):
            _check_size(source, limits, sending.total + len(data))
            sending.add(data)
        parts = sending.end()
    _check_whole(source, sending.total)
    found = sending.whole.hexdigest()
    if expected_sha256 is not None:
        _check_sha256(upload, source, found, expected_sha256)
    upload.complete(parts)
    bucket.note_sha256(key, found)
    return Transferred(sending.total, found, sending.sent, sending.kept)


def _check_whole(source: Source, total: int) -> None:
    if source.size is not None and total != source.size:
        raise TransferError(
            f"{source.name} had {source.size} bytes, and {total} were read: it changed meanwhile, "
            "or its server broke off. Do the same again."
        )


def _check_sha256(upload: MultipartUpload, source: Source, found: str, expected: str) -> None:
    if found != expected:
        upload.abort()
        raise TransferError(
            f"{source.name} has SHA-256 {found}, and {expected} was expected: it is "
            "another file, or was damaged on its way. Nothing of it is in the bucket."
        )


class _Sending:
    """Sends parts by several threads; holds a few of them in memory at most."""

    def __init__(
        self, upload: MultipartUpload, there: dict[int, Part], parallel: int, advance: Advance
    ) -> None:
        self._upload, self._there, self._advance = upload, there, advance
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="easel-part")
        # One that is read while the others are sent.
        self._at_most = parallel + 1
        self._pending: set[Future[Part]] = set()
        self._done: dict[int, Part] = {}
        self._number = 0
        self.sent = self.kept = self.total = 0
        self.whole = hashlib.sha256()

    def __enter__(self) -> "_Sending":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, data: bytes) -> None:
        """Sends the next part, once there is room for it."""
        while len(self._pending) >= self._at_most:
            self._collect()
        self._number += 1
        self.total += len(data)
        self.whole.update(data)
        self._pending.add(self._pool.submit(self._send, self._number, data))

    def end(self) -> dict[int, Part]:
        """Waits until all is sent."""
        while self._pending:
            self._collect()
        return self._done

    def _collect(self) -> None:
        done, self._pending = wait(self._pending, return_when=FIRST_COMPLETED)
        for one in done:
            part = one.result()
            self._done[part.number] = part
            if part is self._there.get(part.number):
                self.kept += 1
            else:
                self.sent += 1

    def _send(self, number: int, data: bytes) -> Part:
        sha256 = checksum(data)
        part = self._there.get(number)
        if part is None or (part.size, part.checksum) != (len(data), sha256):
            part = self._upload.send(number, data, sha256)
        self._advance(len(data))
        return part


def _parts_of(chunks: Iterator[bytes], part_size: int) -> Iterator[bytes]:
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        while len(gathered) >= part_size:
            yield bytes(memoryview(gathered)[:part_size])
            del gathered[:part_size]
    if gathered:
        yield bytes(gathered)


def _check_size(source: Source, limits: Limits, size: int) -> None:
    if size > limits.max_bytes:
        raise UsageError(
            f"{source.name} is larger than {limits.max_bytes / 2**30:g} GiB: where that is right, "
            "allow more by --max-gib."
        )
