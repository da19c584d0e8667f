"""ComfyUI's HTTP API, as far as the adapter needs it: every wait and every answer is bounded."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import quote

import requests
from pydantic import BaseModel, ValidationError

from easel_agent.runtimes.connections import ConnectionTracker

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
"""Its answers stall while it works: for about a second often, for more while a model loads."""
TRANSFER_SECONDS = 120
"""For one file, up or down."""
MAX_JSON_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024


class AnswerTooLargeError(Exception):
    """An answer has more bytes than it may have."""


class UnreadableAnswerError(Exception):
    """An answer is none of ComfyUI's; the message names the request."""


@dataclass(frozen=True)
class Answer:
    """An answer, read in full."""

    status: int
    body: bytes

    def text(self) -> str:
        """The body as one line."""
        return " ".join(self.body.decode(errors="replace").split())


@dataclass(frozen=True)
class OutputFile:
    """A file that a node lists among its outputs.

    Attributes:
        filename: its name within `subfolder`.
        subfolder: below the folder of its type.
        type: `output`, or `temp` for a preview.
        is_shown: a node only names it as what it shows; it may be nowhere.
    """

    filename: str
    subfolder: str
    type: str
    is_shown: bool = field(default=False, compare=False)


class Place(Enum):
    """Where a job stands in the queue."""

    RUNS = auto()
    WAITS = auto()
    ABSENT = auto()  # ended, or unknown


class _Queue(BaseModel):
    queue_running: list[list[Any]]
    queue_pending: list[list[Any]]

    def jobs(self) -> list[list[Any]]:
        """All that run or wait: `[number, prompt_id, workflow, extra data, output nodes]`."""
        return self.queue_running + self.queue_pending


class _System(BaseModel):
    argv: list[str] = []


class _SystemStats(BaseModel):
    system: _System


class _Uploaded(BaseModel):
    name: str
    subfolder: str = ""


