"""The queue of callbacks, and the dead-letter queue behind it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

REASON_ATTRIBUTE = "dead_letter_reason"
"""Message attribute of a dead letter: why the function sends it no more."""

_MAX_ATTRIBUTES = 9
"""SQS takes ten, and the reason is one."""


class CallbackQueue:
    """Puts messages off, or away."""

    def __init__(self, sqs: "SQSClient", queue_url: str, dead_letter_queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url

    def put_off(self, record: Mapping[str, Any], seconds: int) -> None:
        """Hides a message for a number of seconds from now.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SQS did not; the
                message comes again when the queue's own time is over.
        """
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=seconds,
        )

    def dead_letter(self, record: Mapping[str, Any], reason: str) -> None:
        """Sends a message to the dead-letter queue as it is, with the reason beside it.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SQS did not take it.
        """
        self._sqs.send_message(
            QueueUrl=self._dead_letter_queue_url,
            MessageBody=record["body"],
            MessageAttributes={**_attributes(record), REASON_ATTRIBUTE: _text(reason)},
        )


def _attributes(record: Mapping[str, Any]) -> "dict[str, MessageAttributeValueTypeDef]":
    texts = {
        name: value["stringValue"]
        for name, value in record.get("messageAttributes", {}).items()
        if value.get("stringValue")
    }
    return {name: _text(texts[name]) for name in list(texts)[:_MAX_ATTRIBUTES]}


def _text(value: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": value}
