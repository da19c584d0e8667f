"""Thousands of odd requests: no 5xx, and whatever is accepted ends in exactly one callback."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from easel_agent.composition import Agent, AwsClients
from easel_agent.errors import RejectedTaskError
from easel_agent.lifecycle import TaskState
from easel_agent.queue import QueueMessage
from easel_agent.runtimes.base import Fetch, Finished, Generation, MadeFile
from easel_agent.runtimes.job import Job
from easel_agent.settings import AgentSettings
from easel_agent.urls import find_urls
from easel_contract.envelope import decode_result
from easel_contract.errors import TaskErrorCode
from easel_contract.result import TaskResult
from easel_contract.task import RuntimeType, TaskType
from easel_intake import handler as handler_module
from easel_intake.acceptance import Acceptance
from easel_intake.handler import Intake, handler
from easel_intake.publishing import TaskPublisher
from easel_intake.settings import IntakeSettings
from easel_packaging.openapi import SAMPLES
from easel_records.acceptance import AcceptedTasks
from easel_records.idempotency import IdempotencyKeys
from easel_records.table import TaskTable

from .records_table import create_table

pytestmark = pytest.mark.unit

RUNTIMES = {
    "sdruntime": {"type": "sdwebui", "model_filename": "v1-5-pruned-emaonly.safetensors"},
    "sddynamic": {"type": "sdwebui", "dynamic_model": True},
    "comfyruntime": {"type": "comfyui"},
}
SETTINGS = IntakeSettings.from_environment(
    {
        "EASEL_TASKS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:tasks",
        "EASEL_OUTPUT_BUCKET": "outputbucket",
        "EASEL_RUNTIMES": json.dumps(RUNTIMES),
        "EASEL_RECORDS_TABLE": "records",
        "EASEL_API_KEYS": '{"key-1": "default"}',
    }
)


class Recorder:
    """Takes the place of SNS, S3, SQS and a runtime, and remembers what they were told."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.results: list[TaskResult] = []
        self.deleted = 0

    # SNS
    def publish(self, **message: Any) -> None:
        if message["TopicArn"] == "tasks":
            self.published.append(message)
        else:
            self.results.append(decode_result(message["Message"]))

    # S3
    def put_object(self, **_: Any) -> None: ...

    # SQS
    def delete_message(self, **_: Any) -> None:
        self.deleted += 1

    # a runtime: refuses what has URLs, as if none could be fetched
    def progress(self) -> None: ...

    def place_inputs(self, content: dict[str, Any], _: Fetch, __: Job) -> dict[str, Any]:
        if find_urls(content):
            raise RejectedTaskError(TaskErrorCode.INPUT_UNAVAILABLE, "not here")
        return content

    def generate(self, _: TaskType, content: dict[str, Any], job: Job) -> Finished:
        job.check()
        json.dumps(content, allow_nan=False).encode()
        return Finished(lambda: Generation(b"{}", iter([MadeFile(b"")])))


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "records")
        yield client


def intake_of(recorder: Recorder, dynamodb: Any) -> Intake:
    aws: Any = recorder
    acceptance = Acceptance(
        TaskPublisher(aws, aws, "tasks", "outputbucket"),
        AcceptedTasks(TaskTable(dynamodb, "records")),
        IdempotencyKeys(dynamodb, "records", lock_seconds=30),
        bucket="outputbucket",
        retention=timedelta(days=30),
    )
    return Intake(SETTINGS, acceptance)


def event_of(path: str, body: str) -> dict[str, Any]:
    return {
        "resource": path,
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"identity": {"apiKeyId": "key-1"}},
        "body": body,
    }


def do(name: str, recorder: Recorder, dynamodb: Any, body: str) -> TaskState:
    """Has an agent do a task, without its threads."""
    runtime = SETTINGS.runtimes[name]
    settings_ = AgentSettings.from_environment(
        {
            "EASEL_RUNTIME_NAME": name,
            "EASEL_RUNTIME_TYPE": runtime.type,
            "EASEL_RUNTIME_URL": "http://127.0.0.1:1",
            "EASEL_QUEUE_URL": "q",
            "EASEL_DEAD_LETTER_QUEUE_URL": "d",
            "EASEL_NOTIFICATIONS_TOPIC_ARN": "n",
            "EASEL_OUTPUT_BUCKET": "outputbucket",
            "EASEL_RECORDS_TABLE": "records",
        }
    )
    parts: Any = recorder
    agent = Agent(settings_, parts, AwsClients(parts, parts, parts, dynamodb))
    background = agent.worker._background
    prefetcher = background.prefetcher
    lease = prefetcher._holder.hold(QueueMessage("m", body, "r", 1, datetime.now(UTC)), 60)
    prepared = prefetcher._preparation.prepare(lease)
    if prepared is not None and background.claiming.claim(prepared):
        agent.worker._do(prepared)
    assert background.delivery.drain(60)
    return lease.state


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()  # NaN and infinity too: Python writes them, JSON does not know them
    | st.text()
    | st.sampled_from(
        ["", "..", "a/b", "sdruntime", "pipeline", "http://x", "s3://b/k", "\ud800", "\x00"]
    )
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_SAMPLES = [
    (f"/{path.stem.partition('-')[0]}", json.loads(path.read_text()))
    for path in sorted(SAMPLES.glob("*.json"))
]


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a JSON value."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [path] + [found for key, item in items for found in paths_of(item, (*path, key))]


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str]:
    """A sample request with some values changed, removed or added; now and then any text."""
    path, body = draw(st.sampled_from(_SAMPLES))
    body = json.loads(json.dumps(body))
    for _ in range(draw(st.integers(0, 3))):
        *parents, last = draw(st.sampled_from([p for p in paths_of(body) if p]))
        target = body
        for key in parents:
            target = target[key]
        action = draw(st.sampled_from(["change", "remove", "add"]))
        if action == "remove":
            del target[last]
        elif action == "add" and isinstance(target, dict):
            target[draw(st.text())] = draw(_JSON)
        else:
            target[last] = draw(_JSON)
        if not body:
            break
    path = draw(st.sampled_from([path, path, path, "/v1alpha1", "/v1alpha2"]))
    return path, draw(st.just(json.dumps(body)) | st.text(max_size=20))


@given(request_=requests())
@settings(
    max_examples=2500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_no_5xx_and_no_accepted_request_without_a_callback(
    dynamodb: Any, request_: tuple[str, str]
) -> None:
    path, body = request_
    recorder = Recorder()
    intake = intake_of(recorder, dynamodb)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler_module, "_intake", lambda: intake)
        answer = handler(event_of(path, body), None)
    event(f"answered {answer['statusCode']}")
    assert answer["statusCode"] in (200, 400), answer
    assert len(recorder.published) == (answer["statusCode"] == 200)
    for message in recorder.published:
        name = message["MessageAttributes"]["runtime"]["StringValue"]
        assert name in RUNTIMES
        assert do(name, recorder, dynamodb, message["Message"]) is TaskState.DONE
        [result] = recorder.results
        accepted = json.loads(answer["body"])
        assert (result.id, result.uid) == (accepted["id_task"], accepted["uid"])
        assert recorder.deleted == 1


def test_the_samples_unchanged_are_accepted(dynamodb: Any) -> None:
    assert len(_SAMPLES) == 8
    for path, body in _SAMPLES:
        recorder = Recorder()
        task, _ = intake_of(recorder, dynamodb).accept(event_of(path, json.dumps(body)))
        assert len(recorder.published) == 1
        assert SETTINGS.runtimes[task.metadata.runtime].type in RuntimeType
