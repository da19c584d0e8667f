"""One picture, the whole way: the seed document's own text-to-image request (R16)."""

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

_RESULT_SECONDS = 60.0

SEED_REQUEST: dict[str, Any] = {
    "task": {
        "metadata": {
            "id": "test-t2i",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "output",
            "context": "",
        },
        "content": {
            "alwayson_scripts": {},
            "prompt": "A dog",
            "steps": 16,
            "width": 512,
            "height": 512,
        },
    }
}


class DemoError(Exception):
    """The request did not end in a picture; the message says where it stopped."""


def generate_picture(target: Target, progress: Progress, folder: Path) -> Path:
    """Sends the request, waits for its callback and saves the picture.

    Args:
        target: a stack that is up.
        progress: told of each step.
        folder: where to save.

    Returns:
        The picture's file.

    Raises:
        DemoError: the API refused, the task failed, or the picture is not what was asked for.
        easel_cli.download.DownloadError: the picture cannot be saved.
        TimeoutError: no callback came.
    """
    clients = AwsClients(target)
    with (
        ResultSubscription(clients, target.notifications_topic_arn) as subscription,
        ApiClient(target.endpoint, authorization_of(target, clients)) as api,
    ):
        with progress.step("POST /v1alpha2"):
            answer = api.post("v1alpha2", SEED_REQUEST)
            if not answer.ok:
                raise DemoError(f"The API answered {answer.status_code}: {answer.text}")
        progress.say(f"        {json.dumps(answer.json())}")
        with progress.step("waiting for the notification"):
            result = subscription.wait_for(answer.json()["uid"], _RESULT_SECONDS)
        progress.say(f"        {result.to_json()}")
        if not result.result:
            raise DemoError("The task failed; the notification above says why.")
        [picture] = download_pictures(clients, target.output_bucket, result.image_url, folder)
    _check_picture(picture)
    return picture


def _check_picture(picture: Path) -> None:
    content = SEED_REQUEST["task"]["content"]
    asked = (content["width"], content["height"])
    with Image.open(picture) as image:
        if (image.format, image.size) != ("PNG", asked):
            raise DemoError(f"{picture} is {image.format} of {image.size}, asked was PNG {asked}.")
