"""An accepted request becomes one message with the attributes that the filters look at."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from easel_contract.errors import ApiErrorCode
from easel_contract.record import TaskRecord, TaskStatus, record_of
from easel_intake import handler as handler_module
from easel_intake.handler import handler
from easel_intake.publishing import MAX_INLINE_BYTES
from easel_records.table import TaskTable

from .records_table import create_table

pytestmark = pytest.mark.unit

API_KEYS = {"key-1": "team-a", "key-2": "team-b"}
API_KEY = "the-key-that-nobody-may-see"
BUCKET = "outputbucket"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
RUNTIMES = {
    "sdruntime": {"type": "sdwebui", "model_filename": "v1-5-pruned-emaonly.safetensors"},
    "dynamic": {"type": "sdwebui", "dynamic_model": True},
    "comfy": {"type": "comfyui"},
}


class Aws:
    """A topic with one queue behind it, and the bucket."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs")
        self.s3 = boto3.client("s3")
        sns = boto3.client("sns")
        self.topic_arn = sns.create_topic(Name="tasks")["TopicArn"]
        self._queue_url = self.sqs.create_queue(QueueName="all")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=arn)
        self.s3.create_bucket(Bucket=BUCKET)
        self.dynamodb = boto3.client("dynamodb")
        create_table(self.dynamodb, "records")
        self.table = TaskTable(self.dynamodb, "records")

    def records(self) -> list[TaskRecord]:
        """All records of tasks."""
        items = self.dynamodb.scan(TableName="records")["Items"]
        return [record_of(item) for item in items if "tenant" in item]

    def published(self) -> list[dict[str, Any]]:
        """The messages' SNS envelopes."""
        answer = self.sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", XRAY)
    with mock_aws():
        aws = Aws()
        monkeypatch.setenv("EASEL_TASKS_TOPIC_ARN", aws.topic_arn)
        monkeypatch.setenv("EASEL_OUTPUT_BUCKET", BUCKET)
        monkeypatch.setenv("EASEL_RUNTIMES", json.dumps(RUNTIMES))
        monkeypatch.setenv("EASEL_RECORDS_TABLE", "records")
        monkeypatch.setenv("EASEL_API_KEYS", json.dumps(API_KEYS))
        monkeypatch.setenv("EASEL_CALLBACK_HOSTS", '["hooks.example.com"]')
        handler_module._intake.cache_clear()
        yield aws
    handler_module._intake.cache_clear()


def answer_to(
    body: Any, path: str = "/v1alpha2", *, key_id: str = "key-1", **headers: str
) -> dict[str, Any]:
    """Calls the function as API Gateway does."""
    sent = {"Content-Type": "application/json", "x-api-key": API_KEY, **headers}
    return handler(
        {
            "resource": path,
            "headers": {name.replace("_", "-"): value for name, value in sent.items()},
            "requestContext": {"identity": {"apiKeyId": key_id, "apiKey": API_KEY}},
            "body": json.dumps(body),
            "isBase64Encoded": False,
        },
        None,
    )


def call(body: Any, path: str) -> tuple[int, dict[str, Any]]:
    """Calls the function; returns status and body."""
    answer = answer_to(body, path)
    assert answer["headers"]["Content-Type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("path", "sample", "attributes"),
    [
        ("/v1alpha2", "v1alpha2-text-to-image", {"runtime": "sdruntime"}),
        (
            "/v1alpha1",
            "v1alpha1-text-to-image",
            {
                "runtime": "sdruntime",
                "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
            },
        ),
        (
            "/v1alpha1",
            "v1alpha1-image-to-image",
            {
                "runtime": "sdruntime",
                "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
            },
        ),
    ],
)
def test_the_seeds_requests(
    aws: Aws,
    golden: Callable[[str], Any],
    path: str,
    sample: str,
    attributes: dict[str, str],
) -> None:
    status, answer = call(golden(f"request-{sample}"), path)
    uid = answer["uid"]
    assert (status, answer) == (200, golden(f"answer-{sample}") | {"uid": uid})
    [envelope] = aws.published()
    sent = {name: value["Value"] for name, value in envelope["MessageAttributes"].items()}
    assert sent == attributes
    message = json.loads(envelope["Message"])
    assert message.pop("created_at").endswith("Z")
    assert message.pop("trace") == {
        "X-Amzn-Trace-Id": XRAY,
        "traceparent": "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
    }
    assert message == golden(f"task-{sample}") | {"uid": uid, "tenant": "team-a"}
    record = aws.table.get(uid)
    assert record is not None
    assert (record.status, record.tenant, record.scope) == (TaskStatus.QUEUED, "team-a", "team-a")


