"""Lambda's entry point: a batch of callbacks in, those to send again out."""

import logging
import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from easel_contract.metrics import stack_of
from easel_webhook.batch import CallbackBatches
from easel_webhook.callback_queue import CallbackQueue
from easel_webhook.posting import PostRules
from easel_webhook.settings import WebhookSettings
from easel_webhook.signing import SigningSecrets

# Reading two secrets, ten seconds for the receivers and one answer to SQS fit into the function's
# 30 seconds. What AWS does not take now is tried again with the whole message.
_AWS_CONFIG = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 1}
)


@cache
def _batches() -> CallbackBatches:
    settings = WebhookSettings.from_environment(os.environ)
    logging.getLogger("easel").setLevel(settings.log_level)
    return CallbackBatches(
        SigningSecrets(
            boto3.client("secretsmanager", config=_AWS_CONFIG), settings.webhook_secret_arn
        ),
        CallbackQueue(
            boto3.client("sqs", config=_AWS_CONFIG),
            settings.webhook_queue_url,
            settings.webhook_dead_letter_queue_url,
        ),
        PostRules(
            callback_hosts=settings.callback_hosts,
            private_hosts=settings.callback_private_hosts,
            ca_file=settings.webhook_ca_file,
        ),
        stack_of(settings.webhook_queue_url, "webhook"),
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """POSTs the callbacks of an SQS event.

    Args:
        event: of an event source mapping that reports batch item failures; its messages are
            results of tasks, delivered raw by SNS, with the attribute `callback_url`.
        context: Lambda's; only its request id is used.

    Returns:
        The messages that stay in the queue.
    """
    request_id = getattr(context, "aws_request_id", None)
    remaining = _batches().send(event.get("Records", []), request_id)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in remaining]}
