"""A bad request hears of everything that is wrong with it, in one answer (400, 413, 415)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from easel_contract.errors import ApiErrorCode
from easel_http import events as http_events
from easel_http.events import RefusedRequestError
from easel_intake.handler import Intake
from easel_intake.settings import IntakeSettings

pytestmark = pytest.mark.unit


class NoAcceptance:
    """Fails the test that accepts a refused request."""

    def accept(self, *arguments: object) -> None:
        raise AssertionError(f"a refused request was accepted: {arguments}")


@pytest.fixture
def intake() -> Intake:
    return intake_with()


def intake_with(**settings: str) -> Intake:
    """An intake that accepts nothing, with further settings."""
    read = IntakeSettings.from_environment(
        settings
        | {
            "EASEL_TASKS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:tasks",
            "EASEL_OUTPUT_BUCKET": "outputbucket",
            "EASEL_RUNTIMES": json.dumps(
                {
                    "sdruntime": {
                        "type": "sdwebui",
                        "model_filename": "v1-5-pruned-emaonly.safetensors",
                    },
                    "comfy": {"type": "comfyui"},
                }
            ),
            "EASEL_RECORDS_TABLE": "records",
            "EASEL_API_KEYS": '{"key-1": "default"}',
        }
    )
    return Intake(read, NoAcceptance())  # type: ignore[arg-type]


def event(body: Any, path: str = "/v1alpha2", **changes: Any) -> dict[str, Any]:
    """A proxy event with a body that is JSON unless it is a string."""
    return {
        "resource": path,
        "headers": {"content-type": "application/json", "x-api-key": "secret-key"},
        "requestContext": {"identity": {"apiKeyId": "key-1"}},
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    } | changes


def problems(intake: Intake, request: dict[str, Any]) -> dict[str, str]:
    """The problems of a request that is refused with 400, by field."""
    with pytest.raises(RefusedRequestError) as refused:
        intake.accept(request)
    assert refused.value.error.code is ApiErrorCode.INVALID_REQUEST
    return {problem.field: problem.problem for problem in refused.value.error.details}


def test_every_problem_of_a_v1alpha2_request(intake: Intake, golden: Callable[[str], Any]) -> None:
    body = {
        "task": {
            "metadata": {"id": "../x", "runtime": "nope", "tasktype": "text-to-image"},
            "content": "A dog",
        }
    }
    with pytest.raises(RefusedRequestError) as refused:
        intake.accept(event(body))
    answer = http_events.refused_response(refused.value)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"]) == golden("error-with-every-problem")


def test_every_problem_of_a_v1alpha1_request(intake: Intake) -> None:
    body = {
        "alwayson_scripts": {
            "task": "pipeline",
            "id_task": "a b",
            "sd_model_checkpoint": "nope.ckpt",
            "save_dir": "/abs",
        }
    }
    found = problems(intake, event(body, "/v1alpha1"))
    assert found.keys() == {
        "alwayson_scripts.task",
        "alwayson_scripts.id_task",
        "alwayson_scripts.save_dir",
        "alwayson_scripts.sd_model_checkpoint",
    }
    assert "v1-5-pruned-emaonly.safetensors" in found["alwayson_scripts.sd_model_checkpoint"]
    assert found["alwayson_scripts.task"] == "must be 'text-to-image' or 'image-to-image'"


@pytest.mark.parametrize(
    ("runtime", "tasktype", "field", "says"),
    [
        ("nope", "text-to-image", "task.metadata.runtime", "known: comfy, sdruntime"),
        ("nope", "nonsense", "task.metadata.runtime", "known: comfy, sdruntime"),
        ("comfy", "text-to-image", "task.metadata.tasktype", "takes pipeline"),
        ("sdruntime", "pipeline", "task.metadata.tasktype", "takes extra-batch-images"),
        ("sdruntime", "nonsense", "task.metadata.tasktype", "'text-to-image'"),
    ],
)
def test_what_no_runtime_takes_is_refused(
    intake: Intake,
    golden: Callable[[str], Any],
    runtime: str,
    tasktype: str,
    field: str,
    says: str,
) -> None:
    body = golden("request-v1alpha2-text-to-image")
    body["task"]["metadata"] |= {"runtime": runtime, "tasktype": tasktype}
    assert says in problems(intake, event(body))[field]


@pytest.mark.parametrize(
    "body", ["", "{", "nonsense", "NaN", "[]", "null", "1", '"text"', "{}", '{"task": []}']
)
@pytest.mark.parametrize("path", ["/v1alpha1", "/v1alpha2"])
def test_whatever_the_body_is_the_answer_is_400(intake: Intake, body: str, path: str) -> None:
    assert problems(intake, event(body, path))


def test_bytes_that_are_no_base64_are_refused(intake: Intake) -> None:
    assert problems(intake, event("!!!", isBase64Encoded=True))


def test_a_base64_body_is_read(intake: Intake) -> None:
    body = base64.b64encode(b'{"task": {}}').decode()
    found = problems(intake, event(body, isBase64Encoded=True))
    assert found.keys() == {"task.metadata", "task.content"}


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"headers": {}}, ApiErrorCode.UNSUPPORTED_MEDIA_TYPE, 415),
        ({"headers": None}, ApiErrorCode.UNSUPPORTED_MEDIA_TYPE, 415),
        ({"headers": {"Content-Type": "text/plain"}}, ApiErrorCode.UNSUPPORTED_MEDIA_TYPE, 415),
        ({"body": "x" * (http_events.MAX_BODY_BYTES + 1)}, ApiErrorCode.PAYLOAD_TOO_LARGE, 413),
        ({"body": f"[{'[],' * 1_700_000}[]]"}, ApiErrorCode.PAYLOAD_TOO_LARGE, 413),
        ({"resource": "/v2"}, ApiErrorCode.NOT_FOUND, 404),
    ],
)
def test_other_refusals(
    intake: Intake, changes: dict[str, Any], code: ApiErrorCode, status: int
) -> None:
    with pytest.raises(RefusedRequestError) as refused:
        intake.accept(event({}) | changes)
    assert refused.value.error.code is code
    assert http_events.refused_response(refused.value)["statusCode"] == status


def test_the_content_type_may_have_parameters_and_any_case(intake: Intake) -> None:
    headers = {"Content-TYPE": "Application/JSON; charset=utf-8"}
    assert problems(intake, event({}, headers=headers))


CALLBACK = "https://hooks.example.org/x"


@pytest.mark.parametrize(
    "prefix", ["output", "other", "defaults", "Default", "output/default", "other/default"]
)
def test_a_tenant_stays_in_its_own_folder(prefix: str) -> None:
    ours = intake_with(EASEL_TENANT_PREFIXES="true", EASEL_CALLBACK_HOSTS='["a.example"]')
    message = "must be default, or begin with default/, as each tenant has its own here"
    metadata = {"id": "t", "runtime": "comfy", "tasktype": "pipeline", "prefix": prefix}
    task = {"metadata": metadata | {"callback_url": CALLBACK}, "content": {"1": {}}}
    assert problems(ours, event({"task": task})) == {
        "task.metadata.prefix": message,
        "task.metadata.callback_url": "its host must be one of this stack's: a.example",
    }
    routing = {
        "task": "text-to-image",
        "id_task": "t",
        "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
    }
    body = {"alwayson_scripts": routing | {"save_dir": prefix}, "prompt": "A dog"}
    assert problems(ours, event(body, "/v1alpha1")) == {"alwayson_scripts.save_dir": message}


@pytest.mark.parametrize("prefix", ["_easel", "_easel/payloads", "out/_easel", "..", "default/.."])
@pytest.mark.parametrize("tenant_prefixes", ["true", "false"])
def test_easels_own_folder_is_nobodys(prefix: str, tenant_prefixes: str) -> None:
    metadata = {"id": "t", "runtime": "comfy", "tasktype": "pipeline", "prefix": prefix}
    found = problems(
        intake_with(EASEL_TENANT_PREFIXES=tenant_prefixes),
        event({"task": {"metadata": metadata, "content": {"1": {}}}}),
    )
    assert found.keys() == {"task.metadata.prefix"}
    assert "beginning with a letter or a digit" in found["task.metadata.prefix"]


@pytest.mark.parametrize("prefix", ["default", "default/", "default/2026/11"])
def test_a_tenants_own_folder_is_taken(prefix: str) -> None:
    metadata = {"id": "t", "runtime": "comfy", "tasktype": "pipeline", "prefix": prefix}
    request = event({"task": {"metadata": metadata, "content": {"1": {}}}})
    with pytest.raises(AssertionError, match="was accepted"):
        intake_with(EASEL_TENANT_PREFIXES="true").accept(request)
