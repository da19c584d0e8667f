"""Sends requests to all runtimes of a stack, and looks at the pictures that come back (R41).

To a runtime of type sdwebui go a text-to-image, an image-to-image and an upscale request, to one of
type comfyui a pipeline request. All runtimes work at the same time, as each may have to start a
node first. The later requests take the picture of the first, by which the agent reads the bucket.
"""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.download import DownloadError, download_pictures
from easel_cli.results import ResultSubscription
from easel_cli.submit import RefusedError
from easel_cli.target import Target
from easel_cli.verification_requests import (
    checkpoint_of,
    expected_size,
    first_request,
    following_requests,
    request_body,
)
from easel_contract.errors import TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import RuntimeType, TaskType

PREFIX = "default/verify"
"""Folder of the pictures in the output bucket. Where tenants have folders of their own, it is one
of the tenant `default`, whose key the outputs name."""

_NOT_TAKEN = (
    "no result in time, and the task is cancelled. The docs/operations.md of easel says under "
    '"No pod from zero" what may keep a pod from it'
)


class CheckStatus(StrEnum):
    """What became of one request."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"
    """By the API."""
    TIMED_OUT = "timed_out"
    NOT_SENT = "not_sent"
    """As it needs the picture of a request that did not pass."""


@dataclass(frozen=True)
class Check:
    """One request and what became of it.

    Attributes:
        runtime: its name.
        runtime_type: its type.
        tasktype: what was asked for.
        status: what became of it.
        seconds: from the sending to the callback; None where there was none.
        gpu_seconds: seconds of these in which the runtime worked.
        id: of the task; None where no task was made.
        uid: of the task.
        files: the pictures on this machine.
        error: why it did not pass.
    """

    runtime: str
    runtime_type: RuntimeType
    tasktype: TaskType
    status: CheckStatus
    seconds: float | None = None
    gpu_seconds: float | None = None
    id: str | None = None
    uid: str | None = None
    files: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class _Sent:
    runtime: str
    runtime_type: RuntimeType
    tasktype: TaskType
    id: str
    uid: str
    at: float
    """Of `time.monotonic()`."""

    def check(self, status: CheckStatus, **more: Any) -> Check:
        names = (self.runtime, self.runtime_type, self.tasktype)
        return Check(*names, status, id=self.id, uid=self.uid, **more)


class Verification:
    """The requests to one stack, and what has become of them so far."""

    def __init__(
        self,
        target: Target,
        clients: AwsClients,
        api: ApiClient,
        *,
        folder: Path,
        timeout_seconds: float,
        checkpoint: str | None = None,
        told: Callable[[Check], None] = lambda _: None,
    ) -> None:
        """Prepares; sends nothing.

        Args:
            target: the stack.
            clients: of the stack.
            api: of the stack.
            folder: for the pictures.
            timeout_seconds: for each task, from its sending: a node may have to start first.
            checkpoint: of the workflows; None: the one that the stack's runtimes serve.
            told: called with each check as it ends.
        """
        self._target = target
        self._clients = clients
        self._api = api
        self._folder = folder
        self._timeout_seconds = timeout_seconds
        self._checkpoint = checkpoint or checkpoint_of(target)
        self._told = told
        self._waiting: dict[str, _Sent] = {}
        self._checks: list[Check] = []

    def run(
        self, runtimes: Sequence[str], update: Callable[[str], None] = lambda _: None
    ) -> list[Check]:
        """Sends the requests and waits for all of their ends.

        Args:
            runtimes: names of the stack's runtimes to send them to.
            update: told for what it waits.

        Returns:
            The checks, in the order of their ends.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: AWS did not let it.
        """
        topic = self._target.notifications_topic_arn
        # Subscribed before anything is sent: no result can be missed.
        with ResultSubscription(self._clients, topic) as subscription:
            try:
                for name in runtimes:
                    kind = self._target.runtimes[name].type
                    self._send(name, *first_request(kind, self._checkpoint))
                while self._waiting:
                    update(", ".join(f"{s.runtime} {s.tasktype}" for s in self._waiting.values()))
                    self._await_one(subscription)
            finally:
                # Where it was interrupted: nobody waits for these any more.
                for sent in self._waiting.values():
                    self._cancel(sent)
        return self._checks

    def _send(self, runtime: str, tasktype: TaskType, content: dict[str, Any]) -> None:
        kind = self._target.runtimes[runtime].type
        deadline = max(1, math.ceil(self._timeout_seconds))
        body = request_body(runtime, tasktype, content, PREFIX, deadline)
        began = time.monotonic()
        try:
            answer = self._api.post("v1alpha2", body)
        except requests.RequestException as error:
            self._end(Check(runtime, kind, tasktype, CheckStatus.FAILED, error=str(error)))
            return
        if not answer.ok:
            why = str(RefusedError(answer))
            self._end(Check(runtime, kind, tasktype, CheckStatus.REFUSED, error=why))
            return
        uid = str(answer.json()["uid"])
        task_id = body["task"]["metadata"]["id"]
        self._waiting[uid] = _Sent(runtime, kind, tasktype, task_id, uid, began)

    def _await_one(self, subscription: ResultSubscription) -> None:
        first = min(sent.at for sent in self._waiting.values())
        for result in subscription.results(first + self._timeout_seconds):
            sent = self._waiting.get(result.uid or "")
            if sent is not None and result.status is not ResultStatus.RUNNING:
                del self._waiting[sent.uid]
                self._end(self._checked(sent, result), result)
                return
        overdue = time.monotonic() - self._timeout_seconds
        for sent in [one for one in self._waiting.values() if one.at <= overdue]:
            del self._waiting[sent.uid]
            self._cancel(sent)
            self._end(sent.check(CheckStatus.TIMED_OUT, error=_NOT_TAKEN))

    def _end(self, check: Check, result: TaskResult | None = None) -> None:
        self._checks.append(check)
        self._told(check)
        if check.tasktype is not TaskType.TEXT_TO_IMAGE:
            return
        picture = result.image_url[0] if result and result.image_url else ""
        for tasktype, content in following_requests(check.runtime_type, picture):
            if check.status is CheckStatus.PASSED:
                self._send(check.runtime, tasktype, content)
            else:
                names = (check.runtime, check.runtime_type, tasktype)
                why = f"it takes the picture of the {check.tasktype} request"
                self._end(Check(*names, CheckStatus.NOT_SENT, error=why))

    def _checked(self, sent: _Sent, result: TaskResult) -> Check:
        seconds = round(time.monotonic() - sent.at, 2)
        took = {"seconds": seconds, "gpu_seconds": round(result.usage.gpu_seconds, 2)}
        if not result.result:
            code = result.error.code if result.error else None
            late = code is TaskErrorCode.DEADLINE_EXCEEDED
            status = CheckStatus.TIMED_OUT if late else CheckStatus.FAILED
            reason = result.error.message if result.error else str(result.status)
            return sent.check(status, error=reason, **took)
        try:
            files = download_pictures(
                self._clients, self._target.output_bucket, result.image_url, self._folder
            )
        except DownloadError as error:
            return sent.check(CheckStatus.FAILED, error=f"not saved: {error}", **took)
        problem = _problem_of(files, expected_size(sent.tasktype))
        status = CheckStatus.FAILED if problem else CheckStatus.PASSED
        return sent.check(status, files=tuple(map(str, files)), error=problem, **took)

    def _cancel(self, sent: _Sent) -> None:
        # The deadline of the task ends it where this is not heard.
        with contextlib.suppress(requests.RequestException):
            self._api.post(f"v1alpha2/tasks/{sent.uid}/cancel", {})


def _problem_of(files: Sequence[Path], size: tuple[int, int]) -> str | None:
    """What is wrong with the pictures of a task; None where it is one PNG of the right size."""
    if len(files) != 1:
        return f"{len(files)} pictures came, not one"
    try:
        with Image.open(files[0]) as image:
            image.load()
            if (image.format, image.size) == ("PNG", size):
                return None
            return f"{files[0]} is {image.format} of {image.size}, asked was a PNG of {size}"
    except (OSError, Image.DecompressionBombError) as error:
        return f"{files[0]} is no whole picture: {error}"
