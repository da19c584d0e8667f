"""A picture of each runtime, the whole way: the seed document's own requests (R16)."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from easel_cli.api_authorization import authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.download import download_pictures
from easel_cli.progress import Progress
from easel_cli.results import ResultSubscription
from easel_cli.target import Target
from easel_cli.verification_requests import (
    PICTURE_SIZE,
    checkpoint_of,
    first_request,
)

_RESULT_SECONDS = 60.0


class DemoError(Exception):
    """The request did not end in a picture; the message says where it stopped."""


def demo_request(target: Target, runtime: str) -> dict[str, Any]:
    """Returns the body of the v1alpha2 request that a runtime of a stack gets.

    Args:
        target: the stack.
        runtime: its name.
    """
    checkpoint = checkpoint_of(target)
    tasktype, content = first_request(target.runtimes[runtime].type, checkpoint)
    if target.runtimes[runtime].dynamic_model:
        content = {**content, "alwayson_scripts": {"sd_model_checkpoint": checkpoint}}
    metadata = {
        "id": f"test-{tasktype}",
        "runtime": runtime,
        "tasktype": tasktype,
        "prefix": "output",
        "context": "",
    }
    return {"task": {"metadata": metadata, "content": content}}


def generate_pictures(target: Target, progress: Progress, folder: Path) -> list[Path]:
    """Sends a request to each runtime, waits for its callback and saves the picture.

    Args:
        target: a stack that is up.
        progress: told of each step.
        folder: where to save.

    Returns:
        The pictures' files.

    Raises:
        DemoError: the API refused, a task failed, or a picture is not what was asked for.
        easel_cli.download.DownloadError: a picture cannot be saved.
        TimeoutError: no callback came.
    """
    clients = AwsClients(target)
    pictures = []
    with (
        ResultSubscription(clients, target.notifications_topic_arn) as subscription,
        ApiClient(target.endpoint, authorization_of(target, clients)) as api,
    ):
        for runtime in target.runtimes:
            image_urls = _image_urls(demo_request(target, runtime), progress, api, subscription)
            pictures += download_pictures(clients, target.output_bucket, image_urls, folder)
            _check_picture(pictures[-1])
    return pictures


def _image_urls(
    request: dict[str, Any],
    progress: Progress,
    api: ApiClient,
    subscription: ResultSubscription,
) -> list[str]:
    runtime = request["task"]["metadata"]["runtime"]
    with progress.step(f"POST /v1alpha2 for {runtime}"):
        answer = api.post("v1alpha2", request)
        if not answer.ok:
            raise DemoError(f"The API answered {answer.status_code}: {answer.text}")
    progress.say(f"        {json.dumps(answer.json())}")
    with progress.step("waiting for the notification"):
        result = subscription.wait_for(answer.json()["uid"], _RESULT_SECONDS)
    progress.say(f"        {result.to_json()}")
    if not result.result:
        raise DemoError("The task failed; the notification above says why.")
    if len(result.image_url) != 1:
        raise DemoError(f"The task made {len(result.image_url)} pictures, asked was one.")
    return result.image_url


def _check_picture(picture: Path) -> None:
    with Image.open(picture) as image:
        if (image.format, image.size) != ("PNG", PICTURE_SIZE):
            raise DemoError(
                f"{picture} is {image.format} of {image.size}, asked was PNG {PICTURE_SIZE}."
            )
