"""A request becomes pictures in S3 and one callback (R1, R8, R9, R16-R18, R22, R25, R26)."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.target import Target
from easel_contract import attributes
from easel_contract.result import TaskResult

from .conftest import Results

pytestmark = pytest.mark.e2e


def seed_content(**changes: Any) -> dict[str, Any]:
    """The seed's text-to-image content."""
    return {
        "alwayson_scripts": {},
        "prompt": "A dog",
        "steps": 16,
        "width": 512,
        "height": 512,
    } | changes


def v1alpha2(task_id: str, runtime: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A v1alpha2 request."""
    metadata = {"id": task_id, "runtime": runtime, "tasktype": "text-to-image", "prefix": "output"}
    return {"task": {"metadata": metadata | more, "content": content}}


def assert_pictures(
    result: TaskResult,
    target: Target,
    picture_of: Callable[[str], bytes],
    prefix: str,
    count: int,
    size: tuple[int, int],
) -> None:
    stem = rf"s3://{target.output_bucket}/{prefix}/{result.id}/{result.id}-[a-z0-9]{{4}}"
    assert len(result.image_url) == count
    for number, uri in enumerate(result.image_url, start=1):
        assert re.fullmatch(rf"{stem}-{number}\.png", uri)
        with Image.open(io.BytesIO(picture_of(uri))) as image:
            assert (image.format, image.size) == ("PNG", size)
    assert result.output_url is not None
    assert re.fullmatch(rf"{stem}\.out", result.output_url)
    assert len(json.loads(picture_of(result.output_url))["images"]) == count


def test_v1alpha2_text_to_image(
    api: ApiClient,
    target: Target,
    results: Results,
    sdwebui: str,
    task_id: str,
    picture_of: Callable[[str], bytes],
) -> None:
    request = v1alpha2(task_id, sdwebui, seed_content(), context={"abc": 123})
    answer = api.post("v1alpha2", request)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "id_task": task_id,
        "uid": answer.json()["uid"],
        "runtime": sdwebui,
        "output_location": f"s3://{target.output_bucket}/output/{task_id}",
    }
    result = results.of(task_id)
    assert result.result, result.error
    assert result.context == {"abc": 123}
    assert result.runtime == sdwebui
    assert_pictures(result, target, picture_of, "output", 1, (512, 512))


def test_v1alpha1_text_to_image(
    api: ApiClient,
    target: Target,
    results: Results,
    sdwebui: str,
    task_id: str,
    picture_of: Callable[[str], bytes],
) -> None:
    checkpoint = target.runtimes[sdwebui].model_filename
    request = seed_content(
        alwayson_scripts={
            "task": "text-to-image",
            "sd_model_checkpoint": checkpoint,
            "id_task": task_id,
            "save_dir": "outputs",
        }
    )
    answer = api.post("v1alpha1", request)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "id_task": task_id,
        "uid": answer.json()["uid"],
        "sd_model_checkpoint": checkpoint,
        "output_location": f"s3://{target.output_bucket}/outputs/{task_id}",
    }
    result = results.of(task_id)
    assert result.result, result.error
    assert_pictures(result, target, picture_of, "outputs", 1, (512, 512))


def test_every_picture_of_a_batch_is_stored_and_numbered(
    api: ApiClient,
    target: Target,
    results: Results,
    sdwebui: str,
    task_id: str,
    picture_of: Callable[[str], bytes],
) -> None:
    content = seed_content(batch_size=2, n_iter=2, width=64, height=128, seed=7)
    assert api.post("v1alpha2", v1alpha2(task_id, sdwebui, content)).ok
    result = results.of(task_id)
    assert result.result, result.error
    assert_pictures(result, target, picture_of, "output", 4, (64, 128))
    assert len({picture_of(uri) for uri in result.image_url}) == 4


def test_what_the_runtime_refuses_is_a_failed_callback_that_says_why(
    api: ApiClient, results: Results, sdwebui: str, task_id: str
) -> None:
    content = seed_content(sampler_name="Nope")
    assert api.post("v1alpha2", v1alpha2(task_id, sdwebui, content, context="mine")).ok
    result = results.of(task_id)
    assert (result.result, result.image_url, result.context) == (False, [], "mine")
    assert result.error is not None
    assert "there is no sampler 'Nope'" in result.error.message
    assert not result.error.retryable


def test_a_users_own_publish_works_as_through_the_api(
    env: str,
    clients: AwsClients,
    target: Target,
    results: Results,
    sdwebui: str,
    task_id: str,
    picture_of: Callable[[str], bytes],
) -> None:
    message = v1alpha2(task_id, sdwebui, seed_content(width=64, height=64), prefix="teams/red")
    try:
        clients.sns.publish(
            TopicArn=target.tasks_topic_arn,
            Message=json.dumps(message["task"]),
            MessageAttributes={
                attributes.RUNTIME: {"DataType": "String", "StringValue": sdwebui},
            },
        )
    except clients.sns.exceptions.AuthorizationErrorException:
        if env == "local":
            raise
        pytest.skip("the principal of these tests is not in the stack's task_publishers")
    result = results.of(task_id)
    assert result.result, result.error
    assert_pictures(result, target, picture_of, "teams/red", 1, (64, 64))
