"""Stores a task's pictures and the runtime's full answer in the output bucket (R22, R26)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from easel_agent.aws import aws_call
from easel_agent.media_type import JSON, MediaKind, MediaType, detect_media_type
from easel_agent.runtimes.base import MadeFile
from easel_contract.storage import SCOPE_METADATA, TaskLocation, new_nonce

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# 412: there is such an object; 409: another one is being written at this moment.
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


_SHOWN = frozenset({MediaKind.PICTURE, MediaKind.VIDEO, MediaKind.SOUND})
"""What a browser decodes and shows, without anything in it that it could run."""


def _disposition_of(media_type: MediaType) -> str:
    """Returns the `Content-Disposition` of an object (RFC 6266): the rest is only downloaded.

    Beside the content type, which alone is one that no browser runs (docs/adr/0030): S3 cannot
    send `X-Content-Type-Options`.
    """
    return "inline" if media_type.kind in _SHOWN else "attachment"


class TaskOutputs:
    """Writes the objects of one task; safe to share between threads."""

    def __init__(self, s3: "S3Client", location: TaskLocation, scope: str) -> None:
        self._s3 = s3
        self._location = location
        self._scope = scope
        self._nonce = new_nonce()

    def store_file(self, number: int, file: MadeFile) -> str:
        """Stores a file, in the format that its content tells, and returns its S3 URI.

        Args:
            number: from 1, in the runtime's order.
            file: what the runtime made.

        Raises:
            AwsError: S3 did not take the file.
        """
        media_type = detect_media_type(file.data, file.name)
        return self._put(
            lambda nonce: self._location.picture_key(nonce, number, media_type.extension),
            file.data,
            media_type,
        )

    def store_answer(self, answer: bytes) -> str:
        """Stores the runtime's full answer and returns its S3 URI.

        Raises:
            AwsError: S3 did not take the answer.
        """
        return self._put(self._location.answer_key, answer, JSON)

    def _put(self, key_of: Callable[[str], str], body: bytes, media_type: MediaType) -> str:
        """Writes an object, never over another: many tasks may have the same id."""
        nonce = self._nonce
        while True:
            try:
                with aws_call():
                    self._write(key_of(nonce), body, media_type)
            except _TakenError:
                nonce = new_nonce()
            else:
                return self._location.uri_of(key_of(nonce))

    def _write(self, key: str, body: bytes, media_type: MediaType) -> None:
        try:
            self._s3.put_object(
                Bucket=self._location.bucket,
                Key=key,
                Body=body,
                ContentType=media_type.content_type,
                ContentDisposition=_disposition_of(media_type),
                Metadata={SCOPE_METADATA: self._scope},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _TAKEN:
                raise _TakenError from error
            raise


class _TakenError(Exception):
    """There is an object under this key."""


class OutputStore:
    """Writes to one bucket."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def begin(self, prefix: str, task_id: str, scope: str) -> TaskOutputs:
        """Begins a task's outputs; prefix and id were checked by the contract.

        Args:
            prefix: of the task.
            task_id: of the task.
            scope: who may name the outputs in tasks of his own, as `TaskRecord.scope`.
        """
        return TaskOutputs(self._s3, TaskLocation(self._bucket, prefix, task_id), scope)
