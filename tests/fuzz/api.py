"""Asks the API's functions thousands of requests that their OpenAPI document allows or forbids."""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import boto3
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from moto import mock_aws
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from easel_intake import handler as intake_module
from easel_reader import handler as reader_module
from tests.fuzz.api_app import KEY_ID, ApiApp
from tests.unit.records_table import create_table

BUCKET = "outputbucket"
OPERATIONS = 6
"""Of the API's document."""
BREAKABLE = 4
"""Of these: the others have no rule that a request could break."""
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_SETTINGS = settings(
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
_RUNTIMES = {
    "sdruntime": {"type": "sdwebui", "model_filename": "v1-5-pruned-emaonly.safetensors"},
    "comfy": {"type": "comfyui"},
}
_KNOWN: list[dict[str, str]] = [
    {},
    {"runtime": "comfy", "tasktype": "pipeline"},
    {"runtime": "sdruntime", "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors"},
    {"runtime": "sdruntime", "tasktype": "text-to-image", "task": "image-to-image"},
]
_TASK = {
    "metadata": {
        "id": "known",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "prefix": "output",
    },
    "content": {"prompt": "A dog"},
}


@contextmanager
def stack() -> Iterator[ApiApp]:
    """The functions with an AWS in memory, and one accepted task."""
    with patch.dict(os.environ), mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ[name] = "test"
        os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
        os.environ.pop("AWS_ENDPOINT_URL", None)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        create_table(boto3.client("dynamodb"), "records")
        sns = boto3.client("sns")
        trust = json.dumps({"Statement": []})
        role = boto3.client("iam").create_role(RoleName="p", AssumeRolePolicyDocument=trust)
        os.environ |= {
            "EASEL_TASKS_TOPIC_ARN": sns.create_topic(Name="tasks")["TopicArn"],
            "EASEL_NOTIFICATIONS_TOPIC_ARN": sns.create_topic(Name="notifications")["TopicArn"],
            "EASEL_OUTPUT_BUCKET": BUCKET,
            "EASEL_RUNTIMES": json.dumps(_RUNTIMES),
            "EASEL_RECORDS_TABLE": "records",
            "EASEL_API_KEYS": json.dumps({KEY_ID: "default"}),
            "EASEL_PRESIGN_ROLE_ARN": role["Role"]["Arn"],
            "EASEL_LOG_LEVEL": "CRITICAL",
        }
        _forget_settings()
        try:
            yield ApiApp()
        finally:
            _forget_settings()


def ask(
    app: ApiApp,
    requests_per_operation: int,
    first_seed: int = 0,
    say: Callable[[str], None] = print,
) -> Counter[int]:
    """Asks all operations, as their document allows and as it does not.

    Args:
        app: of `stack`.
        requests_per_operation: half of them good by the document.
        first_seed: for other requests than last time.
        say: told of each operation's end.

    Returns:
        The answers, by their status.

    Raises:
        AssertionError: an answer is 5xx, has a status that the document does not name, or another
            form than it says (or an ExceptionGroup of them).
    """
    document = schemathesis.openapi.from_wsgi("/openapi.json", app)
    statuses = Counter[int]()
    known = ["known", *(_accepted_uid(document) for _ in range(2))]
    operations: list[Any] = [result.ok() for result in document.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) == OPERATIONS
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            answers = Counter[int]()
            run = _questions(operation.as_strategy(generation_mode=mode), known, answers)
            number = max(1, requests_per_operation // 2)
            # Of an operation without a rule no request breaks one.
            with suppress(Unsatisfiable):
                seed(first_seed)(settings(_SETTINGS, max_examples=number)(run))()
            statuses += answers
            say(f"{operation.label}, {mode.value}: {dict(sorted(answers.items()))}")
    return statuses


def _questions(cases: Any, known: list[str], answers: Counter[int]) -> Callable[[], None]:
    """Returns a property that asks one request, often about a known task or runtime."""

    @given(case=cases, task=st.sampled_from([None, *known]), runtime=st.sampled_from(_KNOWN))
    def run(case: Any, task: str | None, runtime: dict[str, str]) -> None:
        if task is not None and "task" in (case.path_parameters or {}):
            case.path_parameters = case.path_parameters | {"task": task}
        case.body = _naming(case.body, runtime)
        response = case.call()
        case.validate_response(response, checks=_CHECKS)
        answers[response.status_code] += 1

    return run


def _naming(value: Any, values: dict[str, str]) -> Any:
    """Returns a request that names what the stack has, wherever it has such a field.

    A new one: the strategies draw some objects more than once.
    """
    if isinstance(value, dict):
        return {name: values.get(name) or _naming(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [_naming(one, values) for one in value]
    return value


def _accepted_uid(document: Any) -> str:
    body = {"task": _TASK | {"content": {"prompt": str(random.random())}}}
    response = document["/v1alpha2"]["POST"].Case(body=body, media_type="application/json").call()
    assert response.status_code == 200, response.text
    return str(response.json()["uid"])


def _forget_settings() -> None:
    intake_module._intake.cache_clear()
    reader_module._service.cache_clear()
