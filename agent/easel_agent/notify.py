"""Publishes results to the notifications topic."""

from typing import TYPE_CHECKING

from easel_contract import attributes
from easel_contract.result import TaskResult

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class Notifier:
    """Publishes to one topic."""

    def __init__(self, sns: "SNSClient", topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def publish(self, result: TaskResult) -> None:
        """Publishes a result; its status and runtime are attributes, to filter by.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SNS did not
                take it.
        """
        names = {attributes.STATUS: str(result.status), attributes.RUNTIME: result.runtime}
        self._sns.publish(
            TopicArn=self._topic_arn,
            Message=result.to_json(),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in names.items()
                if value
            },
        )
