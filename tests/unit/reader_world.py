"""A stack for the reader function's tests, and questions to it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import TaskMessage
from easel_contract.tasks_api import TaskList, TaskView
from easel_contract.uid import new_uid
from easel_contract.usage import Usage
from easel_reader import handler as handler_module
from easel_reader.handler import handler
from easel_records.leases import TaskLeases
from easel_records.table import TaskTable

from .records_table import create_table

API_KEYS = {"key-1": "team-a", "key-2": "team-b"}
RUNTIMES = {
    "sdruntime": {"type": "sdwebui", "model_filename": "a.safetensors"},
    "comfy": {"type": "comfyui"},
}
BUCKET = "outputbucket"


class World:
    """The stack that the reader reads: table, topic, bucket, role."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        dynamodb = boto3.client("dynamodb")
        create_table(dynamodb, "records")
        self.table = TaskTable(dynamodb, "records")
        self.leases = TaskLeases(self.table, lease_seconds=60, max_attempts=5)
        sns, self._sqs = boto3.client("sns"), boto3.client("sqs")
        self._queue_url = self._sqs.create_queue(QueueName="results")["QueueUrl"]
        topic = sns.create_topic(Name="notifications")["TopicArn"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )
        trust = json.dumps({"Statement": []})
        role = boto3.client("iam").create_role(RoleName="p", AssumeRolePolicyDocument=trust)
        self._settings = {
            "EASEL_RECORDS_TABLE": "records",
            "EASEL_OUTPUT_BUCKET": BUCKET,
            "EASEL_RUNTIMES": json.dumps(RUNTIMES),
            "EASEL_API_KEYS": json.dumps(API_KEYS),
            "EASEL_NOTIFICATIONS_TOPIC_ARN": topic,
            "EASEL_PRESIGN_ROLE_ARN": role["Role"]["Arn"],
        }
        self.configure()

    def configure(self, **changes: str) -> None:
        for name, value in (self._settings | changes).items():
            self._patch.setenv(name, value)
        handler_module._service.cache_clear()

    def accept(self, task_id: str = "one", tenant: str = "team-a", **more: Any) -> TaskRecord:
        message = TaskMessage.model_validate(
            {
                "metadata": {
                    "id": task_id,
                    "runtime": more.pop("runtime", "sdruntime"),
                    "tasktype": "text-to-image",
                    "prefix": "out",
                    "context": {"order": 7},
                },
                "content": {},
            }
        )
        record = TaskRecord.accepted(
            message,
            uid=more.pop("uid", None) or new_uid(),
            tenant=tenant,
            scope=more.pop("scope", tenant),
            expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(days=1),
        )
        self.table.put_new(record.model_copy(update=more))
        return record

    def complete(self, record: TaskRecord, pictures: int = 2) -> TaskResult:
        stem = f"s3://{BUCKET}/out/{record.id}/{record.id}-abcd"
        result = TaskResult(
            id=record.id,
            uid=record.uid,
            result=True,
            status=ResultStatus.COMPLETED,
            image_url=[f"{stem}-{number}.png" for number in range(1, pictures + 1)],
            output_url=f"{stem}.out",
        )
        lease = self.leases.claim(record)
        usage = Usage(gpu_seconds=2.5, pictures=pictures)
        self.leases.finish(lease, TaskStatus.COMPLETED, result=result.to_json(), usage=usage)
        return result

    def callbacks(self) -> list[TaskResult]:
        answer = self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)
        return [TaskResult.model_validate_json(one["Body"]) for one in answer.get("Messages", [])]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield World(monkeypatch)
    handler_module._service.cache_clear()


def ask(
    resource: str, task: str | None = None, *, method: str = "GET", key: str = "key-1", **query: str
) -> tuple[int, Any]:
    answer = handler(
        {
            "httpMethod": method,
            "resource": f"/v1alpha2/{resource}",
            "pathParameters": None if task is None else {"task": task},
            "queryStringParameters": query or None,
            "requestContext": {"identity": {"apiKeyId": key}},
        },
        None,
    )
    return answer["statusCode"], json.loads(answer["body"])


def show(task: str, **more: str) -> TaskView:
    status, body = ask("tasks/{task}", task, **more)
    assert status == 200, body
    return TaskView.model_validate(body)


def listed(**query: str) -> list[str]:
    status, body = ask("tasks", **query)
    assert status == 200, body
    return [task.uid for task in TaskList.model_validate(body).tasks]


def cancel(task: str, key: str = "key-1") -> tuple[int, Any]:
    return ask("tasks/{task}/cancel", task, method="POST", key=key)
