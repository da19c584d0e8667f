"""ComfyUI: runs a whole workflow as one job.

Its history is the truth, not its websocket, which is known to go mute. The traps that this module
knows are those of the tests' names, `tests/integration/test_comfyui_adapter*.py`.
"""

import base64
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import requests

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.base import Fetch, Finished, Generation, RuntimeState
from easel_agent.runtimes.comfyui.api import ComfyUiApi, OutputFile
from easel_agent.runtimes.comfyui.files import fetch_files
from easel_agent.runtimes.comfyui.folders import ComfyUiFolders, TaskFiles
from easel_agent.runtimes.comfyui.history import Outcome, bounded
from easel_agent.runtimes.comfyui.inputs import FileInput, file_inputs
from easel_agent.runtimes.comfyui.job import (
    UNUSABLE,
    ComfyUiJob,
    JobLimits,
    OverdueError,
    rejected,
)
from easel_agent.runtimes.comfyui.names import folders_of, with_nonce
from easel_agent.runtimes.comfyui.progress import ProgressFeed
from easel_agent.runtimes.comfyui.request import ComfyRequest, read_request, with_workflow
from easel_agent.runtimes.comfyui.uploads import InputFiles, input_folder, value_for
from easel_agent.runtimes.job import Job
from easel_agent.settings import AgentSettings
from easel_agent.urls import Path as ContentPath
from easel_agent.urls import replace_values
from easel_contract.errors import TaskErrorCode
from easel_contract.record import Progress
from easel_contract.task import TaskType

logger = logging.getLogger(__name__)

