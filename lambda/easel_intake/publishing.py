"""A task -> the tasks topic, its content by way of S3 where it is too large for SNS."""

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from easel_contract import attributes
from easel_contract.json_text import encode_json
from easel_contract.storage import payload_key
from easel_contract.task import TaskMessage
from easel_contract.trace import TraceContext
from easel_intake.api_requests import RequestedTask

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

MAX_INLINE_BYTES = 200 * 1024
"""SNS and SQS take 256 KiB, attributes and envelope included."""


class TaskPublisher:
    """Publishes tasks to one topic."""

    def __init__(self, sns: "SNSClient", s3: "S3Client", topic_arn: str, bucket: str) -> None:
        self._sns = sns
        self._s3 = s3
        self._topic_arn = topic_arn
        self._bucket = bucket

    def message_of(self, task: RequestedTask, *, uid: str, tenant: str) -> TaskMessage:
        """Returns the message of a task; nothing is sent."""
        # The key has done its work when the message is there.
        metadata = task.metadata.model_copy(update={"idempotency_key": None})
        return TaskMessage(
            uid=uid,
            tenant=tenant,
            metadata=metadata,
            content=task.content,
            created_at=datetime.now(UTC),
            trace=_trace(uid).headers(),
        )

    def publish(self, message: TaskMessage, *, checkpoint: str | None) -> None:
        """Publishes a task with the attributes that the queues' filters look at.

        The tenant is the message group: SQS's fair queues keep one tenant's flood from delaying
        the tasks of the others.

        Args:
            message: of `message_of`.
            checkpoint: that a v1alpha1 request names.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SNS or S3 did not
                take it; nothing will come of the task.
        """
        body = message.to_json()
        if len(body.encode()) > MAX_INLINE_BYTES:
            body = self._by_reference(message).to_json()
        names = {attributes.RUNTIME: message.metadata.runtime}
        if checkpoint is not None:
            names[attributes.CHECKPOINT] = checkpoint
        self._sns.publish(
            TopicArn=self._topic_arn,
            Message=body,
            MessageGroupId=message.tenant or "",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in names.items()
            },
        )

    def _by_reference(self, message: TaskMessage) -> TaskMessage:
        content: dict[str, Any] = message.content or {}
        key = payload_key(message.uid or "")
        self._s3.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=encode_json(content).encode(),
            ContentType="application/json",
        )
        return message.model_copy(
            update={"content": None, "content_ref": f"s3://{self._bucket}/{key}"}
        )


def _trace(uid: str) -> TraceContext:
    # Lambda sets it per invocation, traced or not: its own segments are then of the same trace.
    header = os.environ.get("_X_AMZN_TRACE_ID", "")
    return TraceContext.of_xray(header, uid) or TraceContext.new(uid)
