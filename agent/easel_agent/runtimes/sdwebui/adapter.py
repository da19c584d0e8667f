"""Stable Diffusion WebUI: AUTOMATIC1111's API and its peers.

What is known of its behaviour was recorded from real ones: tests/data/captures/a1111_*.json and
sdcpp_*.json; where a module says so, it is read from AUTOMATIC1111's source.
"""

import base64
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from easel_agent.errors import (
    RejectedTaskError,
    RuntimeBusyError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.media_formats import PICTURES
from easel_agent.runtimes.base import Fetch, Finished, RuntimeState
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.answer import Expected, collect
from easel_agent.runtimes.sdwebui.api import RuntimeGoneError, SdWebUiApi
from easel_agent.runtimes.sdwebui.checkpoints import Checkpoint, Checkpoints
from easel_agent.runtimes.sdwebui.own_job import OwnJob
from easel_agent.runtimes.sdwebui.progress import ProgressReader
from easel_agent.runtimes.sdwebui.request import MASK_SETTINGS, Request, read_request
from easel_agent.runtimes.sdwebui.samplers import Samplers
from easel_agent.runtimes.sdwebui.settings import CHECKPOINT, SdWebUiSettings, Values
from easel_agent.runtimes.sdwebui.turn import Limits, Turn, send
from easel_agent.settings import AgentSettings
from easel_agent.urls import find_urls, replace_values
from easel_contract.errors import TaskErrorCode
from easel_contract.record import Progress
from easel_contract.task import TaskType

logger = logging.getLogger(__name__)

_SMALL = {"prompt": "", "steps": 1, "width": 64, "height": 64}
_PROGRESS_SECONDS = 1
"""For the connection, and again for the answer."""
_FAILURES = (RuntimeDeadError, RejectedTaskError, TransientError)
_TIMESTAMP = re.compile(rb'job_timestamp\\*": ?\\*"(\d+)')
"""In `info`, which is JSON in a JSON string."""
_STUCK_SECONDS = 0.3


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
        self._reader = ProgressReader(self._api)
        self._settings = SdWebUiSettings(self._api, self._reader, wait_seconds)
        self._checkpoints = Checkpoints(self._api)
        self._samplers = Samplers(self._api)
        self._limits = Limits(task=task_timeout_seconds, wait=wait_seconds)
        self._dynamic_model = dynamic_model
        self._watcher = ProgressReader(SdWebUiApi(url), is_first=True)
        self._progress_reader = ProgressReader(SdWebUiApi(url))
        self._progress_lock = threading.Lock()
        self._turn_reader = ProgressReader(SdWebUiApi(url))
        self._turn: Turn | None = None
        self._process_is_new = True

    def is_ready(self) -> bool:
        """Whether SD WebUI answers a request that touches no job."""
        return self.state().answers

    def state(self) -> RuntimeState:
        """Whether SD WebUI answers, and its present job; see `Runtime.state`."""
        try:
            told = self._watcher.read()
        except _FAILURES as error:
            # A stall is no end: only a process that nobody hears from any more is another one.
            self._process_is_new |= isinstance(error, RuntimeGoneError)
            return RuntimeState(answers=False, reason=str(error))
        if told is None or not told.is_busy:
            return RuntimeState(answers=True)
        return RuntimeState(answers=True, reason=f"it is busy with another job: {told.state.job}")

    def progress(self) -> Progress | None:
        """How far the task's own job is, while it runs; see `Runtime`."""
        turn = self._turn
        if turn is None or not turn.runs:
            return None
        try:
            with self._progress_lock:  # asked by the claim keeper, and at the agent's end
                told = self._progress_reader.read(seconds=_PROGRESS_SECONDS)
        except _FAILURES:
            return None
        return told.of_job if told is not None and turn.runs else None

    def free_memory(self) -> None:
        """Does nothing: SD WebUI frees the device's memory itself, before and after each job.

        AUTOMATIC1111's modules/shared_state.py, `State.begin` and `end`. Its own way to give more
        back, unloading the checkpoint, would do so under a job of somebody else.
        """

    def warm_up(self, job: Job) -> None:
        """Has SD WebUI load its model, as it answers before: the first task would pay for that.

        Waits its turn behind others' jobs; a warm-up that failed or whose turn did not come is not
        tried again, as the first task does the same.
        """
        try:
            self._notice_process()
            self._run_small(job)
            self._look(job)
        except (RejectedTaskError, TransientError, RuntimeBusyError) as error:
            job.check()
            logger.warning("warm-up failed: %s", error)

    def place_inputs(self, content: dict[str, Any], fetch: Fetch, job: Job) -> dict[str, Any]:
        """Replaces every URL by the base64 of the file behind it; see `Runtime.place_inputs`."""
        del job  # nothing is left behind
        urls = find_urls(content, PICTURES)
        files = fetch(urls)
        return replace_values(
            content, {item.path: base64.b64encode(files[item.url]).decode() for item in urls}
        )

    def generate(self, tasktype: TaskType, content: dict[str, Any], job: Job) -> Finished:
        """Does one task; see `Runtime.generate`."""
        request = read_request(tasktype, content)
        job.check()
        is_trusted = self._look(job, may_trust=request.leaves_settings)
        if not request.is_generation:
            self._settings.settle_all(job, partial(self._heal, job))
            body = self._run(request, request.body, job)
            return Finished(partial(collect, body, None), held_bytes=len(body))
        self._settings.refuse_unknown(request.overrides)
        translated, sampling = self._samplers.translate(request.body)
        checkpoint = self._checkpoint_of(request)
        body = self._draw(request, translated, checkpoint, job)
        is_doubtful = is_trusted and not self._settings.is_clean
        if is_doubtful and self._settings.were_left(job, partial(self._heal, job)):
            logger.warning("settings had been left behind: the task is drawn again")
            body = self._draw(request, translated, checkpoint, job)
        expected = Expected(
            checkpoint=checkpoint,
            sampling=sampling,
            batch_size=request.batch_size,
            rounds=request.rounds,
            masks=tuple(request.masks(self._settings.baseline(MASK_SETTINGS))),
            has_infotext=request.has_infotext,
        )
        return Finished(partial(collect, body, expected), held_bytes=len(body))

    def _draw(
        self, request: Request, body: dict[str, Any], checkpoint: Checkpoint | None, job: Job
    ) -> bytes:
        pins = self._settings.settle(request.overrides, job, partial(self._heal, job))
        pins |= self._use(checkpoint, job)
        sent = request.sent(body, pins)
        self._settings.is_clean = False
        check = None
        if checkpoint is not None and request.leaves_settings:
            own_settings = sent["override_settings"]
            check = partial(
                self._settings.check,
                self._turn_reader.api,
                overridden=own_settings,
                title=checkpoint.title,
            )
        return self._run(request, sent, job, when_running=check)

    def _notice_process(self) -> None:
        """Forgets what another process said than the one that answers now."""
        try:
            told = self._reader.recent()
        except RuntimeGoneError:
            self._process_is_new = True
            raise
        if self._process_is_new or (told is not None and self._reader.is_new_process(told)):
            for known in (self._settings, self._checkpoints, self._samplers):
                known.forget()
        self._process_is_new = False

    def _look(self, job: Job, *, may_trust: bool = False) -> bool:
        """Reads the server's settings.

        Returns:
            Whether the settings were not read, as they were right while the last job ran: whoever
            relies on that looks at them while, or after, the next one runs.
        """
        self._notice_process()
        if may_trust and self._settings.is_clean:
            return True
        self._settings.look(job, partial(self._heal, job))
        return False

    def _checkpoint_of(self, request: Request) -> Checkpoint | None:
        """The checkpoint that is to draw it; None where that is not known."""
        served = self._checkpoints.entitled(self._settings.checkpoint)
        if request.checkpoint is None:
            return served
        named = self._checkpoints.find(request.checkpoint, self._limits.wait)
        if not self._dynamic_model and served is not None and named.path != served.path:
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_REJECTED,
                f"this runtime does not switch checkpoints: it has {served.path}, "
                f"and {request.checkpoint[:200]!r} is another",
            )
        return named

    def _use(self, checkpoint: Checkpoint | None, job: Job) -> Values:
        """Has SD WebUI load a checkpoint; returns the settings that ask for the checkpoint, too."""
        if checkpoint is None:
            return {}
        told = self._reader.recent()
        is_busy = told is not None and told.is_busy
        pin = {CHECKPOINT: checkpoint.title} if self._dynamic_model or is_busy else {}
        if is_busy or checkpoint.is_entitled(self._settings.current_checkpoint):
            # What the settings tell may be what somebody's job overrides: the task asks for it.
            return pin
        # SD WebUI cannot stop loading; what comes after is not begun.
        with stoppable(job, self._give_up_if_dead):
            self._checkpoints.load(checkpoint, self._limits.all)
        job.switched_model()
        self._settings.look(job, partial(self._heal, job))
        if not checkpoint.is_entitled(self._settings.current_checkpoint):
            raise TransientError(f"SD WebUI did not load {checkpoint.title}")
        return pin

    def _give_up_if_dead(self, error: Exception) -> None:
        if isinstance(error, RuntimeDeadError):
            self._api.abort()

    def _run(
        self,
        request: Request,
        body: dict[str, Any],
        job: Job,
        when_running: Callable[[OwnJob], None] | None = None,
    ) -> bytes:
        task_id = body.get("force_task_id") if request.is_generation else None
        has_id = task_id is not None and self._turn_reader.has_tasks
        before = self._reader.recent() if has_id else self._reader.read()
        own = OwnJob(self._turn_reader, task_id, before)
        turn = Turn(self._api, self._turn_reader, own, job, self._limits)
        turn.when_running = when_running
        self._turn = turn
        try:
            answer = send(self._api, turn, request.path, body, job)
        except (RejectedTaskError, TransientError):
            if not request.is_generation:
                self._unstick(job)
            raise
        finally:
            self._turn = None
        if not turn.was_interrupted and self._was_interrupted(answer):
            raise TransientError("the job was interrupted by somebody", answer=answer)
        return answer

    def _was_interrupted(self, answer: bytes) -> bool:
        """Whether the job that was just answered was interrupted or skipped by a person.

        The marks stay until the next job begins (recorded in
        a1111_1.10.1_override_leak_and_interrupt_mark interrupted_real); of one that began already
        nothing is known, and pictures that are missing tell alone.
        """
        told = self._reader.read_or_none()
        if told is None or told.is_busy or not (told.state.interrupted or told.state.skipped):
            return False
        timestamp = _TIMESTAMP.search(answer)
        return timestamp is None or timestamp[1].decode() == told.state.job_timestamp

    def _unstick(self, job: Job) -> None:
        """Heals a server that says after a failed upscale that it works, and does not.

        An unknown upscaler raises before the state is ended (recorded in
        a1111_1.10.1_progress_sequences extra_single_unknown_upscaler); the next generation ends it.
        """
        first = self._reader.read_or_none()
        if first is None or not first.is_busy:
            return
        time.sleep(_STUCK_SECONDS)
        if self._reader.read_or_none() == first:
            self._heal(job)

    def _heal(self, job: Job) -> None:
        """Sends a small job, which ends the server's report of a job that does not run."""
        inner = Job()
        try:
            with stoppable(job, inner.stop):
                self._run_small(inner)
        except (RejectedTaskError, TransientError, RuntimeBusyError) as error:
            job.check()
            logger.warning("a small job failed: %s", error)

    def _run_small(self, job: Job) -> None:
        request = read_request(TaskType.TEXT_TO_IMAGE, _SMALL)
        self._run(request, request.sent(request.body, {}), job, self._settings.take_sample)


@contextmanager
def stoppable(job: Job, interrupt: Callable[[Exception], None]) -> Iterator[None]:
    """As `Job.interruptible`; whatever came of the work after a stop, the stop is the reason."""
    try:
        with job.interruptible(interrupt):
            yield
    except (RuntimeDeadError, RejectedTaskError, TransientError, RuntimeBusyError):
        job.check()
        raise
    job.check()


def make(settings: AgentSettings) -> SdWebUi:
    """Returns the adapter as the agent's settings have it."""
    return SdWebUi(
        settings.runtime_url,
        task_timeout_seconds=settings.task_timeout_seconds,
        wait_seconds=settings.runtime_wait_seconds,
        dynamic_model=settings.dynamic_model,
    )
