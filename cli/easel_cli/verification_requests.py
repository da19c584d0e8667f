"""The requests that a verification sends: the seed's own, made small and sure to be drawn."""

import json
import secrets
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from easel_cli.target import Target
from easel_contract.task import RuntimeType, TaskType

PICTURE_SIZE = (512, 512)
"""Of all pictures but the upscaled one, in pixels: width, height."""
_UPSCALING = 2
UPSCALED_SIZE = (PICTURE_SIZE[0] * _UPSCALING, PICTURE_SIZE[1] * _UPSCALING)

SEED_CHECKPOINT = "v1-5-pruned-emaonly.safetensors"
"""The checkpoint of the seed's samples."""

_STEPS = 16
_MAX_SEED = 2**32
# Not one that is a neural network: SD WebUI would fetch its weights from the Internet first, which
# the pod's network policy may not let it.
_UPSCALER = "Lanczos"


def text_to_image() -> dict[str, Any]:
    """Content of the seed's text-to-image request."""
    return {"prompt": "A dog", "steps": _STEPS, **_size()}


def image_to_image(picture: str) -> dict[str, Any]:
    """Content of an image-to-image request.

    Args:
        picture: S3 URI or http(s) URL of the picture to begin with.
    """
    return {
        "prompt": "A dog with a hat",
        "steps": _STEPS,
        **_size(),
        "init_images": [picture],
    }


def upscale(picture: str) -> dict[str, Any]:
    """Content of an extra-single-image request, which doubles a picture's edges.

    Args:
        picture: S3 URI or http(s) URL of the picture.
    """
    return {
        "resize_mode": 0,
        "upscaling_resize": _UPSCALING,
        "upscaler_1": _UPSCALER,
        "image": picture,
    }


def pipeline(checkpoint: str) -> dict[str, Any]:
    """Content of the seed's pipeline request.

    Args:
        checkpoint: its name below the folder `checkpoints`, or `Stable-diffusion` of the bucket.
    """
    workflow: dict[str, Any] = json.loads(
        files("easel_cli").joinpath("verification_workflow.json").read_text()
    )
    workflow["4"]["inputs"]["ckpt_name"] = checkpoint
    # ComfyUI answers a workflow that it has drawn before from its cache, without a picture.
    workflow["3"]["inputs"]["seed"] = secrets.randbelow(_MAX_SEED)
    return workflow


def checkpoint_of(target: Target) -> str:
    """Returns the checkpoint of the first runtime that serves one; else the seed's.

    All runtimes of a stack have the models of one bucket.
    """
    named = (one.model_filename for one in target.runtimes.values() if one.model_filename)
    return next(named, SEED_CHECKPOINT)


def request_body(
    runtime: str, tasktype: TaskType, content: Mapping[str, Any], prefix: str, deadline_seconds: int
) -> dict[str, Any]:
    """Returns the body of a v1alpha2 request, with an id of its own.

    Args:
        runtime: its name.
        tasktype: what the content asks for.
        content: of one of the functions above.
        prefix: folder in the output bucket.
        deadline_seconds: after which the stack gives the task up, whoever still waits for it.
    """
    metadata = {
        "id": f"verify-{secrets.token_hex(6)}",
        "runtime": runtime,
        "tasktype": tasktype,
        "prefix": prefix,
        "deadline_seconds": deadline_seconds,
    }
    return {"task": {"metadata": metadata, "content": dict(content)}}


def first_request(runtime_type: RuntimeType, checkpoint: str) -> tuple[TaskType, dict[str, Any]]:
    """Returns type and content of the request that a runtime gets first."""
    if runtime_type is RuntimeType.COMFYUI:
        return TaskType.PIPELINE, pipeline(checkpoint)
    return TaskType.TEXT_TO_IMAGE, text_to_image()


def following_requests(
    runtime_type: RuntimeType, picture: str
) -> list[tuple[TaskType, dict[str, Any]]]:
    """Returns types and contents of the requests that take the first one's picture.

    Args:
        runtime_type: of the runtime.
        picture: S3 URI of that picture.
    """
    if runtime_type is RuntimeType.COMFYUI:
        return []
    return [
        (TaskType.IMAGE_TO_IMAGE, image_to_image(picture)),
        (TaskType.EXTRA_SINGLE_IMAGE, upscale(picture)),
    ]


def expected_size(tasktype: TaskType) -> tuple[int, int]:
    """Width and height, in pixels, of the picture that a request of a type makes."""
    return UPSCALED_SIZE if tasktype is TaskType.EXTRA_SINGLE_IMAGE else PICTURE_SIZE


def _size() -> dict[str, int]:
    return {"width": PICTURE_SIZE[0], "height": PICTURE_SIZE[1]}