def test_a_checkpoint_that_no_static_runtime_has_goes_to_the_dynamic_one(
    aws: Aws, golden: Callable[[str], Any]
) -> None:
    body = golden("request-v1alpha1-text-to-image")
    body["alwayson_scripts"] |= {"sd_model_checkpoint": "other.ckpt", "controlnet": {"args": []}}
    status, _ = call(body, "/v1alpha1")
    assert status == 200
    [envelope] = aws.published()
    assert envelope["MessageAttributes"]["runtime"]["Value"] == "dynamic"
    assert json.loads(envelope["Message"])["content"]["alwayson_scripts"] == {
        "sd_model_checkpoint": "other.ckpt",
        "controlnet": {"args": []},
    }


def test_content_too_large_for_sns_goes_by_reference(
    aws: Aws, golden: Callable[[str], Any]
) -> None:
    body = golden("request-v1alpha2-text-to-image")
    body["task"]["content"]["init_images"] = ["图" * MAX_INLINE_BYTES]
    assert call(body, "/v1alpha2")[0] == 200
    [envelope] = aws.published()
    message = json.loads(envelope["Message"])
    assert "content" not in message
    assert message["content_ref"] == f"s3://{BUCKET}/_easel/payloads/{message['uid']}.json"
    key = message["content_ref"].removeprefix(f"s3://{BUCKET}/")
    stored = aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert json.loads(stored) == body["task"]["content"]


def test_the_logs_hold_no_header_and_no_content(
    aws: Aws,
    golden: Callable[[str], Any],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG, logger="easel")
    call(golden("request-v1alpha2-text-to-image"), "/v1alpha2")
    call({"task": {"metadata": {"id": API_KEY}}}, "/v1alpha2")
    assert len(aws.published()) == 1
    logged = [record for record in caplog.records if record.name == "easel.intake"]
    entries = [json.loads(record.getMessage()) for record in logged]
    assert [entry["outcome"] for entry in entries] == ["accepted", "invalid_request"]
    assert API_KEY not in caplog.text
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert API_KEY not in str(counted)
    assert "A dog" not in str(counted)
    [accepted, rejected] = [line for line in counted if "_aws" in line]
    assert accepted["TasksAccepted"] == rejected["RequestsRejected"] == 1
    assert (accepted["Runtime"], rejected["Reason"]) == ("sdruntime", "invalid_request")
    assert accepted["trace_id"] == XRAY[7:15] + XRAY[16:40]
    assert "A dog" not in caplog.text


def test_what_sns_does_not_take_is_503_not_a_silent_loss(
    aws: Aws, golden: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalError", "Message": "down"}}, "Publish")

    monkeypatch.setattr(handler_module._intake()._acceptance._publisher, "publish", refuse)
    status, body = call(golden("request-v1alpha2-text-to-image"), "/v1alpha2")
    assert (status, body["error"]["code"]) == (503, ApiErrorCode.UNAVAILABLE)
    assert aws.published() == []


def test_wrong_settings_are_500_with_a_reason_in_the_log(
    aws: Aws,
    golden: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("EASEL_RUNTIMES", "{")
    status, body = call(golden("request-v1alpha2-text-to-image"), "/v1alpha2")
    assert (status, body["error"]["code"]) == (500, ApiErrorCode.INTERNAL)
    assert "runtimes" in caplog.text
    assert aws.published() == []


def test_the_short_forms_of_v1alpha1_go_where_sd_webui_looks_for_them(
    aws: Aws, golden: Callable[[str], Any]
) -> None:
    body = golden("request-v1alpha1-image-to-image") | {"override_settings": {"a": 1, "b": 1}}
    body["alwayson_scripts"] |= {
        "image_link": "https://example.com/1.png, s3://bucket/2.png",
        "sd_vae": "vae.safetensors",
        "override_settings": {"b": 2},
        "ControlNet": {"args": [{"image_link": "https://example.com/3.png", "weight": 1}, "x"]},
        "other": {"args": [1]},
    }
    assert call(body, "/v1alpha1")[0] == 200
    [envelope] = aws.published()
    content = json.loads(envelope["Message"])["content"]
    assert content["init_images"] == ["https://example.com/1.png", "s3://bucket/2.png"]
    assert content["override_settings"] == {"a": 1, "b": 2, "sd_vae": "vae.safetensors"}
    assert content["alwayson_scripts"] == {
        "ControlNet": {"args": [{"weight": 1, "input_image": "https://example.com/3.png"}, "x"]},
        "other": {"args": [1]},
        "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
    }
