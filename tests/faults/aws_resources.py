"""The AWS side of a runtime, made in a second without Terraform: queues, topic, bucket."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config

from easel_contract.record import PARTITION_KEY, TASK_KEY_PREFIX, TaskRecord, record_of
from easel_local.emulator import Emulator
from easel_records.acceptance import AcceptedTasks
from easel_records.table import TaskTable
from tests.unit.records_table import create_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

VISIBILITY_TIMEOUT_SECONDS = 10
MAX_ATTEMPTS = 5
MOST_RECEIVES = 1000
"""When SQS's own redrive strikes, as in modules/runtime."""

_BATCH = 10


class AwsClients:
    """Clients of an emulator, straight, not through a proxy: the test's own view of AWS."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._session = boto3.Session(**emulator.credentials.keywords(), region_name="us-east-1")
        self.sqs: SQSClient = self.new("sqs")
        self.sns: SNSClient = self.new("sns")
        self.s3: S3Client = self.new("s3")
        self.dynamodb: DynamoDBClient = self.new("dynamodb")

    def new(self, service: str) -> Any:
        """A client for a thread of its own."""
        make: Any = self._session.client
        return make(
            service,
            endpoint_url=self._emulator.endpoint_url,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": 6},
                s3={"addressing_style": "path"},
            ),
        )


class AwsResources:
    """What one runtime has on AWS, and a queue that subscribes to its results."""

    def __init__(self, aws: AwsClients, names: dict[str, str]) -> None:
        self.aws = aws
        self.queue_url = names["queue"]
        self.dead_letter_queue_url = names["dead_letter_queue"]
        self.results_queue_url = names["results_queue"]
        self.topic_arn = names["topic"]
        self.bucket = names["bucket"]
        self.table = TaskTable(aws.dynamodb, names["table"])

    @classmethod
    def create(cls, aws: AwsClients, name: str) -> Self:
        """Creates all of it under one name, which must be new in this emulator."""
        dead_letter_queue = aws.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        redrive = {
            "deadLetterTargetArn": _arn_of(aws, dead_letter_queue),
            "maxReceiveCount": MOST_RECEIVES,
        }
        queue = aws.sqs.create_queue(
            QueueName=name,
            Attributes={
                "VisibilityTimeout": str(VISIBILITY_TIMEOUT_SECONDS),
                "RedrivePolicy": json.dumps(redrive),
            },
        )["QueueUrl"]
        results_queue = aws.sqs.create_queue(QueueName=f"{name}-results")["QueueUrl"]
        topic = aws.sns.create_topic(Name=name)["TopicArn"]
        aws.sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=_arn_of(aws, results_queue),
            Attributes={"RawMessageDelivery": "true"},
        )
        aws.s3.create_bucket(Bucket=name)
        create_table(aws.dynamodb, name)
        return cls(
            aws,
            {
                "queue": queue,
                "dead_letter_queue": dead_letter_queue,
                "results_queue": results_queue,
                "topic": topic,
                "bucket": name,
                "table": name,
            },
        )

    def send(self, bodies: Sequence[str]) -> None:
        """Puts messages into the task queue, as raw delivery from SNS does."""
        for start in range(0, len(bodies), _BATCH):
            batch = bodies[start : start + _BATCH]
            answer = self.aws.sqs.send_message_batch(
                QueueUrl=self.queue_url,
                Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(batch)],
            )
            assert not answer.get("Failed"), answer["Failed"]

    def accept(self, records: Sequence[TaskRecord]) -> None:
        """Writes records of tasks that wait, as the intake does before it publishes them."""
        for record in records:
            AcceptedTasks(self.table).add(record)

    def records(self) -> list[TaskRecord]:
        """All records of tasks."""
        pages = self.aws.dynamodb.get_paginator("scan").paginate(TableName=self.table.name)
        return [
            record_of(item)
            for page in pages
            for item in page["Items"]
            if item[PARTITION_KEY]["S"].startswith(TASK_KEY_PREFIX)
        ]

    def messages_left(self) -> int:
        """How many messages the task queue holds, visible, in flight or delayed."""
        attributes: Any = self.aws.sqs.get_queue_attributes(
            QueueUrl=self.queue_url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        return sum(map(int, attributes.values()))

    def messages_in_flight(self) -> int:
        """How many messages agents have received and not deleted."""
        name = "ApproximateNumberOfMessagesNotVisible"
        attributes: Any = self.aws.sqs.get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=[name]
        )
        return int(attributes["Attributes"][name])

    def dead_letters(self) -> list[str]:
        """Takes all bodies out of the dead-letter queue."""
        bodies = []
        while messages := self.aws.sqs.receive_message(
            QueueUrl=self.dead_letter_queue_url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=0
        ).get("Messages", []):
            for message in messages:
                bodies.append(message["Body"])
                self.aws.sqs.delete_message(
                    QueueUrl=self.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
        return bodies

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Key and content of every object in the bucket."""
        for page in self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for entry in page.get("Contents", []):
                key = entry["Key"]
                yield key, self.aws.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


def _arn_of(aws: AwsClients, queue_url: str) -> str:
    attributes: Any = aws.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    arn: str = attributes["Attributes"]["QueueArn"]
    return arn
