"""`easel models list`: what is in the bucket."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from easel_models.bucket import ModelBucket, StoredFile
from easel_models.multipart import MultipartUpload

_ASKING = 8


@dataclass(frozen=True)
class Listed:
    """An object, or what is there of one.

    Attributes:
        key: folder and name.
        size: in bytes; of an unfinished upload, what is there.
        modified: ISO 8601; empty for an unfinished upload.
        sha256: in hex; empty where no upload has noted it.
        is_whole: whether it is an object; else an upload that was not finished.
    """

    key: str
    size: int
    modified: str
    sha256: str
    is_whole: bool = True

    def as_json(self) -> dict[str, Any]:
        """Returns it as what JSON can say."""
        return {
            "key": self.key,
            "size": self.size,
            "modified": self.modified or None,
            "sha256": self.sha256 or None,
            "unfinished": not self.is_whole,
        }


def listed(bucket: ModelBucket, folder: str | None) -> Iterator[Listed]:
    """Lists files, then unfinished uploads.

    Args:
        bucket: the bucket.
        folder: of which; None: all.

    Raises:
        botocore.exceptions.ClientError: it cannot be listed.
    """
    prefix = f"{folder}/" if folder else ""
    files = sorted(
        (one for one in bucket.files() if one.key.startswith(prefix)), key=lambda one: one.key
    )

    def with_sha256(file: StoredFile) -> Listed:
        modified = file.modified.isoformat(timespec="seconds")
        return Listed(file.key, file.size, modified, bucket.sha256(file.key) or "")

    with ThreadPoolExecutor(_ASKING) as pool:
        yield from pool.map(with_sha256, files)
    for upload in MultipartUpload.unfinished(bucket):
        if upload.key.startswith(prefix):
            size = sum(part.size for part in upload.parts())
            yield Listed(upload.key, size, "", "", is_whole=False)
