"""Stores a task's pictures and the runtime's full answer in the output bucket (R22, R26)."""

from typing import TYPE_CHECKING

from easel_agent.media_type import JSON, detect_media_type
from easel_contract.storage import TaskLocation, new_nonce

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class TaskOutputs:
    """Writes the objects of one task, under one nonce."""

    def __init__(self, s3: "S3Client", location: TaskLocation) -> None:
        self._s3 = s3
        self._location = location
        self._nonce = new_nonce()
        self.picture_urls: list[str] = []
        """S3 URIs of the pictures stored so far, in order."""

    def store_picture(self, picture: bytes) -> None:
        """Stores the next picture, in the format that its content tells.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: S3 did not take it.
        """
        media_type = detect_media_type(picture)
        number = len(self.picture_urls) + 1
        key = self._location.picture_key(self._nonce, number, media_type.extension)
        self._put(key, picture, media_type.content_type)
        self.picture_urls.append(self._location.uri_of(key))

    def store_answer(self, answer: bytes) -> str:
        """Stores the runtime's full answer and returns its S3 URI.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: S3 did not take it.
        """
        key = self._location.answer_key(self._nonce)
        self._put(key, answer, JSON.content_type)
        return self._location.uri_of(key)

    def _put(self, key: str, body: bytes, content_type: str) -> None:
        self._s3.put_object(
            Bucket=self._location.bucket, Key=key, Body=body, ContentType=content_type
        )


class OutputStore:
    """Writes to one bucket."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def begin(self, prefix: str, task_id: str) -> TaskOutputs:
        """Begins a task's outputs; prefix and id were checked by the contract."""
        return TaskOutputs(self._s3, TaskLocation(self._bucket, prefix, task_id))
