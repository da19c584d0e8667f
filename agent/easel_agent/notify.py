"""Publishes results to the notifications topic."""

from typing import TYPE_CHECKING

from easel_agent.aws import aws_call
from easel_contract import attributes
from easel_contract.record import TaskRecord
from easel_contract.result import TaskResult

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class Notifier:
    """Publishes to one topic."""

    def __init__(self, sns: "SNSClient", topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def publish(self, result: TaskResult, callback_url: str | None = None) -> None:
        """Publishes a result, with what subscribers filter by.

        Raises:
            AwsError: SNS did not take the result.
        """
        names = {
            attributes.STATUS: str(result.status),
            attributes.RUNTIME: result.runtime,
            attributes.CALLBACK_URL: callback_url,
        }
        self._publish(result.to_json(), names)

    def publish_again(self, record: TaskRecord) -> None:
        """Publishes the result of a task that ended before, the same to the byte.

        Raises:
            AwsError: SNS did not take the result.
        """
        names = {
            attributes.STATUS: str(record.status),
            attributes.RUNTIME: record.runtime,
            attributes.CALLBACK_URL: record.callback_url,
        }
        self._publish(record.result or "", names)

    def _publish(self, message: str, names: dict[str, str | None]) -> None:
        with aws_call():
            self._sns.publish(
                TopicArn=self._topic_arn,
                Message=message,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in names.items()
                    if value
                },
            )
