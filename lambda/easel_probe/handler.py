"""Lambda's entry point: an order in, its probes to the tasks topic.

The topic lets hardly anyone publish, since a message on it can name any tenant. Whoever may invoke
this function can have probes published, and no task.
"""

import json
import logging
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from easel_contract import attributes
from easel_contract.probe import MESSAGE_GROUP, ProbeMessage, ProbeOrder
from easel_probe.settings import ProbeSettings

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

logger = logging.getLogger("easel.probe")

# Ten publishes, each tried twice, fit into the function's 30 seconds unless SNS hangs throughout.
_AWS_CONFIG = Config(
    connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)


def publish(sns: "SNSClient", topic_arn: str, message: ProbeMessage) -> None:
    """Publishes one probe with the attribute that the queues' filters look at.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SNS did not take it.
    """
    sns.publish(
        TopicArn=topic_arn,
        Message=message.model_dump_json(),
        MessageGroupId=MESSAGE_GROUP,
        MessageAttributes={
            attributes.RUNTIME: {"DataType": "String", "StringValue": message.probe.runtime}
        },
    )


@cache
def _topic() -> tuple["SNSClient", str]:
    settings = ProbeSettings.from_environment(os.environ)
    logging.getLogger("easel").setLevel(settings.log_level)
    return boto3.client("sns", config=_AWS_CONFIG), settings.tasks_topic_arn


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publishes the probes of an order.

    Args:
        event: a `ProbeOrder` as JSON.
        context: Lambda's; only its request id is used.

    Returns:
        `{"published": <how many>}`.

    Raises:
        pydantic.ValidationError: the event is no order.
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SNS did not take one.
    """
    order = ProbeOrder.model_validate(event)
    sns, topic_arn = _topic()
    for message in order.messages():
        publish(sns, topic_arn, message)
    entry = {
        "request_id": getattr(context, "aws_request_id", None),
        "runtime": order.runtime,
        "published": order.count,
    }
    logger.info(json.dumps(entry))
    return {"published": order.count}
