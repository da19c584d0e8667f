"""One job of ComfyUI, from its submission to its end: waits its turn, runs, may be stopped."""

import logging
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import requests
from pydantic import ValidationError

from easel_agent.errors import (
    UNKNOWN_FAILURE_ATTEMPTS,
    RejectedTaskError,
    RuntimeBrokenError,
    RuntimeBusyError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.runtimes.comfyui.api import (
    Answer,
    AnswerTooLargeError,
    ComfyUiApi,
    Place,
    UnreadableAnswerError,
)
from easel_agent.runtimes.comfyui.history import Refusal, bounded
from easel_agent.runtimes.comfyui.request import ComfyRequest
from easel_agent.runtimes.comfyui.workflow import Workflow
from easel_agent.runtimes.job import Job
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import BrokenReason

logger = logging.getLogger(__name__)

_CANCEL_SECONDS = 60
"""How long a cancelled job may take to end. ComfyUI looks for an interrupt between nodes and
between steps only: a large model that is being loaded, or a video that is decoded, goes on."""
_CANCEL_AGAIN_SECONDS = 0.5
"""ComfyUI forgets an interrupt of a job's first moment when the job begins."""
_SILENCE_SECONDS = 120
"""How long it may not answer while a job runs, as when it loads a large model."""
_LATE_SECONDS = 5.0
"""For an answer that is only nice to have when all is over."""
_QUEUE_CHECK_SECONDS = 2.0
"""The history knows no difference between a job that runs and one that is lost."""
_MIN_POLL_SECONDS, _MAX_POLL_SECONDS = 0.02, 0.5
_POLL_FRACTION = 0.05
"""Of the time a job runs already: what the GPU idles between its end and our noticing."""

UNUSABLE = (requests.RequestException, AnswerTooLargeError, UnreadableAnswerError)


class OverdueError(Exception):
    """The job ran longer than it may, and was stopped."""


@dataclass(frozen=True)
class JobLimits:
    """How long things may take.

    Attributes:
        task_seconds: the job, from its begin.
        wait_seconds: what is ahead of it in the queue.
    """

    task_seconds: float
    wait_seconds: float


class ComfyUiJob:
    """A workflow in ComfyUI's queue; used by one thread."""

    def __init__(
        self, api: ComfyUiApi, request: ComfyRequest, job: Job, limits: JobLimits, url: str
    ) -> None:
        """Sends nothing.

        Args:
            api: of the server.
            request: the task's.
            job: by which the task is stopped.
            limits: for how long what may take.
            url: of the server, for messages.
        """
        self.prompt_id = str(uuid.uuid4())
        self.woken = threading.Event()
        self._api = api
        self._request = request
        self._job = job
        self._limits = limits
        self._url = url
        self._begun_at: float | None = None
        self._since = self._answered = self._checked = 0.0
        self._connections = 0

    def submit(self, workflow: Workflow, client_id: str) -> bool:
        """Queues a workflow.

        Returns:
            False where it is queued but the answer was lost, and what it would have said.

        Raises:
            RejectedTaskError: ComfyUI does not take it.
            TransientError: it did not take it this time.
            RuntimeDeadError: it does not answer.
        """
        try:
            answer = self._api.submit(self._request.body(workflow, client_id, self.prompt_id))
        except (requests.RequestException, AnswerTooLargeError) as error:
            self._look_for(str(error))
            return False
        finally:
            self._connections = self._api.connections
        answer = Answer(answer.status, self._request.secrets.without_bytes(answer.body))
        if answer.status >= requests.codes.internal_server_error:
            self._look_for(f"it answered {answer.status}: {answer.text()}", answer)
            return False
        try:
            refusal = Refusal.model_validate_json(answer.body)
        except ValidationError:
            if answer.status == requests.codes.ok:
                self._look_for("its answer cannot be read", answer)
                return False
            raise rejected(f"{answer.status}: {answer.text()}", answer) from None
        if answer.status != requests.codes.ok:
            raise rejected(refusal.summary(), answer)
        if refusal.node_errors:
            # It would run what is left of the workflow and call that a success.
            self._cancel()
            raise rejected(f"some outputs would be missing: {refusal.summary()}", answer)
        return True

    def await_end(self) -> dict[str, Any]:
        """Waits until the job has ended, and stops a job that must not go on.

        Returns:
            Its entry in the history.

        Raises:
            OverdueError: it ran too long and was stopped.
            RejectedTaskError: its entry is too large.
            TransientError: somebody took it out of the queue or the history.
            RuntimeBusyError: it did not begin.
            RuntimeBrokenError: it does not end, though it was told to.
            RuntimeDeadError: ComfyUI does not answer, or was started anew.
            Exception: what the task was stopped with.
        """
        self._since = self._answered = time.monotonic()
        while True:
            now = time.monotonic()
            self._check_wanted()
            entry = self._look_patiently(now)
            if entry is not None:
                return entry
            has_begun = self._begun_at is not None
            seconds = self._limits.task_seconds if has_begun else self._limits.wait_seconds
            if now >= self._since + seconds:
                self._end_what_is_overdue()
            else:
                pause = max(_MIN_POLL_SECONDS, (now - self._since) * _POLL_FRACTION)
                self.woken.wait(min(pause, _MAX_POLL_SECONDS, self._since + seconds - now))

    def entry(self, api: ComfyUiApi | None = None) -> dict[str, Any] | None:
        """Its entry in the history, without secrets; None where there is none, or no answer.

        Args:
            api: by which another thread asks.
        """
        try:
            entry = (api or self._api).history_entry(self.prompt_id, _LATE_SECONDS)
        except UNUSABLE:
            return None
        return None if entry is None else self._request.secrets.without_entry(entry)

    def _look_patiently(self, now: float) -> dict[str, Any] | None:
        """Looks how far it is; an answer that does not come is waited for."""
        try:
            entry = self._look(now)
        except requests.ConnectionError as error:
            raise self._gone(error) from error
        except AnswerTooLargeError as error:
            # It has ended, and will be as large at every question.
            raise RejectedTaskError(TaskErrorCode.RUNTIME_FAILED, bounded(str(error))) from error
        except (requests.RequestException, UnreadableAnswerError) as error:
            if now - self._answered > _SILENCE_SECONDS:
                raise self._gone(error) from error
            return None
        self._answered = time.monotonic()
        return entry

    def _look(self, now: float) -> dict[str, Any] | None:
        """Looks how far it is, with one request where nothing is odd."""
        if self._begun_at is None:
            place = self._api.place(self.prompt_id)
            if place is Place.RUNS:
                self._begin(now)
            if place is not Place.ABSENT:
                return None
            return self._ended_or_lost()
        entry = self._api.history_entry(self.prompt_id)
        if entry is not None:
            return self._request.secrets.without_entry(entry)
        if now - self._checked > _QUEUE_CHECK_SECONDS:
            self._checked = now
            # In this order: a job goes from the queue into the history, never back.
            if self._api.place(self.prompt_id) is Place.ABSENT:
                return self._ended_or_lost()
        return None

    def _begin(self, now: float) -> None:
        self._begun_at = self._since = self._checked = now
        self._job.begun()

    def _ended_or_lost(self) -> dict[str, Any]:
        """The entry of a job that is not in the queue any more."""
        entry = self._api.history_entry(self.prompt_id)
        if entry is not None:
            if self._begun_at is None:
                self._begin(time.monotonic())
            return self._request.secrets.without_entry(entry)
        if self._api.connections != self._connections:
            raise RuntimeDeadError(f"ComfyUI at {self._url} restarted and lost the job")
        # On the same connection it is the same process: somebody has cleared queue or history.
        raise TransientError(
            "somebody removed the task's job from ComfyUI's queue or history before its end "
            "could be read"
        )

    def _end_what_is_overdue(self) -> None:
        if self._begun_at is not None:
            self._cancel()
            raise OverdueError
        try:
            self._api.withdraw(self.prompt_id)
            if self._api.place(self.prompt_id) is Place.RUNS:
                self._begin(time.monotonic())  # it got its turn after all
                return
            if self._api.history_entry(self.prompt_id) is not None:
                return
        except UNUSABLE as error:
            raise self._gone(error) from error
        # Never "broken": how long a person's job may take is not ours to say, and an agent whose
        # own job hangs gives the runtime up itself. Other pods take the task meanwhile.
        raise RuntimeBusyError(
            f"the task's job did not begin within {self._limits.wait_seconds:g} s: somebody "
            f"else's runs in ComfyUI at {self._url}"
        )

    def _look_for(self, reason: str, answer: Answer | None = None) -> None:
        """Returns where a job is there although its submission went wrong."""
        reason = bounded(self._request.secrets.without_text(reason))
        try:
            # In this order: a job goes from the queue into the history, never back.
            is_known = self._api.place(self.prompt_id) is not Place.ABSENT
            is_known = is_known or self._api.history_entry(self.prompt_id) is not None
        except UNUSABLE as error:
            raise self._gone(error) from error
        if not is_known:
            raise TransientError(
                bounded(f"ComfyUI did not take the workflow: {reason}"),
                answer=answer.body if answer else None,
                max_attempts=UNKNOWN_FAILURE_ATTEMPTS,
            )
        logger.warning("submission went wrong, yet the job is queued: %s", reason)

    def _check_wanted(self) -> None:
        if self._job.error is not None and not isinstance(self._job.error, RuntimeDeadError):
            self._cancel()
        self._job.check()

    def _cancel(self) -> None:
        """Ends the job and waits for its end: the next job would wait behind it."""
        deadline = time.monotonic() + _CANCEL_SECONDS
        try:
            while time.monotonic() < deadline:
                self._api.cancel(self.prompt_id)
                again = time.monotonic() + _CANCEL_AGAIN_SECONDS
                while time.monotonic() < again:
                    if self._api.place(self.prompt_id) is Place.ABSENT:
                        return
                    time.sleep(_MIN_POLL_SECONDS)
        except UNUSABLE as error:
            raise self._gone(error) from error
        raise RuntimeBrokenError(
            BrokenReason.HANGS, f"ComfyUI did not stop a cancelled job in {_CANCEL_SECONDS} s"
        )

    def _gone(self, error: Exception) -> RuntimeDeadError:
        said = self._request.secrets.without_text(str(error))
        return RuntimeDeadError(bounded(f"ComfyUI at {self._url} went away: {said}"))


def rejected(message: str, answer: Answer | None = None) -> RejectedTaskError:
    """The error of a workflow that ComfyUI does not take."""
    return RejectedTaskError(
        TaskErrorCode.RUNTIME_REJECTED,
        bounded(f"ComfyUI refused the workflow: {message}"),
        answer.body if answer else None,
    )
