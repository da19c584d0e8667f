"""Command-line flags -> a request."""

import base64
import json
import re
import secrets
from pathlib import Path
from typing import Any

from easel_cli.submit_options import SubmitOptions
from easel_cli.target import Target
from easel_contract.task import RuntimeType, TaskType

_URL = re.compile(r"(?:https?|s3)://\S+")
_PREFIX = "output"
_SIZE_OF_SD_1 = "512x512"
_STEPS = 20
_UPSCALER = "R-ESRGAN 4x+"
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


class RequestError(Exception):
    """The flags do not make a request; the message says what to change."""


def build_request(options: SubmitOptions, target: Target) -> tuple[str, dict[str, Any]]:
    """Makes the request that the flags describe.

    Returns:
        The API version and the body.

    Raises:
        RequestError: a file cannot be read, or flags are missing or do not go together.
    """
    if options.request is not None:
        body = _read_json(options.request)
        if "task" in body:
            return "v1alpha2", _changed(body, options)
        return "v1alpha1", _changed_v1alpha1(body, options)
    if options.workflow is not None:
        tasktype, content = TaskType.PIPELINE, _read_json(options.workflow)
    elif options.upscale is not None:
        tasktype, content = TaskType.EXTRA_SINGLE_IMAGE, _upscale_content(options)
    else:
        tasktype = TaskType.IMAGE_TO_IMAGE if options.image else TaskType.TEXT_TO_IMAGE
        content = _prompt_content(options)
    metadata: dict[str, Any] = {
        "id": options.id or f"easel-{secrets.token_hex(6)}",
        "runtime": options.runtime or _only_runtime(target, tasktype),
        "tasktype": tasktype,
        "prefix": options.prefix or _PREFIX,
    }
    body = {"task": {"metadata": metadata, "content": content}}
    return "v1alpha2", _changed(body, options)


def _changed(body: dict[str, Any], options: SubmitOptions) -> dict[str, Any]:
    """A v1alpha2 request with the options of its task in place of what it has."""
    task = body["task"]
    metadata = task.get("metadata") if isinstance(task, dict) else None
    if not isinstance(metadata, dict):
        raise RequestError("The request has no task.metadata.")
    given = {
        "id": options.id,
        "runtime": options.runtime,
        "prefix": options.prefix,
        "context": None if options.context is None else _context(options.context),
        "deadline_seconds": options.deadline,
        "callback_url": options.callback_url,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return {**body, "task": {**task, "metadata": {**metadata, **changes}}}


def _changed_v1alpha1(body: dict[str, Any], options: SubmitOptions) -> dict[str, Any]:
    """A v1alpha1 request with another id or folder; the version has no place for the others."""
    refused = [
        f"--{name.replace('_', '-')}"
        for name in ("runtime", "context", "deadline", "callback_url")
        if getattr(options, name) is not None
    ]
    if refused:
        raise RequestError(
            f"A v1alpha1 request has no place for {', '.join(refused)}: write it as v1alpha2."
        )
    given = {"id_task": options.id, "save_dir": options.prefix}
    changes = {name: value for name, value in given.items() if value is not None}
    routing = body.get("alwayson_scripts")
    if not isinstance(routing, dict):
        raise RequestError("The request has no alwayson_scripts.")
    return {**body, "alwayson_scripts": {**routing, **changes}}


def task_id_of(body: dict[str, Any]) -> str:
    """The id in a request of either version.

    Raises:
        RequestError: there is none.
    """
    try:
        if "task" in body:
            return str(body["task"]["metadata"]["id"])
        return str(body["alwayson_scripts"]["id_task"])
    except (KeyError, TypeError) as error:
        raise RequestError("The request names no id.") from error


def _prompt_content(options: SubmitOptions) -> dict[str, Any]:
    size = options.size or _SIZE_OF_SD_1
    match = _SIZE.fullmatch(size)
    if match is None:
        raise RequestError(f"--size must be like 512x512, not {size}.")
    content: dict[str, Any] = {
        "prompt": options.prompt,
        "steps": options.steps or _STEPS,
        "width": int(match[1]),
        "height": int(match[2]),
        "n_iter": options.count or 1,
    }
    if options.negative_prompt:
        content["negative_prompt"] = options.negative_prompt
    if options.seed is not None:
        content["seed"] = options.seed
    if options.checkpoint:
        content["alwayson_scripts"] = {"sd_model_checkpoint": options.checkpoint}
    if options.image:
        content["init_images"] = [_picture(image) for image in options.image]
    return content


def _upscale_content(options: SubmitOptions) -> dict[str, Any]:
    if not options.image or len(options.image) != 1:
        raise RequestError("--upscale needs one --image.")
    return {
        "resize_mode": 0,
        "upscaling_resize": options.upscale,
        "upscaler_1": options.upscaler or _UPSCALER,
        "image": _picture(options.image[0]),
    }


def _picture(value: str) -> str:
    """A URL as it is, a file as base64."""
    if _URL.fullmatch(value):
        return value
    try:
        return base64.b64encode(Path(value).read_bytes()).decode()
    except OSError as error:
        raise RequestError(f"{value} is no URL and cannot be read: {error.strerror}.") from error


def _only_runtime(target: Target, tasktype: TaskType) -> str:
    wanted = RuntimeType.COMFYUI if tasktype is TaskType.PIPELINE else RuntimeType.SDWEBUI
    names = [name for name, runtime in target.runtimes.items() if runtime.type is wanted]
    if len(names) != 1:
        known = ", ".join(names) or f"none of type {wanted}"
        raise RequestError(f"Name the runtime with --runtime; the stack has {known}.")
    return names[0]


def _context(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise RequestError(f"{path} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise RequestError(f"{path} holds no JSON object.")
    return value
