"""`easel models remove`: takes models out of the bucket."""

from collections.abc import Mapping, Sequence

from easel_models.bucket import ModelBucket
from easel_models.errors import ModelsError, together
from easel_models.multipart import MultipartUpload

_AT_ONCE = 1000
"""Keys that S3 takes in one DeleteObjects."""


def removable(bucket: ModelBucket, keys: Sequence[str]) -> Mapping[str, int]:
    """Finds what is to be removed.

    Args:
        bucket: the bucket.
        keys: of files, or of folders with a slash at the end.

    Returns:
        Sizes in bytes, by key.

    Raises:
        UsageError: something is not there.
        botocore.exceptions.ClientError: the bucket cannot be listed.
    """
    sizes = {file.key: file.size for file in bucket.files()}
    found: dict[str, int] = {}
    missing = []
    for key in keys:
        below = {
            one: size
            for one, size in sizes.items()
            if one == key or (key.endswith("/") and one.startswith(key))
        }
        if not below:
            missing.append(f"{bucket.url}/{key} is not there.")
        found |= below
    if missing:
        raise together(missing)
    return found


def remove(bucket: ModelBucket, keys: Sequence[str]) -> None:
    """Removes files.

    Raises:
        ModelsError: not all are removed; those that are not are named.
        botocore.exceptions.ClientError: S3 does not answer.
    """
    problems = []
    for begin in range(0, len(keys), _AT_ONCE):
        batch = keys[begin : begin + _AT_ONCE]
        answer = bucket.s3.delete_objects(
            Bucket=bucket.name,
            Delete={"Objects": [{"Key": bucket.full_key(key)} for key in batch], "Quiet": True},
        )
        problems += [
            f"{bucket.own_key(one.get('Key', ''))}: {one.get('Message', one.get('Code', ''))}"
            for one in answer.get("Errors", [])
        ]
    if problems:
        raise ModelsError("\n  ".join(["these are not removed:", *problems]))


def end_unfinished(bucket: ModelBucket, keys: Sequence[str]) -> list[str]:
    """Ends unfinished uploads and removes their parts.

    Args:
        bucket: the bucket.
        keys: of which; none: all.

    Returns:
        The keys, once for each upload.

    Raises:
        botocore.exceptions.ClientError: one cannot be ended.
    """
    ended = []
    for upload in MultipartUpload.unfinished(bucket):
        if not keys or upload.key in keys:
            upload.abort()
            ended.append(upload.key)
    return ended
