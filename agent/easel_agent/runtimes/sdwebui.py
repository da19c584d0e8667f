"""Stable Diffusion WebUI: AUTOMATIC1111's API and its peers.

What is known of its behaviour was recorded from a real one: tests/data/captures/a1111_*.json.
"""

import base64
import binascii
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import requests
from pydantic import BaseModel, Field, Json, ValidationError

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.media_formats import PICTURES
from easel_agent.runtimes.base import Fetch, Finished, Generation, MadeFile, RuntimeState
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui_api import PROBE_SECONDS, SdWebUiApi
from easel_agent.runtimes.sdwebui_checkpoints import Checkpoint, Checkpoints
from easel_agent.runtimes.sdwebui_interrupt import JobInterrupt
from easel_agent.urls import find_urls, replace_values
from easel_contract.errors import TaskErrorCode
from easel_contract.record import Progress
from easel_contract.task import TaskType

logger = logging.getLogger(__name__)

_PATHS = {
    TaskType.TEXT_TO_IMAGE: "/sdapi/v1/txt2img",
    TaskType.IMAGE_TO_IMAGE: "/sdapi/v1/img2img",
    TaskType.EXTRA_SINGLE_IMAGE: "/sdapi/v1/extra-single-image",
    TaskType.EXTRA_BATCH_IMAGES: "/sdapi/v1/extra-batch-images",
}
_CHECKPOINT = "sd_model_checkpoint"
_WARM_UP = {"prompt": "", "steps": 1, "width": 64, "height": 64}
_PROGRESS_SECONDS = 1
"""For the connection, and again for the answer."""
_MAX_STEPS = 1_000_000_000
_IDLE_SECONDS = 60
"""How long an interrupted job may take to end."""
_POLL_SECONDS = 0.5


class _Info(BaseModel):
    sd_model_name: str | None = None


class _State(BaseModel):
    job_count: int = -1
    """0 between jobs; also while the last one's pictures are encoded, where the rest is zeros."""
    sampling_step: int = Field(default=0, ge=0, le=_MAX_STEPS)
    sampling_steps: int = Field(default=0, ge=0, le=_MAX_STEPS)


class _Progress(BaseModel):
    """`{progress, eta_relative, state, ...}`; recorded in tests/data/captures/a1111_get.json."""

    progress: float = Field(allow_inf_nan=False)
    state: _State = _State()

    def progress_of_job(self) -> Progress | None:
        """The part of it that a record keeps; None where no job is at work."""
        if self.state.job_count == 0:
            return None
        percent = round(100 * min(max(self.progress, 0.0), 1.0), 1)
        steps = self.state.sampling_steps or None
        return Progress(
            percent=percent, step=self.state.sampling_step if steps else None, steps=steps
        )


class _Answer(BaseModel):
    """`{images, parameters, info}` of a generation, `{image, html_info}` of an upscale."""

    images: list[str] | None = None
    image: str | None = None
    info: Json[_Info] | str | None = None
    """A JSON string; sd-server leaves it empty."""

    def encoded_pictures(self) -> list[str]:
        """The pictures in base64, in order."""
        if self.images is not None:
            return self.images
        return [] if self.image is None else [self.image]

    def checkpoint_name(self) -> str | None:
        """`model_name` of the checkpoint that made them, where the answer tells."""
        return self.info.sd_model_name if isinstance(self.info, _Info) else None


