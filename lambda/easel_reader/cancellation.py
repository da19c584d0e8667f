"""Cancels a task on behalf of its sender (docs/adr/0027)."""

import logging
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from easel_contract import attributes
from easel_contract.errors import ApiErrorCode
from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import ResultStatus, TaskResult
from easel_http.events import RefusedRequestError
from easel_records.cancelling import TaskCancelling
from easel_records.table import TaskTable

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

logger = logging.getLogger("easel.reader")

_TRIES = 3
"""A task that changes its state between two looks at it does so a few times at most."""


class Cancellation:
    """Cancels tasks that wait, and has the agents interrupt those that run."""

    def __init__(self, table: TaskTable, sns: "SNSClient", topic_arn: str) -> None:
        self._table = table
        self._cancelling = TaskCancelling(table)
        self._sns = sns
        self._topic_arn = topic_arn

    def cancel(self, record: TaskRecord) -> tuple[TaskRecord, HTTPStatus]:
        """Cancels a task.

        Returns:
            The record as it is then, and the status of the answer: 200 where the task is
            cancelled, 202 where its agent is asked to interrupt it.

        Raises:
            RefusedRequestError: the task has completed or failed.
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: DynamoDB did not
                answer.
        """
        for _ in range(_TRIES):
            changed = self._change(record)
            if changed is not None:
                return changed
            found = self._table.get(record.uid)
            if found is None:
                break
            record = found
        raise RefusedRequestError(
            ApiErrorCode.UNAVAILABLE, "The task changes at this moment. Cancel it again."
        )

    def _change(self, record: TaskRecord) -> tuple[TaskRecord, HTTPStatus] | None:
        """Does what the record's state asks for; None where the state has changed since."""
        if record.status is TaskStatus.QUEUED:
            result = _result_of(record)
            cancelled = self._cancelling.cancel_waiting(record.uid, result=result.to_json())
            if cancelled is None:
                return None
            self._announce(cancelled)
            return cancelled, HTTPStatus.OK
        if record.status is TaskStatus.RUNNING:
            asked = self._cancelling.request(record.uid)
            return None if asked is None else (asked, HTTPStatus.ACCEPTED)
        if record.status is TaskStatus.CANCELLED:
            return record, HTTPStatus.OK
        raise RefusedRequestError(
            ApiErrorCode.TASK_ENDED, f"The task has {record.status} and cannot be cancelled."
        )

    def _announce(self, record: TaskRecord) -> None:
        names = {
            attributes.STATUS: str(record.status),
            attributes.RUNTIME: record.runtime,
            attributes.CALLBACK_URL: record.callback_url,
        }
        try:
            self._sns.publish(
                TopicArn=self._topic_arn,
                Message=record.result or "",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in names.items()
                    if value
                },
            )
            self._cancelling.mark_announced(record.uid)
        except (ClientError, BotoCoreError):
            # The agent that gets the task's message announces what is not marked.
            logger.exception("a cancellation was not announced")


def _result_of(record: TaskRecord) -> TaskResult:
    return TaskResult(
        id=record.id,
        uid=record.uid,
        result=False,
        context=record.context,
        event_id=uuid.uuid4().hex,
        runtime=record.runtime,
        status=ResultStatus.CANCELLED,
        attempts=record.attempts,
        usage=record.usage,
    )
