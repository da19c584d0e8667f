"""ComfyUI: runs a whole workflow as one job.

Its history is the truth, not its websocket, which is known to go mute. The traps that this module
knows are those of the tests' names, `tests/integration/test_comfyui_adapter*.py`.
"""

import base64
import hashlib
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import requests
from pydantic import ValidationError

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.media_type import detect_media_type
from easel_agent.runtimes.base import Fetch, Finished, Generation, RuntimeState
from easel_agent.runtimes.comfyui_api import (
    Answer,
    AnswerTooLargeError,
    ComfyUiApi,
    UnreadableAnswerError,
)
from easel_agent.runtimes.comfyui_files import fetch_files
from easel_agent.runtimes.comfyui_history import Outcome, Refusal, bounded
from easel_agent.runtimes.comfyui_progress import ProgressFeed
from easel_agent.runtimes.comfyui_workflow import (
    FileInput,
    Workflow,
    check_workflow,
    file_inputs,
    with_inputs,
    with_nonce,
)
from easel_agent.runtimes.job import Job
from easel_agent.urls import ContentUrl, find_urls, replace_values
from easel_contract.errors import TaskErrorCode
from easel_contract.record import Progress
from easel_contract.task import TaskType

logger = logging.getLogger(__name__)

_PROBE_SECONDS = 10
"""Its answers can stall for seconds while it works."""
_CANCEL_SECONDS = 60
"""How long a cancelled job may take to end."""
_CANCEL_AGAIN_SECONDS = 0.5
"""ComfyUI forgets an interrupt of a job's first moment when the job begins."""
_SILENCE_SECONDS = 120
"""How long it may not answer while a job runs, as when it loads a large model."""
_QUEUE_CHECK_SECONDS = 2.0
"""The history knows no difference between a job that runs and one that is lost."""
_MIN_POLL_SECONDS, _MAX_POLL_SECONDS = 0.02, 0.5
_POLL_FRACTION = 0.05
"""Of the time a job runs already: what the GPU idles between its end and our noticing."""
_NONCE_CHARACTERS = 12
_URL_INPUT = re.compile(r"(?:^|_)ur[il]s?$", re.IGNORECASE)

_UNUSABLE = (requests.RequestException, AnswerTooLargeError, UnreadableAnswerError)


