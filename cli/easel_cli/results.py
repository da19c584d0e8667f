"""Listens to a stack's callbacks through a queue of its own, as any subscriber does."""

import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from easel_cli.aws_clients import AwsClients
from easel_contract.envelope import decode_result
from easel_contract.errors import ContractError
from easel_contract.result import ResultStatus, TaskResult

logger = logging.getLogger(__name__)

_POLL_SECONDS = 10
_BATCH = 10


class ResultSubscription:
    """A temporary queue that subscribes to the notifications topic while the block runs."""

    def __init__(self, clients: AwsClients, topic_arn: str) -> None:
        self._clients = clients
        self._topic_arn = topic_arn
        self._queue_url = ""
        self._subscription_arn = ""
        self._received: deque[TaskResult] = deque()

    def __enter__(self) -> Self:
        """Creates the queue and subscribes it.

        Raises:
            botocore.exceptions.ClientError: these credentials may not.
        """
        sqs = self._clients.sqs
        self._queue_url = sqs.create_queue(QueueName=f"easel-watch-{secrets.token_hex(6)}")[
            "QueueUrl"
        ]
        try:
            arn = sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])[
                "Attributes"
            ]["QueueArn"]
            sqs.set_queue_attributes(
                QueueUrl=self._queue_url, Attributes={"Policy": self._policy(arn)}
            )
            self._subscription_arn = self._clients.sns.subscribe(
                TopicArn=self._topic_arn, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
            )["SubscriptionArn"]
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._remove()

    def wait_for(self, uid: str, timeout_seconds: float) -> TaskResult:
        """Waits for the final result of a task.

        Args:
            uid: of the task: its id may come again.
            timeout_seconds: how long to wait.

        Raises:
            TimeoutError: none came in time.
        """
        deadline = time.monotonic() + timeout_seconds
        for result in self.results(deadline):
            if result.uid == uid and result.status is not ResultStatus.RUNNING:
                return result
        raise TimeoutError(f"no result of task {uid} within {timeout_seconds:g} s")

    def results(self, deadline: float) -> Iterator[TaskResult]:
        """Yields results as they come, until a time of `time.monotonic()`.

        What one call has received and not yielded, the next call yields.
        """
        while True:
            while self._received:
                yield self._received.popleft()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._receive(max(1, min(_POLL_SECONDS, int(left))))

    def _receive(self, wait_seconds: int) -> None:
        sqs = self._clients.sqs
        answer = sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=wait_seconds
        )
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
            try:
                self._received.append(decode_result(message["Body"]))
            except ContractError as error:
                logger.warning("a notification is no result: %s", error)

    def _policy(self, queue_arn: str) -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self._topic_arn}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def _remove(self) -> None:
        if self._subscription_arn:
            self._clients.sns.unsubscribe(SubscriptionArn=self._subscription_arn)
        self._clients.sqs.delete_queue(QueueUrl=self._queue_url)
