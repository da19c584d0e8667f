"""An intake, an agent and a simulated runtime: a request as a user sends it, to its callback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_agent import runtime_monitor
from easel_agent.retry_policy import RetryPolicy
from easel_agent.runtimes.base import Runtime
from easel_contract.result import TaskResult
from easel_intake.acceptance import Acceptance
from easel_intake.handler import Intake
from easel_intake.publishing import TaskPublisher
from easel_intake.settings import IntakeSettings
from easel_records.acceptance import AcceptedTasks
from easel_records.idempotency import IdempotencyKeys
from tests.unit.agent_world import BUCKET, TABLE, World

CASES = Path(__file__).parents[1] / "data" / "cases"


def case(path: str) -> Any:
    """The JSON of a case, such as `01-checkpoint-in-subfolder/request.json`."""
    return json.loads((CASES / path).read_text().replace("OUTPUT-BUCKET", BUCKET))


class ReportedWorld(World):
    """A world whose agent works with a real adapter, and whose tasks come from the real intake."""

    def __init__(self, runtime: Runtime, runtime_type: str, runtimes: dict[str, Any]) -> None:
        super().__init__(runtime, runtime_type)
        sns: Any = boto3.client("sns")
        topic = sns.create_topic(Name="accepted-tasks")["TopicArn"]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=self._attributes(self.queue_url)["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )
        settings = IntakeSettings.from_environment(
            {
                "EASEL_TASKS_TOPIC_ARN": topic,
                "EASEL_OUTPUT_BUCKET": BUCKET,
                "EASEL_RUNTIMES": json.dumps(runtimes),
                "EASEL_RECORDS_TABLE": TABLE,
                "EASEL_API_KEYS": '{"key-1": "default"}',
            }
        )
        acceptance = Acceptance(
            TaskPublisher(sns, self.s3, topic, BUCKET),
            AcceptedTasks(self.table),
            IdempotencyKeys(self.dynamodb, TABLE, lock_seconds=30),
            bucket=BUCKET,
            retention=timedelta(days=30),
        )
        self._intake = Intake(settings, acceptance)

    def post(self, request: dict[str, Any]) -> str:
        """Posts a request as the API takes it, v1alpha2 or v1alpha1; returns the task's uid."""
        version = "v1alpha2" if "task" in request else "v1alpha1"
        event = {
            "resource": f"/{version}",
            "headers": {"Content-Type": "application/json"},
            "requestContext": {"identity": {"apiKeyId": "key-1"}},
            "body": json.dumps(request),
        }
        _, accepted = self._intake.accept(event)
        return accepted.uid

    def done(self, request: dict[str, Any]) -> TaskResult:
        """Posts a request and waits for its one callback and the end of its message."""
        self.post(request)
        [result] = self.results(1)
        return result

    def read(self, uri: str) -> bytes:
        """An object of the output bucket."""
        body = self.s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"]
        return body.read()

    def answer(self, result: TaskResult) -> Any:
        """The runtime's full answer of a task."""
        return json.loads(self.read(result.output_url or ""))


@contextmanager
def reported_world(
    runtime: Runtime, runtime_type: str, runtimes: dict[str, Any]
) -> Iterator[ReportedWorld]:
    """A world that runs while the block lasts.

    Args:
        runtime: the adapter under test.
        runtime_type: of the adapter.
        runtimes: what the intake knows, as `EASEL_RUNTIMES`.
    """
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.setattr(RetryPolicy, "_delay_seconds", lambda *_: 0)
        patch.setattr(runtime_monitor, "_POLL_SECONDS", 0.02)
        world = ReportedWorld(runtime, runtime_type, runtimes)
        world.thread.start()
        try:
            yield world
        finally:
            world.worker.stop()
            world.thread.join(30)
