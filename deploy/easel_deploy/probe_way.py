"""The way of a probe: published by the stack's probe function, taken out of a runtime's queue."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.probe import Probe, ProbeOrder, read_probe

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

_CONFIG = Config(
    connect_timeout=5, read_timeout=45, retries={"mode": "standard", "max_attempts": 3}
)
_WAIT_SECONDS = 2
_HIDDEN_SECONDS = 10
"""For which a task that came along stays invisible: a queue may hold so many that a probe would
never be among the ten that SQS hands out. It comes back by itself, and has not been begun."""
_MOST_CHARACTERS = 500
"""Of what the function says when it fails."""


class WayBlockedError(Exception):
    """AWS refused or failed to send or receive; the message says which, and why."""


@dataclass(frozen=True)
class ProbeWay:
    """Sends probes and takes them."""

    functions: "LambdaClient"
    sqs: "SQSClient"
    function_name: str
    queue_url: str

    def send(self, order: ProbeOrder) -> None:
        """Has the probe function publish probes.

        Raises:
            WayBlockedError: Lambda did not run it, or it failed.
        """
        try:
            answer = self.functions.invoke(
                FunctionName=self.function_name, Payload=order.model_dump_json().encode()
            )
            said = answer["Payload"].read().decode(errors="replace")
        except (ClientError, BotoCoreError) as error:
            raise WayBlockedError(f"the function {self.function_name}: {error}") from error
        if answer.get("FunctionError"):
            raise WayBlockedError(f"the function {self.function_name} failed: {_reason(said)}")

    def take(self) -> list[Probe]:
        """Takes the probes that are in the queue out of it; waits up to two seconds for some.

        Raises:
            WayBlockedError: SQS refused or did not answer.
        """
        probes: list[Probe] = []
        try:
            answer = self.sqs.receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=_WAIT_SECONDS,
                VisibilityTimeout=_HIDDEN_SECONDS,
            )
            for message in answer.get("Messages", []):
                probe = read_probe(message["Body"])
                if probe is not None:
                    self.sqs.delete_message(
                        QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
                    )
                    probes.append(probe)
        except (ClientError, BotoCoreError) as error:
            raise WayBlockedError(f"the queue: {error}") from error
        return probes


def probe_way(region: str, function_name: str, queue_url: str) -> ProbeWay:
    """Returns the way for a stack; calls nothing.

    Args:
        region: of the stack.
        function_name: of the probe function.
        queue_url: of the runtime's queue.
    """
    session = boto3.Session(region_name=region)
    return ProbeWay(
        session.client("lambda", config=_CONFIG),
        session.client("sqs", config=_CONFIG),
        function_name,
        queue_url,
    )


def _reason(said: str) -> str:
    """What a failed function answers, as short as it can be told.

    Form: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    try:
        answer = json.loads(said)
        words = f"{answer['errorType']}: {answer['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        words = said
    return words[:_MOST_CHARACTERS]
