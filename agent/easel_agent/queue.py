"""The runtime's queue: receive, keep, give back, delete; and its dead-letter queue."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from easel_agent.aws import aws_call

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

_NOT_OURS = frozenset(
    {
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",  # a handle that has expired
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
    }
)
"""What SQS says of a message that was deleted, or whose visibility ran out."""


@dataclass(frozen=True)
class QueueMessage:
    """A message that this agent holds for as long as its visibility timeout lasts.

    Attributes:
        message_id: SQS's own.
        body: as published, perhaps in an SNS envelope.
        receipt_handle: of this delivery.
        receive_count: how often it has been delivered, this time included; says nothing of how
            often the task was begun.
        sent_at: when the queue got it.
    """

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int
    sent_at: datetime


class TaskQueue:
    """One SQS queue and its dead-letter queue. All methods raise `AwsError`."""

    def __init__(
        self, sqs: "SQSClient", queue_url: str, dead_letter_queue_url: str, visibility_seconds: int
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url
        self._visibility_seconds = visibility_seconds

    def receive(self, wait_seconds: int) -> QueueMessage | None:
        """Takes one message; waits for it.

        Args:
            wait_seconds: long poll, 0 to 20.

        Returns:
            The message, or None where none came.
        """
        with aws_call():
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=self._visibility_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            )
        for message in answer.get("Messages", []):
            attributes = message["Attributes"]
            return QueueMessage(
                message_id=message["MessageId"],
                body=message["Body"],
                receipt_handle=message["ReceiptHandle"],
                receive_count=int(attributes["ApproximateReceiveCount"]),
                sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
            )
        return None

    def extend(self, message: QueueMessage) -> bool:
        """Keeps a message invisible for one more visibility timeout, counted from now.

        Returns:
            False where it is not ours any more.
        """
        return self._set_visibility(message, self._visibility_seconds)

    def give_back(self, message: QueueMessage, delay_seconds: int = 0) -> None:
        """Lets a message be received again, at once or after a delay in seconds."""
        self._set_visibility(message, delay_seconds)

    def delete(self, message: QueueMessage) -> None:
        """Removes a message that is done with.

        One that is not ours any more is left to whom it belongs: perhaps it was deleted, and the
        answer to that was lost.
        """
        with aws_call():
            try:
                self._sqs.delete_message(
                    QueueUrl=self._queue_url, ReceiptHandle=message.receipt_handle
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _NOT_OURS:
                    raise
                logger.info(
                    "message is not ours any more", extra={"message_id": message.message_id}
                )

    def dead_letter(self, message: QueueMessage, body: str | None = None) -> None:
        """Moves a message to the dead-letter queue, for a person to look at.

        Sent before it is deleted: a failure between the two leaves a duplicate, not a loss.

        Args:
            message: the queue's.
            body: in place of the message's own.
        """
        with aws_call():
            self._sqs.send_message(
                QueueUrl=self._dead_letter_queue_url, MessageBody=body or message.body
            )
        self.delete(message)

    def _set_visibility(self, message: QueueMessage, seconds: int) -> bool:
        with aws_call():
            try:
                self._sqs.change_message_visibility(
                    QueueUrl=self._queue_url,
                    ReceiptHandle=message.receipt_handle,
                    VisibilityTimeout=seconds,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _NOT_OURS:
                    raise
                return False
        return True