class SdWebUi:
    """The SD WebUI beside this agent; does one task at a time."""

    def __init__(
        self, url: str, *, task_timeout_seconds: float, wait_seconds: float, dynamic_model: bool
    ) -> None:
        """Describes it; nothing is sent.

        Args:
            url: of the server.
            task_timeout_seconds: how long one task, or loading a checkpoint, may take.
            wait_seconds: how long a task may wait behind somebody else's job.
            dynamic_model: whether a task may name the checkpoint to load.
        """
        self._api = SdWebUiApi(url)
        self._checkpoints = Checkpoints(self._api)
        self._task_timeout_seconds = task_timeout_seconds
        self._wait_seconds = wait_seconds
        self._dynamic_model = dynamic_model
        self._progress_api = SdWebUiApi(url)
        self._is_at_work = False

    def is_ready(self) -> bool:
        """Whether it answers a request that touches no job."""
        try:
            self._progress()
        except (RuntimeDeadError, RejectedTaskError, TransientError):
            return False
        return True

    def state(self) -> RuntimeState:
        """Whether it answers, and what it is busy with; see `Runtime.state`."""
        try:
            told = self._progress()
        except (RuntimeDeadError, RejectedTaskError, TransientError) as error:
            return RuntimeState(answers=False, reason=str(error))
        state = told.get("state") if isinstance(told, dict) else None
        if isinstance(state, dict) and state.get("job_count") == 0:
            return RuntimeState(answers=True)
        return RuntimeState(answers=True, reason="it is busy with another job")

    def progress(self) -> Progress | None:
        """How far the job is that runs, while this adapter waits for one; see `Runtime`."""
        if not self._is_at_work:
            return None
        try:
            told = _Progress.model_validate(
                self._progress_api.get(
                    "/sdapi/v1/progress", seconds=_PROGRESS_SECONDS, skip_current_image="true"
                )
            )
        except (RuntimeDeadError, RejectedTaskError, TransientError, ValidationError):
            return None
        return told.progress_of_job()

    def free_memory(self) -> None:
        """Nothing yet."""

    def warm_up(self, job: Job) -> None:
        """Has it load its model: it answers before it has, and the first job pays for that."""
        try:
            self._run("/sdapi/v1/txt2img", _WARM_UP, job)
        except (RejectedTaskError, TransientError) as error:
            job.check()
            logger.warning("warm-up failed: %s", error)

    def place_inputs(self, content: dict[str, Any], fetch: Fetch, job: Job) -> dict[str, Any]:
        """Replaces every URL by the base64 of what it points to; see `Runtime.place_inputs`."""
        del job  # nothing is left behind
        urls = find_urls(content, PICTURES)
        files = fetch(urls)
        return replace_values(
            content, {item.path: base64.b64encode(files[item.url]).decode() for item in urls}
        )

    def generate(self, tasktype: TaskType, content: dict[str, Any], job: Job) -> Finished:
        """Does one task; see `Runtime.generate`."""
        path = _PATHS.get(tasktype)
        if path is None:
            raise RejectedTaskError(
                TaskErrorCode.UNSUPPORTED_TASK,
                f"SD WebUI does not do {tasktype}; it does {', '.join(sorted(_PATHS))}",
            )
        content, named = _take_checkpoint(content)
        expected = (
            self._overriding_checkpoint(content)
            if named is None
            else self._use_checkpoint(named, job)
        )
        body = self._run(path, content, job)
        return Finished(partial(_collect, body, expected), held_bytes=len(body))

    def _use_checkpoint(self, name: str, job: Job) -> Checkpoint:
        checkpoint = self._checkpoints.find(name)
        if self._dynamic_model:
            # SD WebUI cannot stop loading; what comes after is not begun.
            with _stoppable(job, self._give_up_if_dead):
                self._checkpoints.load(checkpoint, self._task_timeout_seconds)
        elif not self._checkpoints.is_loaded(checkpoint):
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_REJECTED,
                f"this runtime does not switch checkpoints, and {name!r} is not the one it has",
            )
        return checkpoint

    def _overriding_checkpoint(self, content: dict[str, Any]) -> Checkpoint | None:
        # An unknown name here would be a 200 with a picture of the current model.
        settings = content.get("override_settings")
        name = settings.get(_CHECKPOINT) if isinstance(settings, dict) else None
        return self._checkpoints.find(name) if isinstance(name, str) else None

    def _run(self, path: str, content: dict[str, Any], job: Job) -> bytes:
        self._is_at_work = True
        job.begun()
        try:
            # The answer to an interrupted job is a 200 with a half-made picture and no mark.
            with JobInterrupt(self._api) as interrupt, _stoppable(job, interrupt.stop):
                return self._api.post(path, content, self._task_timeout_seconds)
        except requests.ReadTimeout as error:
            try:
                self._stop_overdue_job()
            finally:
                job.check()
            raise RejectedTaskError(
                TaskErrorCode.DEADLINE_EXCEEDED,
                f"the task took longer than {self._task_timeout_seconds:g} s and was stopped",
            ) from error
        finally:
            self._is_at_work = False

    def _give_up_if_dead(self, error: Exception) -> None:
        if isinstance(error, RuntimeDeadError):
            self._api.abort()

    def _stop_overdue_job(self) -> None:
        # A client that goes away does not stop the job: the next task would wait behind it.
        deadline = time.monotonic() + _IDLE_SECONDS
        try:
            self._api.post("/sdapi/v1/interrupt", {}, PROBE_SECONDS)
            while time.monotonic() < deadline:
                if self._progress()["state"]["job_count"] == 0:
                    return
                time.sleep(_POLL_SECONDS)
        except (requests.ReadTimeout, TransientError, RejectedTaskError, KeyError) as error:
            raise RuntimeDeadError(f"SD WebUI does not stop an overdue job: {error}") from error
        raise RuntimeDeadError(f"SD WebUI did not stop an overdue job in {_IDLE_SECONDS} s")

    def _progress(self) -> Any:
        return self._api.get("/sdapi/v1/progress", skip_current_image="true")


@contextmanager
def _stoppable(job: Job, interrupt: Callable[[Exception], None]) -> Iterator[None]:
    """As `Job.interruptible`; whatever came of the work after a stop, the stop is the reason."""
    try:
        with job.interruptible(interrupt):
            yield
    except (RuntimeDeadError, RejectedTaskError, TransientError):
        job.check()
        raise
    job.check()


def _collect(body: bytes, expected: Checkpoint | None) -> Generation:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        message = f"SD WebUI's answer cannot be read: {error}"
        raise TransientError(message, answer=body) from error
    made_by = answer.checkpoint_name()
    if expected is not None and made_by is not None and made_by != expected.model_name:
        message = f"SD WebUI used {made_by}, not {expected.model_name}"
        raise TransientError(message, answer=body)
    return Generation(body, _decoded(answer.encoded_pictures()))


def _decoded(images: list[str]) -> Iterator[MadeFile]:
    images.reverse()
    while images:
        image = images.pop()  # and out of memory
        try:
            # AUTOMATIC1111 sends bare base64; forks put a data: URL before it.
            bare = image.partition(",")[2] if image.startswith("data:") else image
            yield MadeFile(base64.b64decode(bare))
        except binascii.Error as error:
            raise TransientError(f"SD WebUI's picture cannot be read: {error}") from error


def _take_checkpoint(content: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    # It stands among the scripts, where SD WebUI would answer 422: it is no script.
    scripts = content.get("alwayson_scripts")
    if not isinstance(scripts, dict) or _CHECKPOINT not in scripts:
        return content, None
    rest = {key: value for key, value in scripts.items() if key != _CHECKPOINT}
    name = scripts[_CHECKPOINT]
    if not isinstance(name, str) or not name:
        raise RejectedTaskError(
            TaskErrorCode.INVALID_TASK, f"alwayson_scripts.{_CHECKPOINT} must be a file's name"
        )
    return content | {"alwayson_scripts": rest}, name
