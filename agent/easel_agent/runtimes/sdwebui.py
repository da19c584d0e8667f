"""Stable Diffusion WebUI (AUTOMATIC1111's API and its peers).

The traps that this module knows are listed, with recordings, in docs/runtimes.md.
"""

import base64
import binascii
import json
import logging
import time
from typing import Any

import requests
from pydantic import BaseModel, ValidationError

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.base import Fetch, Generation
from easel_agent.urls import find_urls, replace_values
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TaskType

logger = logging.getLogger(__name__)

_PATHS = {
    TaskType.TEXT_TO_IMAGE: "/sdapi/v1/txt2img",
    TaskType.IMAGE_TO_IMAGE: "/sdapi/v1/img2img",
    TaskType.EXTRA_SINGLE_IMAGE: "/sdapi/v1/extra-single-image",
    TaskType.EXTRA_BATCH_IMAGES: "/sdapi/v1/extra-batch-images",
}

_CONNECT_SECONDS = 5
_PROBE_SECONDS = 10
"""Its answers can stall for seconds while it works."""
_IDLE_SECONDS = 60
"""How long an interrupted job may take to end."""
_POLL_SECONDS = 0.5
_MAX_ERROR_CHARACTERS = 500

_DEVICE_ERRORS = ("outofmemory", "out of memory", "cuda", "cudnn", "cublas", "hip error")
"""What of a 500 is the device's doing, and may go well at the next try."""

_CALLER_ERRORS = ("HTTPException", "KeyError", "ZeroDivisionError", "AssertionError", "ValueError")
"""Exceptions behind a 500 that the caller's values raise; a RuntimeError is undecided."""

_CALLER_MESSAGES = ("not found", "negative dimension", "Kernel size can't be greater")


class _Answer(BaseModel):
    """`{images, ...}` of a generation or `{image, ...}` of extra-single-image."""

    images: list[str] | None = None
    image: str | None = None

    def encoded_pictures(self) -> list[str]:
        """The pictures in base64, in order."""
        if self.images is not None:
            return self.images
        return [] if self.image is None else [self.image]


class _RuntimeError(BaseModel):
    """`{error, detail, body, errors}`, or `{detail: [...]}` of a request that was not read."""

    error: str = ""
    detail: Any = ""
    errors: Any = ""

    def summary(self) -> str:
        """What it says, in one line of bounded length."""
        detail = self.detail if isinstance(self.detail, str) else json.dumps(self.detail)
        parts = [part for part in (self.error, detail, str(self.errors)) if part]
        return ": ".join(parts)[:_MAX_ERROR_CHARACTERS]


class SdWebUi:
    """The SD WebUI beside this agent."""

    def __init__(self, url: str, task_timeout_seconds: float) -> None:
        self._url = url
        self._task_timeout_seconds = task_timeout_seconds
        self._http = requests.Session()
        # It is on this host: a proxy from the environment is never meant for it.
        self._http.trust_env = False

    def is_ready(self) -> bool:
        """Whether it answers a request that touches no job."""
        try:
            answer = self._http.get(
                f"{self._url}/sdapi/v1/progress",
                params={"skip_current_image": "true"},
                timeout=(_CONNECT_SECONDS, _PROBE_SECONDS),
            )
        except requests.RequestException:
            return False
        return answer.ok

    def place_inputs(self, content: dict[str, Any], fetch: Fetch) -> dict[str, Any]:
        """Replaces every URL by the base64 of what it points to; see `Runtime.place_inputs`."""
        urls = find_urls(content)
        files = fetch(urls)
        return replace_values(
            content, {item.path: base64.b64encode(files[item.url]).decode() for item in urls}
        )

    def generate(self, tasktype: TaskType, content: dict[str, Any]) -> Generation:
        """Does one task; see `Runtime.generate`."""
        path = _PATHS.get(tasktype)
        if path is None:
            raise RejectedTaskError(
                TaskErrorCode.UNSUPPORTED_TASK,
                f"SD WebUI does not do {tasktype}; it does {', '.join(sorted(_PATHS))}",
            )
        try:
            answer = self._http.post(
                self._url + path,
                json=content,
                timeout=(_CONNECT_SECONDS, self._task_timeout_seconds),
            )
        except requests.ReadTimeout as error:
            self._stop_overdue_job()
            raise RejectedTaskError(
                TaskErrorCode.DEADLINE_EXCEEDED,
                f"the task took longer than {self._task_timeout_seconds:g} s and was stopped",
            ) from error
        except requests.RequestException as error:
            raise RuntimeDeadError(f"SD WebUI at {self._url} went away: {error}") from error
        if not answer.ok:
            raise _failure(answer.status_code, answer.content)
        return _generation(answer.content)

    def _stop_overdue_job(self) -> None:
        # A client that goes away does not stop the job: the next task would wait behind it.
        deadline = time.monotonic() + _IDLE_SECONDS
        try:
            self._http.post(f"{self._url}/sdapi/v1/interrupt", timeout=_PROBE_SECONDS)
            while time.monotonic() < deadline:
                state = self._http.get(
                    f"{self._url}/sdapi/v1/progress",
                    params={"skip_current_image": "true"},
                    timeout=_PROBE_SECONDS,
                ).json()
                if not state["state"]["job_count"]:
                    return
                time.sleep(_POLL_SECONDS)
        except (requests.RequestException, KeyError, TypeError, ValueError) as error:
            raise RuntimeDeadError(f"SD WebUI does not stop an overdue job: {error}") from error
        raise RuntimeDeadError(f"SD WebUI did not stop an overdue job in {_IDLE_SECONDS} s")


def _generation(body: bytes) -> Generation:
    try:
        answer = _Answer.model_validate_json(body)
        pictures = [_decode_picture(image) for image in answer.encoded_pictures()]
    except (ValidationError, binascii.Error) as error:
        raise TransientError(f"SD WebUI's answer cannot be read: {error}") from error
    return Generation(pictures, body)


def _decode_picture(image: str) -> bytes:
    # AUTOMATIC1111 sends bare base64; forks put a data: URL before it.
    return base64.b64decode(image.partition(",")[2] if image.startswith("data:") else image)


def _failure(status: int, body: bytes) -> Exception:
    try:
        problem = _RuntimeError.model_validate_json(body)
    except ValidationError:
        problem = _RuntimeError(detail=body.decode(errors="replace"))
    summary = f"SD WebUI answered {status}: {problem.summary()}"
    if _is_callers_mistake(status, problem):
        return RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, summary)
    return TransientError(summary)


def _is_callers_mistake(status: int, problem: _RuntimeError) -> bool:
    if status < requests.codes.internal_server_error:
        return True
    text = problem.summary()
    if any(word in text.lower() for word in _DEVICE_ERRORS):
        return False
    if problem.error in _CALLER_ERRORS:
        return True
    return any(message in text for message in _CALLER_MESSAGES)