class ComfyUiApi:
    """One ComfyUI server.

    Every method raises `requests.RequestException` where it does not answer in time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = requests.Session()
        # It is on this host: a proxy from the environment is never meant for it.
        self._http.trust_env = False
        self._tracker = ConnectionTracker()
        self._http.mount("http://", self._tracker)

    @property
    def connections(self) -> int:
        """How many connections were made: one more where the server was started anew."""
        return self._tracker.opened

    def submit(self, body: dict[str, Any]) -> Answer:
        """Queues a workflow, under an id of ours."""
        return self._request("POST", "/prompt", json=body)

    def history_entry(self, prompt_id: str, seconds: float | None = None) -> dict[str, Any] | None:
        """What became of a job; None for one that has not ended, and for an unknown one.

        Args:
            prompt_id: the job's.
            seconds: that the answer may take; None for `ANSWER_SECONDS`.

        Raises:
            UnreadableAnswerError: the answer is no history.
        """
        history = self._get_object(f"/history/{prompt_id}", seconds)
        entry = history.get(prompt_id)
        return entry if isinstance(entry, dict) else None

    def place(self, prompt_id: str) -> Place:
        """Where a job stands in the queue.

        Raises:
            UnreadableAnswerError: the answer is no queue.
        """
        queue = self._queue()
        if _holds(queue.queue_running, prompt_id):
            return Place.RUNS
        return Place.WAITS if _holds(queue.queue_pending, prompt_id) else Place.ABSENT

    def is_idle(self, seconds: float) -> bool:
        """Whether ComfyUI answers within some seconds that nothing runs or waits; never raises."""
        try:
            return not self._queue(seconds).jobs()
        except (requests.RequestException, AnswerTooLargeError, UnreadableAnswerError):
            return False

    def withdraw(self, prompt_id: str) -> None:
        """Takes a job that waits out of the queue."""
        self._request("POST", "/queue", json={"delete": [prompt_id]})

    def free(self, seconds: float) -> None:
        """Has it unload models and forget cached results as soon as no job runs; never raises."""
        body = {"unload_models": True, "free_memory": True}
        with suppress(requests.RequestException, AnswerTooLargeError):
            self._request("POST", "/free", json=body, seconds=seconds)

    def arguments(self) -> list[str]:
        """The arguments of the server's process.

        Raises:
            UnreadableAnswerError: the answer does not tell.
        """
        answer = self._request("GET", "/system_stats")
        try:
            return _SystemStats.model_validate_json(answer.body).system.argv
        except ValidationError as error:
            raise _unreadable("/system_stats", answer) from error

    def cancel(self, prompt_id: str) -> None:
        """Has a job end, whether it waits or runs; others are left alone.

        Raises:
            UnreadableAnswerError: the answer is no queue.
        """
        # In this order: a job that leaves the queue between the two is running at the second.
        self.withdraw(prompt_id)
        # Older servers do not read the id and end whatever runs.
        if self.place(prompt_id) is Place.RUNS:
            self._request("POST", "/interrupt", json={"prompt_id": prompt_id})

    def object_info(self, class_type: str) -> dict[str, Any]:
        """The declaration of a node class; empty for one that is not installed.

        Raises:
            UnreadableAnswerError: the answer is no declaration.
        """
        quoted = quote(class_type, safe="")
        info = self._get_object(f"/object_info/{quoted}").get(class_type)
        return info if isinstance(info, dict) else {}

    def view(self, file: OutputFile, max_bytes: int) -> Answer:
        """Fetches a file.

        Raises:
            AnswerTooLargeError: it has more than `max_bytes`.
        """
        return self._request(
            "GET",
            "/view",
            max_bytes=max_bytes,
            seconds=TRANSFER_SECONDS,
            params={"filename": file.filename, "subfolder": file.subfolder, "type": file.type},
            # A name can come again with another content: no cache on the way may answer.
            headers={"Cache-Control": "no-cache"},
        )

    def upload(self, data: bytes, filename: str, folder: str = "") -> tuple[Answer, str]:
        """Uploads an input file.

        Args:
            data: its content.
            filename: a name for it.
            folder: below the input folder; "" for that folder itself.

        Returns:
            The answer, and the name under which a workflow finds the file: not the one that was
            given where that was taken. It is empty where the answer is no success.
        """
        answer = self._request(
            "POST",
            "/upload/image",
            seconds=TRANSFER_SECONDS,
            files={"image": (filename, data)},
            data={"type": "input", **({"subfolder": folder} if folder else {})},
        )
        if answer.status != requests.codes.ok:
            return answer, ""
        try:
            uploaded = _Uploaded.model_validate_json(answer.body)
        except ValidationError as error:
            raise _unreadable("/upload/image", answer) from error
        below = f"{uploaded.subfolder}/" if uploaded.subfolder else ""
        return answer, below + uploaded.name

    def answers(self, seconds: float) -> bool:
        """Whether ComfyUI answers a request about no job within some seconds; never raises."""
        try:
            answer = self._request("GET", "/queue", seconds=seconds)
        except (requests.RequestException, AnswerTooLargeError):
            return False
        return bool(answer.status == requests.codes.ok)

    def _queue(self, seconds: float | None = None) -> _Queue:
        answer = self._request("GET", "/queue", seconds=seconds)
        try:
            return _Queue.model_validate_json(answer.body)
        except ValidationError as error:
            raise _unreadable("/queue", answer) from error

    def _get_object(self, path: str, seconds: float | None = None) -> dict[str, Any]:
        answer = self._request("GET", path, seconds=seconds)
        try:
            value = json.loads(answer.body)
        except ValueError as error:
            raise _unreadable(path, answer) from error
        if answer.status != requests.codes.ok or not isinstance(value, dict):
            raise _unreadable(path, answer)
        return value

    def _request(
        self,
        method: str,
        path: str,
        *,
        max_bytes: int | None = None,
        seconds: float | None = None,
        **arguments: Any,
    ) -> Answer:
        seconds = ANSWER_SECONDS if seconds is None else seconds
        deadline = time.monotonic() + seconds
        limit = MAX_JSON_BYTES if max_bytes is None else max_bytes
        with self._http.request(
            method,
            self._url + path,
            timeout=(CONNECT_SECONDS, seconds),
            stream=True,
            allow_redirects=False,
            **arguments,
        ) as answer:
            body = bytearray()
            for chunk in answer.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > limit:
                    raise AnswerTooLargeError(f"{path} answered more than {limit} bytes")
                # The time-out above is for each piece: a trickle would never end.
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout(f"{path} took longer than {seconds:g} s")
            return Answer(answer.status_code, bytes(body))


def _holds(jobs: list[list[Any]], prompt_id: str) -> bool:
    return any(job[1:2] == [prompt_id] for job in jobs)


def _unreadable(path: str, answer: Answer) -> UnreadableAnswerError:
    return UnreadableAnswerError(f"{path} answered {answer.status}: {answer.text():.200}")
