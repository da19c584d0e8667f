"""A multipart upload that a later process can go on with.

S3 itself keeps what is needed for that: which uploads of a key are unfinished
(`ListMultipartUploads`), and of each part its size and SHA-256 (`ListParts`). A part whose SHA-256
is that of the same range of the file need not be sent again, whoever sent it and whenever; so
nothing is written down on this machine. Object and parts are bound together by the composite
checksum: SHA-256 of the parts' SHA-256, a hyphen, their number
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
"""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from easel_models.bucket import ModelBucket, is_missing
from easel_models.errors import TransferError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

MIB = 2**20
_SMALLEST_PART = 16 * MIB
_MAX_PARTS = 10_000
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""


def part_size_of(size: int) -> int:
    """Returns how large the parts of a file are, in bytes: the same in every process.

    Args:
        size: of the file in bytes, or the most that it may have.
    """
    return max(_SMALLEST_PART, math.ceil(size / _MAX_PARTS / MIB) * MIB)


def checksum(data: bytes | memoryview) -> str:
    """Returns the SHA-256 of a part as S3 writes it: in base64."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def composite(checksums: Sequence[str]) -> str:
    """Returns the checksum that S3 gives an object of parts with these checksums."""
    digests = b"".join(map(base64.b64decode, checksums))
    return f"{checksum(digests)}-{len(checksums)}"


@dataclass(frozen=True)
class Part:
    """A part that S3 has.

    Attributes:
        number: from 1.
        size: in bytes.
        checksum: its SHA-256 in base64.
        etag: of the part.
    """

    number: int
    size: int
    checksum: str
    etag: str


class MultipartUpload:
    """One multipart upload of one object."""

    def __init__(self, bucket: ModelBucket, key: str, upload_id: str) -> None:
        self._bucket, self.key, self.upload_id = bucket, key, upload_id

    @classmethod
    def begin(cls, bucket: ModelBucket, key: str) -> "MultipartUpload":
        """Begins one.

        Raises:
            botocore.exceptions.ClientError: it cannot be begun.
        """
        begun = bucket.s3.create_multipart_upload(
            Bucket=bucket.name,
            Key=bucket.full_key(key),
            ChecksumAlgorithm="SHA256",
            ContentType="application/octet-stream",
        )
        return cls(bucket, key, begun["UploadId"])

    @classmethod
    def unfinished(cls, bucket: ModelBucket, key: str = "") -> "list[MultipartUpload]":
        """Returns the unfinished uploads of a key, or of all of them, the latest first.

        Raises:
            botocore.exceptions.ClientError: they cannot be listed.
        """
        pages = bucket.s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket.name, Prefix=bucket.full_key(key)
        )
        found = [one for page in pages for one in page.get("Uploads", [])]
        found.sort(key=lambda one: one["Initiated"], reverse=True)
        return [
            cls(bucket, bucket.own_key(one["Key"]), one["UploadId"])
            for one in found
            if not key or one["Key"] == bucket.full_key(key)
        ]

    @classmethod
    def resumable(
        cls, bucket: ModelBucket, key: str
    ) -> "tuple[MultipartUpload, list[Part]] | None":
        """Returns the latest unfinished upload with parts that can be told by their SHA-256.

        Others, of other programs, are left alone.

        Raises:
            botocore.exceptions.ClientError: they cannot be listed.
        """
        for upload in cls.unfinished(bucket, key):
            if parts := upload.parts():
                return upload, parts
        return None

    def parts(self) -> list[Part]:
        """Returns the parts that S3 has; none where one of them has no SHA-256.

        Raises:
            botocore.exceptions.ClientError: they cannot be listed.
        """
        pages = self._bucket.s3.get_paginator("list_parts").paginate(**self._where)
        try:
            found = [one for page in pages for one in page.get("Parts", [])]
        except ClientError as error:
            if is_missing(error):  # It was finished or ended in between.
                return []
            raise
        if not all("ChecksumSHA256" in one for one in found):
            return []
        return [
            Part(one["PartNumber"], one["Size"], one["ChecksumSHA256"], one["ETag"])
            for one in found
        ]

    def send(self, number: int, data: bytes, sha256: str) -> Part:
        """Sends a part; S3 checks it against its SHA-256.

        Raises:
            botocore.exceptions.ClientError: S3 has not taken it.
        """
        sent = self._bucket.s3.upload_part(
            **self._where, PartNumber=number, Body=data, ChecksumSHA256=sha256
        )
        return Part(number, len(data), sha256, sent["ETag"])

    def complete(self, parts: Mapping[int, Part]) -> None:
        """Makes the object of its parts.

        Args:
            parts: by number, without a hole.

        Raises:
            TransferError: S3 has made something else of them.
            botocore.exceptions.ClientError: S3 has not taken them.
        """
        ordered = [parts[number] for number in sorted(parts)]
        completed: list[CompletedPartTypeDef] = [
            {"PartNumber": one.number, "ETag": one.etag, "ChecksumSHA256": one.checksum}
            for one in ordered
        ]
        made = self._bucket.s3.complete_multipart_upload(
            **self._where, MultipartUpload={"Parts": completed}
        )
        expected = composite([one.checksum for one in ordered])
        # Only what S3 says can be held against it.
        if made.get("ChecksumSHA256", expected) != expected:
            raise TransferError(
                f"{self.key}: S3 has checksum {made['ChecksumSHA256']}, and {expected} was sent. "
                "Upload it again with --replace."
            )

    def abort(self) -> None:
        """Ends it and removes its parts.

        Raises:
            botocore.exceptions.ClientError: it cannot be ended.
        """
        try:
            self._bucket.s3.abort_multipart_upload(**self._where)
        except ClientError as error:
            if not is_missing(error):
                raise

    @property
    def _where(self) -> Any:
        return {
            "Bucket": self._bucket.name,
            "Key": self._bucket.full_key(self.key),
            "UploadId": self.upload_id,
        }
