"""Every sample request of the seed documents, as docs/api.md shows them, goes the whole way.

Ids are made unique, runtimes and checkpoints are the stack's own, and the sample's picture is put
where the stack's agents reach it: nothing else of the samples is changed.
"""

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
from easel_cli.verification_requests import checkpoint_of
from easel_contract.errors import TaskErrorCode
from easel_packaging.openapi import SAMPLES

from .conftest import Results
from .input_pictures import CAT_SIZE, InputPictures, cat
from .samples import sample_of

pytestmark = pytest.mark.e2e

SIZES = {
    "v1alpha2-text-to-image": [(512, 512)],
    "v1alpha2-image-to-image": [(512, 512)],
    "v1alpha2-extra-single-image": [(512, 384)],
    "v1alpha2-pipeline": [(512, 512)],
    "v1alpha2-model-switch": [(512, 512)],
    "v1alpha2-batch": [(512, 512)] * 4,
    "v1alpha1-text-to-image": [(512, 512)],
    "v1alpha1-image-to-image": [(512, 512)],
}
"""Of each sample's pictures, in their order."""


@pytest.mark.parametrize(
    "sample", sorted({path.stem for path in SAMPLES.glob("*.json")} | SIZES.keys())
)
def test_sample(
    sample: str,
    api: ApiClient,
    target: Target,
    results: Results,
    pictures: InputPictures,
    task_id: str,
    picture_of: Callable[[str], bytes],
) -> None:
    version = sample.partition("-")[0]
    body = sample_of(sample, target, pictures.cat)
    if version == "v1alpha2":
        metadata = body["task"]["metadata"]
        metadata["id"] = task_id
        expected = {"id_task": task_id, "runtime": metadata["runtime"]}
        prefix = "output"
    else:
        routing = body["alwayson_scripts"]
        routing["id_task"] = task_id
        expected = {"id_task": task_id, "sd_model_checkpoint": routing["sd_model_checkpoint"]}
        prefix = "outputs"
    answer = api.post(version, body)
    assert answer.status_code == 200, answer.text
    location = f"s3://{target.output_bucket}/{prefix}/{task_id}"
    uid = answer.json()["uid"]
    assert answer.json() == expected | {"output_location": location, "uid": uid}
    result = results.of(uid)
    assert result.result, result.error
    assert [Image.open(io.BytesIO(picture_of(uri))).size for uri in result.image_url] == SIZES[
        sample
    ]
    assert all(uri.startswith(f"{location}/{task_id}-") for uri in result.image_url)
    assert result.output_url is not None
    assert json.loads(picture_of(result.output_url))


def request_of(
    task_id: str, runtime: str, tasktype: str, content: dict[str, Any]
) -> dict[str, Any]:
    metadata = {"id": task_id, "runtime": runtime, "tasktype": tasktype, "prefix": "output"}
    return {"task": {"metadata": metadata, "content": content}}


def test_a_workflow_with_a_picture_from_the_web_and_one_from_s3(
    api: ApiClient,
    clients: AwsClients,
    target: Target,
    results: Results,
    comfyui: str,
    pictures: InputPictures,
    task_id: str,
    picture_of: Callable[[str], bytes],
) -> None:
    key = f"e2e-inputs/{task_id}.png"
    clients.s3.put_object(Bucket=target.output_bucket, Key=key, Body=cat())
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": pictures.cat}},
        "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a", "images": ["1", 0]}},
        "3": {
            "class_type": "LoadImage",
            "inputs": {"image": f"s3://{target.output_bucket}/{key}"},
        },
        "4": {"class_type": "SaveImage", "inputs": {"filename_prefix": "b", "images": ["3", 0]}},
    }
    assert api.post("v1alpha2", request_of(task_id, comfyui, "pipeline", workflow)).ok
    result = results.of(task_id)
    assert result.result, result.error
    sizes = [Image.open(io.BytesIO(picture_of(uri))).size for uri in result.image_url]
    assert sizes == [CAT_SIZE] * 2
    clients.s3.delete_object(Bucket=target.output_bucket, Key=key)


def test_a_workflow_that_fails_is_a_failed_callback(
    api: ApiClient, results: Results, comfyui: str, task_id: str
) -> None:
    sample = json.loads((SAMPLES / "v1alpha2-pipeline.json").read_text())
    workflow = sample["task"]["content"]
    workflow["4"]["inputs"]["ckpt_name"] = "no-such.ckpt"
    assert api.post("v1alpha2", request_of(task_id, comfyui, "pipeline", workflow)).ok
    result = results.of(task_id)
    assert not result.result
    assert result.error is not None
    assert result.error.code is TaskErrorCode.RUNTIME_REJECTED
    assert "node 4 (CheckpointLoaderSimple)" in result.error.message
    assert "no-such.ckpt" in result.error.message


def test_an_unknown_checkpoint_fails_and_the_runtime_goes_on(
    api: ApiClient, results: Results, target: Target, dynamic: str, task_id: str
) -> None:
    for suffix, name in (("a", "no-such.ckpt"), ("b", checkpoint_of(target))):
        content = {
            "prompt": "A dog",
            "steps": 1,
            "alwayson_scripts": {"sd_model_checkpoint": name},
        }
        request = request_of(f"{task_id}-{suffix}", dynamic, "text-to-image", content)
        assert api.post("v1alpha2", request).ok
    refused, made = results.of(f"{task_id}-a"), results.of(f"{task_id}-b")
    assert refused.error is not None
    assert "no checkpoint 'no-such.ckpt'" in refused.error.message
    assert made.result, made.error


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("http://169.254.169.254/latest/meta-data/x.png", "is not at a public address"),
        ("http://10.0.0.1/x.png", "is not at a public address"),
        ("{missing}", "answered 40[34]$"),
        ("s3://no-such-bucket-of-ours/x.png", "is no object that this runtime may read"),
    ],
)
def test_a_picture_that_cannot_be_had_is_a_failed_callback_that_says_so(
    api: ApiClient,
    results: Results,
    sdwebui: str,
    pictures: InputPictures,
    task_id: str,
    link: str,
    says: str,
) -> None:
    # To whoever may not list a bucket of S3, what is not there is forbidden: 403.
    link = link.replace("{missing}", pictures.missing)
    content = {"prompt": "A dog", "init_images": [link]}
    assert api.post("v1alpha2", request_of(task_id, sdwebui, "image-to-image", content)).ok
    result = results.of(task_id)
    assert result.error is not None
    assert result.error.code is TaskErrorCode.INPUT_UNAVAILABLE
    # A link's query, which may hold a signature, is not told.
    assert f"init_images[0]: {link.partition('?')[0]} " in result.error.message
    assert re.search(says, result.error.message)


def test_content_too_large_for_sns_goes_the_whole_way(
    api: ApiClient, results: Results, sdwebui: str, task_id: str
) -> None:
    content = {
        "prompt": "A dog",
        "steps": 1,
        "width": 64,
        "height": 64,
        "comments": {"x": "y" * 400_000},
    }
    assert api.post("v1alpha2", request_of(task_id, sdwebui, "text-to-image", content)).ok
    result = results.of(task_id)
    assert result.result, result.error