class ComfyUi:
    """The ComfyUI beside this agent."""

    def __init__(
        self,
        url: str,
        *,
        task_timeout_seconds: float,
        wait_seconds: float,
        files_dir: Path | None = None,
    ) -> None:
        """Describes it; nothing is sent.

        Args:
            url: of the server.
            task_timeout_seconds: how long one task may take.
            wait_seconds: how long a task may wait behind somebody else's workflow.
            files_dir: folder of ComfyUI's `input`, `output` and `temp`; None where the agent
                does not have them.
        """
        self._url = url
        self._task_timeout_seconds = task_timeout_seconds
        self._wait_seconds = wait_seconds
        self._files_dir = files_dir
        self._api = ComfyUiApi(url)
        # Without one, a workflow whose results are cached succeeds with no outputs.
        self._client_id = uuid.uuid4().hex
        self._progress = ProgressFeed(url, self._client_id)
        self._prompt_id: str | None = None

    def is_ready(self) -> bool:
        """Whether it answers a request that touches no job."""
        return self._api.answers(_PROBE_SECONDS)

    def state(self) -> RuntimeState:
        """Whether it answers, and whether it is busy; see `Runtime.state`."""
        if self._api.is_idle(_PROBE_SECONDS):
            return RuntimeState(answers=True)
        if self._api.answers(_PROBE_SECONDS):
            return RuntimeState(answers=True, reason="it is busy with another workflow")
        return RuntimeState(answers=False, reason=f"ComfyUI at {self._url} does not answer")

    def progress(self) -> Progress | None:
        """How far the node is that runs; see `Runtime.progress`."""
        prompt_id = self._prompt_id
        return None if prompt_id is None else self._progress.latest(prompt_id)

    def free_memory(self) -> None:
        """Nothing yet."""

    def warm_up(self, job: Job) -> None:
        """Does nothing: a workflow names its own models, there is none to load before it."""

    def place_inputs(self, content: dict[str, Any], fetch: Fetch, job: Job) -> dict[str, Any]:
        """Uploads what file inputs point to; other URLs become base64; see `Runtime`.

        An input whose name says that it takes a URL keeps it.
        """
        del job
        uploads = {
            file_input: ContentUrl(
                (file_input.node_id, "inputs", file_input.input_name), file_input.value
            )
            for file_input in self.file_inputs(content)
        }
        paths = {item.path for item in uploads.values()}
        others = [
            item
            for item in find_urls(content)
            if item.path not in paths
            and not _URL_INPUT.search(str(item.path[-1]))
            and not item.reads_like_words
        ]
        files = fetch([*uploads.values(), *others])
        encoded = {item.path: base64.b64encode(files[item.url]).decode() for item in others}
        return self.upload_inputs(
            replace_values(content, encoded),
            {file_input: files[item.url] for file_input, item in uploads.items()},
        )

    def generate(self, tasktype: TaskType, content: dict[str, Any], job: Job) -> Finished:
        """Does one task; see `Runtime.generate`."""
        if tasktype is not TaskType.PIPELINE:
            raise RejectedTaskError(
                TaskErrorCode.UNSUPPORTED_TASK,
                f"ComfyUI does not do {tasktype}; it does {TaskType.PIPELINE}",
            )
        workflow = check_workflow(content)
        prompt_id, nonce = str(uuid.uuid4()), uuid.uuid4().hex[:_NONCE_CHARACTERS]
        deadline = time.monotonic() + self._task_timeout_seconds
        woken = threading.Event()
        with job.interruptible(lambda _error: woken.set()):
            answered = self._submit(with_nonce(workflow, nonce), prompt_id)
            self._prompt_id = prompt_id
            job.begun()
            try:
                entry = self._await_end(prompt_id, deadline, job, woken)
            finally:
                self._prompt_id = None
        return Finished(partial(self._collect, workflow, entry, answered=answered))

    def file_inputs(self, workflow: Mapping[str, Any]) -> list[FileInput]:
        """The inputs of a workflow that take an uploaded file and hold an HTTP(S) or S3 URL.

        Raises:
            RejectedTaskError: it is no workflow in API format.
            RuntimeDeadError: ComfyUI does not answer.
        """
        try:
            return list(file_inputs(check_workflow(workflow), self._api.object_info))
        except _UNUSABLE as error:
            raise self._gone(error) from error

    def upload(self, data: bytes, filename: str) -> str:
        """Uploads a file for a workflow's input.

        Returns:
            The name to put into the input, which may be another than `filename`.

        Raises:
            RejectedTaskError: ComfyUI does not take it.
            TransientError: it failed this time.
            RuntimeDeadError: ComfyUI does not answer.
        """
        try:
            answer, name = self._api.upload(data, filename)
        except _UNUSABLE as error:
            raise self._gone(error) from error
        if name:
            return name
        message = bounded(f"ComfyUI answered the upload with {answer.status}: {answer.text()}")
        if answer.status < requests.codes.internal_server_error:
            raise RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, message, answer.body)
        raise TransientError(message, answer=answer.body)

    def upload_inputs(
        self, workflow: Mapping[str, Any], files: Mapping[FileInput, bytes]
    ) -> Workflow:
        """Uploads fetched files and puts their names where their URLs were.

        Args:
            workflow: in API format; stays as it is.
            files: what was fetched, for inputs that `file_inputs` returned.

        Raises:
            RejectedTaskError, TransientError, RuntimeDeadError: as `upload`.
        """
        names: dict[bytes, str] = {}
        for data in files.values():
            if data not in names:
                # Named by content: the same picture again is neither stored nor computed twice.
                digest = hashlib.sha256(data).hexdigest()[:32]
                names[data] = self.upload(data, f"{digest}.{detect_media_type(data).extension}")
        replaced = {file_input: names[data] for file_input, data in files.items()}
        return with_inputs(check_workflow(workflow), replaced)

    def _collect(self, workflow: Workflow, entry: dict[str, Any], *, answered: bool) -> Generation:
        answer = json.dumps(entry, ensure_ascii=False).encode()
        try:
            outcome = Outcome(entry)
            outcome.check_success()
        except (RejectedTaskError, TransientError) as error:
            error.answer = answer
            raise
        if not answered:
            self._check_nothing_dropped(workflow, outcome)
        return Generation(answer, fetch_files(self._api, outcome.files(workflow), self._gone))

    def _submit(self, workflow: Workflow, prompt_id: str) -> bool:
        """Queues a workflow.

        Returns:
            False where it is queued but the answer was lost, and what it would have said.
        """
        try:
            answer = self._api.submit(workflow, self._client_id, prompt_id)
        except (requests.RequestException, AnswerTooLargeError) as error:
            self._look_for(prompt_id, str(error))
            return False
        if answer.status >= requests.codes.internal_server_error:
            self._look_for(prompt_id, f"it answered {answer.status}: {answer.text()}", answer)
            return False
        try:
            refusal = Refusal.model_validate_json(answer.body)
        except ValidationError:
            if answer.status == requests.codes.ok:
                self._look_for(prompt_id, "its answer cannot be read", answer)
                return False
            raise _rejected(f"{answer.status}: {answer.text()}", answer) from None
        if answer.status != requests.codes.ok:
            raise _rejected(refusal.summary(), answer)
        if refusal.node_errors:
            # It would run what is left of the workflow and call that a success.
            self._cancel(prompt_id)
            raise _rejected(f"some outputs would be missing: {refusal.summary()}", answer)
        return True

    def _look_for(self, prompt_id: str, reason: str, answer: Answer | None = None) -> None:
        """Returns where a job is there although its submission went wrong."""
        if not self._is_known(prompt_id):
            message = bounded(f"ComfyUI did not take the workflow: {reason}")
            raise TransientError(message, answer=answer.body if answer else None)
        logger.warning("submission went wrong, yet the job is queued: %s", bounded(reason))

    def _is_known(self, prompt_id: str) -> bool:
        try:
            # In this order: a job goes from the queue into the history, never back.
            queued = self._api.is_queued(prompt_id)
            return queued or self._api.history_entry(prompt_id) is not None
        except _UNUSABLE as error:
            raise self._gone(error) from error

    def _await_end(
        self, prompt_id: str, deadline: float, job: Job, woken: threading.Event
    ) -> dict[str, Any]:
        started = answered = checked = time.monotonic()
        while True:
            now = time.monotonic()
            self._check_wanted(prompt_id, job)
            try:
                entry = self._api.history_entry(prompt_id)
                answered = time.monotonic()
            except requests.ConnectionError as error:
                raise self._gone(error) from error
            except AnswerTooLargeError as error:
                # It has ended, and will be as large at every question.
                raise RejectedTaskError(
                    TaskErrorCode.RUNTIME_FAILED, bounded(str(error))
                ) from error
            except (requests.RequestException, UnreadableAnswerError) as error:
                if now - answered > _SILENCE_SECONDS:
                    raise self._gone(error) from error
                entry = None
            if entry is not None:
                return entry
            if now >= deadline:
                break
            if now - checked > _QUEUE_CHECK_SECONDS and answered >= now:
                checked = now
                if not self._is_known(prompt_id):
                    raise RuntimeDeadError(f"ComfyUI at {self._url} restarted and lost the job")
            pause = max(_MIN_POLL_SECONDS, (now - started) * _POLL_FRACTION)
            woken.wait(min(pause, _MAX_POLL_SECONDS, deadline - now))
        self._cancel(prompt_id)
        raise RejectedTaskError(
            TaskErrorCode.DEADLINE_EXCEEDED,
            f"the task took longer than {self._task_timeout_seconds:g} s and was stopped",
        )

    def _check_wanted(self, prompt_id: str, job: Job) -> None:
        if job.error is not None and not isinstance(job.error, RuntimeDeadError):
            self._cancel(prompt_id)
        job.check()

    def _cancel(self, prompt_id: str) -> None:
        """Has a job end and waits until it has: the next one would wait behind it."""
        deadline = time.monotonic() + _CANCEL_SECONDS
        try:
            while time.monotonic() < deadline:
                self._api.cancel(prompt_id)
                again = time.monotonic() + _CANCEL_AGAIN_SECONDS
                while time.monotonic() < again:
                    if not self._api.is_queued(prompt_id):
                        return
                    time.sleep(_MIN_POLL_SECONDS)
        except _UNUSABLE as error:
            raise self._gone(error) from error
        raise RuntimeDeadError(f"ComfyUI did not stop a cancelled job in {_CANCEL_SECONDS} s")

    def _check_nothing_dropped(self, workflow: Workflow, outcome: Outcome) -> None:
        """Finds out what a lost answer would have said under `node_errors`."""
        try:
            output_classes = {
                class_type
                for class_type in {node["class_type"] for node in workflow.values()}
                if self._api.object_info(class_type).get("output_node") is True
            }
        except _UNUSABLE as error:
            raise self._gone(error) from error
        outputs = {one for one, node in workflow.items() if node["class_type"] in output_classes}
        dropped = sorted(outputs - outcome.output_nodes)
        if dropped:
            raise _rejected(f"some outputs are missing: node {', '.join(dropped)}")

    def _gone(self, error: Exception) -> RuntimeDeadError:
        return RuntimeDeadError(bounded(f"ComfyUI at {self._url} went away: {error}"))


def _rejected(summary: str, answer: Answer | None = None) -> RejectedTaskError:
    return RejectedTaskError(
        TaskErrorCode.RUNTIME_REJECTED,
        bounded(f"ComfyUI refused the workflow: {summary}"),
        answer.body if answer else None,
    )
