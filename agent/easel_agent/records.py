"""The record of each task's final result: written once, found by every later delivery."""

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, ValidationError

from easel_agent.errors import RejectedTaskError
from easel_contract.errors import TaskErrorCode
from easel_contract.json_text import encode_json
from easel_contract.result import TaskResult
from easel_contract.storage import result_key
from easel_contract.task import TaskMetadata

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Without the right to list a bucket, S3 says 403 of an object that is not there.
_MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
# 412: there is one; 409: another is being written at this moment.
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class ResultRecord(BaseModel):
    """What is known of a finished task."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    """Of what was asked: an id stands for one request."""
    created_at: datetime | None = None
    """Of the request's message: tells a duplicate of it from the same request sent again."""
    result: TaskResult
    announced: bool = False
    """Whether the callback is known to have been published."""


def fingerprint_of(metadata: TaskMetadata, content: dict[str, Any]) -> str:
    """A digest of what a task asks for; the same for the same request sent again."""
    asked: Any = {"tasktype": metadata.tasktype, "prefix": metadata.prefix, "content": content}
    return hashlib.sha256(encode_json(asked).encode()).hexdigest()


class ResultRecords:
    """Records in one bucket."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def find(self, task_id: str, fingerprint: str) -> ResultRecord | None:
        """Looks for the result of an earlier delivery.

        Returns:
            The record; None where the task has not been finished yet.

        Raises:
            RejectedTaskError: the id was used for another request.
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: S3 did not answer.
        """
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=result_key(task_id))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        try:
            record = ResultRecord.model_validate_json(answer["Body"].read())
        except ValidationError:
            return None  # of another version of easel: as good as none
        if record.fingerprint != fingerprint:
            raise RejectedTaskError(
                TaskErrorCode.ID_REUSED,
                f"the id {task_id} was used before, for another request; choose a new one",
            )
        return record

    def claim(self, record: ResultRecord) -> ResultRecord:
        """Writes a final result unless there is one.

        Returns:
            The record that counts: this one, or the one that another delivery wrote before.

        Raises:
            RejectedTaskError: the id was used for another request.
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: S3 did not answer.
        """
        try:
            self._put(record, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN:
                raise
            return self.find(record.result.id, record.fingerprint) or record
        return record

    def mark_announced(self, record: ResultRecord) -> None:
        """Notes that the callback was published: no later delivery publishes it again."""
        self._put(record.model_copy(update={"announced": True}))

    def _put(self, record: ResultRecord, **condition: Any) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=result_key(record.result.id),
            Body=record.model_dump_json().encode(),
            ContentType="application/json",
            **condition,
        )