_PROBE_SECONDS = 10
"""Its answers can stall for seconds while it works."""
_IDLE_SECONDS = 2
"""Where it does not say so quickly it is not idle."""
_NONCE_CHARACTERS = 12


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
        self._limits = JobLimits(task_timeout_seconds, wait_seconds)
        self._api = ComfyUiApi(url)
        # On connections of its own: a new one during a job tells that ComfyUI was started anew.
        self._jobs_api = ComfyUiApi(url)
        # Without one, a workflow whose results are cached succeeds with no outputs.
        self._client_id = uuid.uuid4().hex
        self._progress = ProgressFeed(url, self._client_id)
        self._prompt_id: str | None = None
        self._deletes = files_dir is not None
        self._folders = ComfyUiFolders(files_dir, partial(self._api.is_idle, _IDLE_SECONDS))
        self._inputs = InputFiles(self._folders.delete_input)

    def is_ready(self) -> bool:
        """Whether ComfyUI answers a request that touches no job."""
        return self._api.answers(_PROBE_SECONDS)

    def state(self) -> RuntimeState:
        """Whether ComfyUI answers, and whether it is busy; see `Runtime.state`."""
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
        """Has ComfyUI unload its models and forget cached results; see `Runtime.free_memory`."""
        self._api.free(_PROBE_SECONDS)

    def warm_up(self, job: Job) -> None:
        """Does nothing: a workflow names its own models, there is none to load before it."""

    def place_inputs(self, content: dict[str, Any], fetch: Fetch, job: Job) -> dict[str, Any]:
        """Uploads what file inputs point to; other URLs become base64; see `Runtime`.

        An input whose name says that it takes a URL keeps it.
        """
        workflow = read_request(content).workflow
        try:
            uploads, others = file_inputs(workflow, self._api.object_info)
        except UNUSABLE as error:
            raise self._gone(error) from error
        if not uploads and not others:
            return content
        files = fetch([*(one.at for one in uploads), *others])
        values: dict[ContentPath, str] = {
            at.path: base64.b64encode(files[at.url]).decode() for at in others
        }
        values |= self._uploaded({one: files[one.at.url] for one in uploads}, job)
        return with_workflow(content, replace_values(workflow, values))

    def generate(self, tasktype: TaskType, content: dict[str, Any], job: Job) -> Finished:
        """Does one task; see `Runtime.generate`."""
        if tasktype is not TaskType.PIPELINE:
            raise RejectedTaskError(
                TaskErrorCode.UNSUPPORTED_TASK,
                f"ComfyUI does not do {tasktype}; it does {TaskType.PIPELINE}",
            )
        request = read_request(content)
        run = ComfyUiJob(self._jobs_api, request, job, self._limits, self._url)
        nonce = uuid.uuid4().hex[:_NONCE_CHARACTERS]
        workflow = with_nonce(request.workflow, nonce)
        listed: list[OutputFile] = []
        with job.interruptible(lambda _error: run.woken.set()):
            if self._deletes:
                job.when_ended(partial(self._tidy_up, run, nonce, workflow, listed, time.time()))
            answered = run.submit(workflow, self._client_id)
            self._prompt_id = run.prompt_id
            try:
                entry = run.await_end()
            except OverdueError:
                entry = self._overdue(run, request)
            finally:
                self._prompt_id = None
        outcome = Outcome(entry)
        listed += outcome.listed()
        made = self._made(entry, outcome, request)
        outcome.check_success(_json(entry), made if outcome.listed() else None)
        if not answered:
            self._check_nothing_dropped(request, outcome)
        return Finished(made)

    def _overdue(self, run: ComfyUiJob, request: ComfyRequest) -> dict[str, Any]:
        """The entry of a job that was overdue and ended well before it could be stopped.

        Raises:
            RejectedTaskError: it was stopped; with what it had made.
        """
        entry = run.entry()
        outcome = None if entry is None else Outcome(entry)
        if entry is not None and outcome is not None and outcome.succeeded:
            return entry
        raise RejectedTaskError(
            TaskErrorCode.DEADLINE_EXCEEDED,
            f"the task took longer than {self._limits.task_seconds:g} s and was stopped",
            None if entry is None else _json(entry),
            self._made(entry, outcome, request) if entry and outcome and outcome.listed() else None,
        )

    def _made(
        self, entry: dict[str, Any], outcome: Outcome, request: ComfyRequest
    ) -> Callable[[], Generation]:
        """Returns what collects a job's files, of which one knows already which they are.

        Raises:
            RejectedTaskError: there are too many.
        """
        files = outcome.files(request.workflow)
        kinds = [
            {"number": number, "kind": "preview"}
            for number, file in enumerate(files, start=1)
            if file.type == "temp"
        ]
        answer = {**entry, "easel": {"files": kinds}} if kinds else entry
        return lambda: Generation(_json(answer), fetch_files(self._api, files, self._gone))

    def _uploaded(self, files: Mapping[FileInput, bytes], job: Job) -> dict[ContentPath, str]:
        """Uploads files; returns what their inputs are given, by where those stand."""
        keys: list[str] = []
        job.when_ended(lambda: self._inputs.release(keys))
        folder = cache(lambda: input_folder(self._arguments()))
        values = {}
        for file_input, data in files.items():
            key, name = self._inputs.place(data, file_input, self._upload)
            keys.append(key)
            values[file_input.at.path] = value_for(file_input.takes, name, folder)
        return values

    def _upload(self, data: bytes, filename: str, folder: str) -> str:
        try:
            answer, name = self._api.upload(data, filename, folder)
        except UNUSABLE as error:
            raise self._gone(error) from error
        if name:
            return name
        message = bounded(f"ComfyUI answered the upload with {answer.status}: {answer.text()}")
        if answer.status < requests.codes.internal_server_error:
            raise RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, message, answer.body)
        raise TransientError(message, answer=answer.body)

    def _arguments(self) -> list[str]:
        try:
            return self._api.arguments()
        except UNUSABLE as error:
            raise self._gone(error) from error

    def _check_nothing_dropped(self, request: ComfyRequest, outcome: Outcome) -> None:
        """Finds out what a lost answer would have said under `node_errors`."""
        workflow = request.workflow
        try:
            output_classes = {
                class_type
                for class_type in {node["class_type"] for node in workflow.values()}
                if self._api.object_info(class_type).get("output_node") is True
            }
        except UNUSABLE as error:
            raise self._gone(error) from error
        outputs = {one for one, node in workflow.items() if node["class_type"] in output_classes}
        wanted = outputs if request.targets is None else outputs & set(request.targets)
        dropped = sorted(wanted - outcome.output_nodes)
        if dropped:
            raise rejected(f"some outputs are missing: node {', '.join(dropped)}")

    def _tidy_up(
        self,
        run: ComfyUiJob,
        nonce: str,
        workflow: Mapping[str, Any],
        listed: list[OutputFile],
        begun: float,
    ) -> None:
        """Deletes a task's files, when the task has ended in whatever way."""
        if not listed and (entry := run.entry(self._api)) is not None:
            listed = Outcome(entry).listed()
        self._folders.delete_made(TaskFiles(nonce, listed, folders_of(dict(workflow)), begun))

    def _gone(self, error: Exception) -> RuntimeDeadError:
        return RuntimeDeadError(bounded(f"ComfyUI at {self._url} went away: {error}"))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")


def make(settings: AgentSettings) -> ComfyUi:
    """Returns the adapter as the agent's settings have it."""
    return ComfyUi(
        settings.runtime_url,
        task_timeout_seconds=settings.task_timeout_seconds,
        wait_seconds=settings.runtime_wait_seconds,
        files_dir=settings.runtime_files_dir,
    )
