"""SD WebUI's reports of its present job: `/sdapi/v1/progress` and `/internal/progress`.

The first was recorded (tests/data/captures/a1111_get.json, a1111_interrupt.json); the second is
AUTOMATIC1111's modules/progress.py: `progressapi` answers `{active, queued, completed, ...}` of
the task whose request carried the id as `force_task_id` (modules/api/api.py, `text2imgapi`).
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.sdwebui.api import MISSING, SdWebUiApi
from easel_contract.record import Progress

logger = logging.getLogger(__name__)

PATH = "/sdapi/v1/progress"
_TASK_PATH = "/internal/progress"
_ALIVE_PATHS = ("/sdapi/v1/options", "/sdapi/v1/sd-models")
"""Either answers on a server that has no progress."""
_MAX_STEPS = 1_000_000_000
_BEFORE_JOBS = "0"
"""`job_timestamp` of a process that has done no job (AUTOMATIC1111's modules/shared_state.py)."""
_FRESH_SECONDS = 0.1
"""How long what it said is taken for what it would say."""


class _State(BaseModel):
    """Counters and flags; after a job they stay as they were, until the next one begins."""

    interrupted: bool = False
    skipped: bool = False
    job: str = ""
    job_count: int = -1
    """0 between jobs, also while the last one's pictures are encoded; -1 where a job has begun
    and its number of rounds is not known yet."""
    job_no: int = 0
    job_timestamp: str = ""
    """When the running or last job began, to the second; "0" before the first."""
    sampling_step: int = Field(default=0, ge=0, le=_MAX_STEPS)
    sampling_steps: int = Field(default=0, ge=0, le=_MAX_STEPS)


class ServerProgress(BaseModel):
    """`{progress, eta_relative, state, ...}`."""

    progress: float = Field(default=0.0, allow_inf_nan=False)
    state: _State = _State()

    @property
    def is_busy(self) -> bool:
        """Whether the server reports a running job; it may still report one that failed."""
        return self.state.job_count != 0

    @property
    def of_job(self) -> Progress | None:
        """The part of it that a record keeps; None where no job is at work."""
        if not self.is_busy:
            return None
        percent = round(100 * min(max(self.progress, 0.0), 1.0), 1)
        steps = self.state.sampling_steps or None
        return Progress(
            percent=percent, step=self.state.sampling_step if steps else None, steps=steps
        )


@dataclass(frozen=True)
class TaskStanding:
    """How one request stands, by its id."""

    active: bool
    queued: bool
    completed: bool


class ProgressReader:
    """Asks one server how far it is; for one thread."""

    def __init__(self, api: SdWebUiApi, *, is_first: bool = False) -> None:
        """Describes it; nothing is sent.

        Args:
            api: of the thread that asks.
            is_first: whether it says in the log that a server has no progress, once.
        """
        self.api = api
        self._says_missing = is_first
        self._has_progress = True
        self._has_seen_jobs = False
        self.has_tasks = True
        self._last: tuple[ServerProgress | None, float] = (None, float("-inf"))

    def read(self, **options: Any) -> ServerProgress | None:
        """The server's progress now; None where the server has no progress.

        Raises:
            RuntimeDeadError, RejectedTaskError, TransientError: see `SdWebUiApi.get`.
        """
        told = MISSING
        if self._has_progress:
            told = self.api.get_if_any(PATH, skip_current_image="true", **options)
        if told is MISSING:
            self._probe()
            self._has_progress = False
            self._say_missing()
            return None
        try:
            progress = ServerProgress.model_validate(told)
        except ValidationError as error:
            raise TransientError(f"SD WebUI's progress cannot be read: {error}") from error
        self._last = (progress, time.monotonic())
        self._has_seen_jobs |= progress.state.job_timestamp != _BEFORE_JOBS
        return progress

    def is_new_process(self, told: ServerProgress) -> bool:
        """Whether it has done no job yet, and the process that was asked before had."""
        is_new = self._has_seen_jobs and told.state.job_timestamp == _BEFORE_JOBS
        self._has_seen_jobs = self._has_seen_jobs and not is_new
        return is_new

    def recent(self) -> ServerProgress | None:
        """What it said this very moment, else `read`."""
        progress, when = self._last
        if progress is not None and time.monotonic() - when < _FRESH_SECONDS:
            return progress
        return self.read()

    def read_or_none(self) -> ServerProgress | None:
        """As `read`, None also where it does not answer."""
        try:
            return self.read()
        except (RuntimeDeadError, RejectedTaskError, TransientError):
            return None

    def task(self, task_id: str) -> TaskStanding | None:
        """How a request stands; None where the server does not tell."""
        if not self.has_tasks:
            return None
        try:
            told = self.api.tell_if_any(_TASK_PATH, {"id_task": task_id, "live_preview": False})
        except (RuntimeDeadError, RejectedTaskError, TransientError):
            return None
        if not isinstance(told, dict) or "active" not in told:
            self.has_tasks = False
            return None
        flags = (told.get(flag) is True for flag in ("active", "queued", "completed"))
        return TaskStanding(*flags)

    def _probe(self) -> None:
        """Raises where a server without progress does not answer anything else either."""
        answers = (self.api.get_if_any(path) is not MISSING for path in _ALIVE_PATHS)
        if not any(answers):
            raise RuntimeDeadError(f"there is no SD WebUI at {self.api.url}: no known route")

    def _say_missing(self) -> None:
        if self._says_missing:
            self._says_missing = False
            logger.warning("this SD WebUI has no %s: progress and others' jobs are unknown", PATH)
