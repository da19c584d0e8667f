"""The webhook function with its queues and its secret under moto, without Lambda around it."""

from typing import Any

import boto3

from easel_webhook.batch import CallbackBatches
from easel_webhook.callback_queue import CallbackQueue
from easel_webhook.posting import PostRules
from easel_webhook.signing import SigningSecrets

SECRETS = ("whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8, "whsec_" + "bmV4" * 8)


class WebhookStack:
    """Receives from the queue as an event source mapping does."""

    def __init__(self, rules: PostRules) -> None:
        connect: Any = boto3.client
        self.sqs = connect("sqs", region_name="us-east-1")
        self.secrets = connect("secretsmanager", region_name="us-east-1")
        self.queue = self.sqs.create_queue(QueueName="webhooks")["QueueUrl"]
        self.dead_letters = self.sqs.create_queue(QueueName="webhooks-dead")["QueueUrl"]
        self.secret = self.secrets.create_secret(Name="webhooks", SecretString=SECRETS[0])["ARN"]
        self.batches = CallbackBatches(
            SigningSecrets(self.secrets, self.secret),
            CallbackQueue(self.sqs, self.queue, self.dead_letters),
            rules,
        )

    def publish(self, body: str, url: str) -> None:
        """Puts a callback into the queue, as SNS does with raw delivery."""
        self.sqs.send_message(
            QueueUrl=self.queue,
            MessageBody=body,
            MessageAttributes={
                "status": {"DataType": "String", "StringValue": "completed"},
                "callback_url": {"DataType": "String", "StringValue": url},
            },
        )

    def invoke(self, **over: str) -> list[str]:
        """Runs the function on what is visible; messages that it does not report are deleted.

        Args:
            over: system attributes that the messages are to have.
        """
        messages = self.sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        records = [_record(message, over) for message in messages]
        stays = self.batches.send(records, "request-1")
        for record in records:
            if record["messageId"] not in stays:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=record["receiptHandle"])
        return stays

    def waiting(self) -> tuple[int, int]:
        """Numbers of visible and of hidden messages."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return int(answer["Attributes"][names[0]]), int(answer["Attributes"][names[1]])

    def buried(self) -> list[Any]:
        """The dead letters."""
        answer = self.sqs.receive_message(
            QueueUrl=self.dead_letters, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))


def _record(message: dict[str, Any], over: dict[str, str]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"] | over,
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": "String"}
            for name, value in message.get("MessageAttributes", {}).items()
        },
    }
