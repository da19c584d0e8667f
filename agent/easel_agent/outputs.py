"""Stores a task's pictures and the runtime's full answer in the output bucket (R22, R26)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from easel_agent.media_type import JSON, detect_media_type
from easel_contract.storage import TaskLocation, new_nonce

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class StoredOutputs:
    """Where a task's outcome lies, as S3 URIs."""

    picture_urls: list[str]
    answer_url: str


class OutputStore:
    """Writes to one bucket."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def store(
        self, prefix: str, task_id: str, pictures: Sequence[bytes], answer: bytes
    ) -> StoredOutputs:
        """Stores what a task made, the answer last: where it is, all pictures are.

        Args:
            prefix: the task's, checked by the contract.
            task_id: the same.
            pictures: numbered from 1 in this order.
            answer: the runtime's answer as it came.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: S3 did not take
                one of them.
        """
        location = TaskLocation(self._bucket, prefix, task_id)
        nonce = new_nonce()
        picture_urls = []
        for number, picture in enumerate(pictures, start=1):
            media_type = detect_media_type(picture)
            key = location.picture_key(nonce, number, media_type.extension)
            self._put(key, picture, media_type.content_type)
            picture_urls.append(location.uri_of(key))
        answer_key = location.answer_key(nonce)
        self._put(answer_key, answer, JSON.content_type)
        return StoredOutputs(picture_urls, location.uri_of(answer_key))

    def _put(self, key: str, body: bytes, content_type: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)
