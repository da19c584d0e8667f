"""A model bucket: its settings, its objects, ranges of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from easel_models.errors import ModelsError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SHA256_TAG = "easel:sha256"
"""Tag of an object with the SHA-256 of the whole file, in hex.

A tag, not metadata: metadata is fixed before the first byte is read.
"""

_MISSING = frozenset(
    {
        *("404", "NoSuchKey", "NoSuchBucket", "NoSuchTagSet", "NoSuchBucketPolicy"),
        *("NoSuchPublicAccessBlockConfiguration", "NoSuchUpload"),
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


@dataclass(frozen=True)
class StoredFile:
    """An object.

    Attributes:
        key: below the bucket's prefix: folder and name.
        size: in bytes.
        modified: when it was stored.
    """

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Settings:
    """How a bucket is set up; None where these credentials may not read it.

    Attributes:
        region: where it is.
        encryption: `AES256`, `aws:kms` or `aws:kms:dsse`; None: nothing is set.
        kms_key: that it encrypts with; empty where S3's own.
        public_policy: whether its policy lets the public in.
        blocks_public: whether all four of S3's blocks of public access are on.
        versioned: whether it keeps what is overwritten and removed.
    """

    region: str
    encryption: str | None
    kms_key: str
    public_policy: bool | None
    blocks_public: bool | None
    versioned: bool | None


def connect(region: str | None, parallel: int) -> "S3Client":
    """Makes a client of S3.

    Args:
        region: of the bucket; None: as the environment has it.
        parallel: how many requests are under way at once.
    """
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 6},
        max_pool_connections=parallel + 4,
        tcp_keepalive=True,
        # Ours are SHA-256, given with each part.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client: S3Client = boto3.client("s3", region_name=region, config=config)
    return client


class ModelBucket:
    """The folder of a bucket in which a stack's models are."""

    def __init__(self, s3: "S3Client", name: str, prefix: str = "") -> None:
        """Names it; nothing is asked yet.

        Args:
            s3: client.
            name: of the bucket.
            prefix: folder in it, `model_prefix` of a runtime; empty: all of it.
        """
        self.s3, self.name = s3, name
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @property
    def url(self) -> str:
        """s3://bucket, or s3://bucket/prefix."""
        return f"s3://{self.name}/{self._prefix}".rstrip("/")

    def full_key(self, key: str) -> str:
        """Returns the object's key in the bucket."""
        return self._prefix + key

    def own_key(self, full_key: str) -> str:
        """Returns what `full_key` was made of."""
        return full_key.removeprefix(self._prefix)

    def files(self) -> Iterator[StoredFile]:
        """Lists the objects; what stands for an empty folder is left out.

        Raises:
            botocore.exceptions.ClientError: it cannot be listed.
        """
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=self._prefix
        )
        for page in pages:
            for one in page.get("Contents", []):
                if not one["Key"].endswith("/"):
                    yield StoredFile(self.own_key(one["Key"]), one["Size"], one["LastModified"])

    def read(self, key: str, offset: int, length: int) -> bytes:
        """Reads a part of an object; fewer bytes at its end.

        Raises:
            botocore.exceptions.ClientError: it cannot be read.
        """
        span = f"bytes={offset}-{offset + length - 1}"
        try:
            found = self.s3.get_object(Bucket=self.name, Key=self.full_key(key), Range=span)
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":  # An empty object has no byte 0.
                return b""
            raise
        return found["Body"].read()

    def sha256(self, key: str) -> str | None:
        """Returns the SHA-256 that an upload has noted, in hex; None where none has.

        Raises:
            botocore.exceptions.ClientError: its tags cannot be read.
        """
        found = self.s3.get_object_tagging(Bucket=self.name, Key=self.full_key(key))
        return next((tag["Value"] for tag in found["TagSet"] if tag["Key"] == SHA256_TAG), None)

    def note_sha256(self, key: str, sha256: str) -> None:
        """Notes the SHA-256 of an object, in hex; its other tags stay.

        Raises:
            botocore.exceptions.ClientError: it cannot be tagged.
        """
        where: Any = {"Bucket": self.name, "Key": self.full_key(key)}
        tags = [
            tag for tag in self.s3.get_object_tagging(**where)["TagSet"] if tag["Key"] != SHA256_TAG
        ]
        tags.append({"Key": SHA256_TAG, "Value": sha256})
        self.s3.put_object_tagging(**where, Tagging={"TagSet": tags})

    def region(self) -> str:
        """Returns the region that it is in.

        Raises:
            ModelsError: there is no such bucket, or it is somebody else's.
        """
        try:
            found = self.s3.head_bucket(Bucket=self.name)
        except ClientError as error:
            raise _no_bucket(self.name, error) from error
        if region := found.get("BucketRegion"):
            return region
        # Of a bucket in us-east-1 S3 says none.
        location: str | None = self.s3.get_bucket_location(Bucket=self.name)["LocationConstraint"]
        return location or "us-east-1"

    def settings(self) -> Settings:
        """Reads how it is set up.

        Raises:
            ModelsError: there is no such bucket, or it is somebody else's.
            botocore.exceptions.ClientError: S3 does not answer.
        """
        rules = self._asked("get_bucket_encryption", "ServerSideEncryptionConfiguration")
        (rule, *_) = (rules or {}).get("Rules") or [{}]
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        blocks = self._asked("get_public_access_block", "PublicAccessBlockConfiguration")
        policy = self._asked("get_bucket_policy_status", "PolicyStatus")
        versioning = self._asked("get_bucket_versioning", "Status")
        return Settings(
            region=self.region(),
            encryption=default.get("SSEAlgorithm"),
            kms_key=default.get("KMSMasterKeyID", ""),
            public_policy=None if policy is None else bool(policy.get("IsPublic")),
            blocks_public=None if blocks is None else bool(blocks) and all(blocks.values()),
            versioned=None if versioning is None else versioning == "Enabled",
        )

    def _asked(self, method: str, field: str) -> Any:
        """The field of an answer; empty where nothing is set, None where it may not be read."""
        ask: Any = getattr(self.s3, method)
        try:
            return ask(Bucket=self.name).get(field, {})
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                return {}
            if code in ("AccessDenied", "403"):
                return None
            raise


def is_missing(error: ClientError) -> bool:
    """Returns whether S3 has answered that there is no such thing."""
    return error.response["Error"]["Code"] in _MISSING


def _no_bucket(name: str, error: ClientError) -> ModelsError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if is_missing(error):
        return ModelsError(
            f"There is no bucket {name}. Make it by `model_bucket` in terraform.tfvars, or name "
            "another one: --bucket."
        )
    if status in (HTTP_FORBIDDEN, HTTP_MOVED, HTTP_BAD_REQUEST):
        return ModelsError(
            f"Bucket {name} cannot be looked at ({status}): it is another account's, in another "
            "partition, or these credentials lack s3:ListBucket on it."
        )
    return ModelsError(f"Bucket {name} cannot be looked at: {error}")


HTTP_MOVED, HTTP_BAD_REQUEST, HTTP_FORBIDDEN = 301, 400, 403
