"""One life of a ComfyUI process: all that is gone when it ends, and the handlers that touch it."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from PIL import Image

from easel_simulators.comfyui import job_views, responses, uploads, views
from easel_simulators.comfyui.events import Events
from easel_simulators.comfyui.execution import Executor, Machine
from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.nodes import installed
from easel_simulators.comfyui.queue import (
    SENSITIVE,
    Job,
    JobQueue,
    now_milliseconds,
)
from easel_simulators.comfyui.settings import Behaviour
from easel_simulators.comfyui.validation import InvalidPromptError, validate
from easel_simulators.faults import Fault
from easel_simulators.jobs import JobLog, Lifetime
from easel_simulators.server import Request, Response

_NO_PROMPT: Final = {
    "error": {
        "type": "no_prompt",
        "message": "No prompt provided",
        "details": "No prompt provided",
        "extra_info": {},
    },
    "node_errors": {},
}

Encoder = Callable[[Image.Image, dict[str, str]], bytes]


class ComfyUiProcess:
    """Queue, history, cache, loaded checkpoint, sockets and files.

    Handlers may raise what broken JSON makes them raise: the server answers 500, as ComfyUI does.
    """

    def __init__(self, behaviour: Behaviour, log: JobLog, encode_png: Encoder) -> None:
        self.lifetime = Lifetime()
        self.folders = Folders(behaviour.base_directory)
        self.events = Events()
        self.queue = JobQueue(self.lifetime, self.events.queue_changed)
        self.nodes = installed(behaviour.models, behaviour.service_seconds, self.folders)
        machine = Machine(
            lifetime=self.lifetime,
            nodes=self.nodes,
            folders=self.folders,
            events=self.events,
            encode_png=encode_png,
            load_seconds=behaviour.load_seconds,
        )
        self._executor = Executor(machine, self.queue, log)
        self._executor.start()

    def close(self) -> None:
        """End it: whatever runs is cut off, folders of its own are deleted."""
        self.lifetime.end()
        self.events.close()
        self.folders.close()

    def queue_prompt(self, request: Request, fault: Fault | None) -> Response:
        """``POST /prompt``: validate a workflow and queue what of it can run.

        Raises:
            ValueError, TypeError, AttributeError: The body is not what ComfyUI expects (500).
            SameRankError: Two jobs cannot be told apart (500, yet queued).
        """
        body = json.loads(request.body)
        number = self._number(body)
        if "prompt" not in body:
            return responses.of_json(_NO_PROMPT, 400)
        prompt = body["prompt"]
        if not isinstance(prompt, dict):
            raise TypeError("a prompt is an object")
        try:
            validated = validate(prompt, self.nodes)
        except InvalidPromptError as error:
            refusal = {"error": error.error, "node_errors": error.node_errors}
            return responses.of_json(refusal, 400)
        prompt_id = str(body["prompt_id"]) if "prompt_id" in body else str(uuid.uuid4())
        extra_data, sensitive = _extra_data(body)
        job = Job(number, prompt_id, prompt, extra_data, validated.outputs, fault, sensitive)
        self.queue.put(job)
        answer = {
            "prompt_id": prompt_id,
            "number": number,
            "node_errors": validated.node_errors,
        }
        return responses.of_json(answer)

    def _number(self, body: Mapping[str, Any]) -> float:
        if "number" in body:
            return float(body["number"])
        number = self.queue.next_number()
        return -number if body.get("front") else number

    def queue_info(self, _request: Request) -> Response:
        """``GET /prompt``: how many jobs wait or run."""
        return responses.of_json({"exec_info": {"queue_remaining": self.queue.remaining}})

    def queued(self, _request: Request) -> Response:
        """``GET /queue``."""
        running, waiting, _ = self.queue.snapshot()
        return responses.of_json(
            {
                "queue_running": [] if running is None else [running.listed()],
                "queue_pending": [job.listed() for job in waiting],
            }
        )

    def change_queue(self, request: Request) -> Response:
        """``POST /queue``: forget pending jobs."""
        body = json.loads(request.body)
        if body.get("clear"):
            self.queue.clear()
        if "delete" in body:
            self.queue.delete(body["delete"])
        return responses.empty()

    def interrupt(self, request: Request) -> Response:
        """``POST /interrupt``: the job with the ``prompt_id`` of the body, or any."""
        try:
            body = json.loads(request.body)
        except ValueError:
            body = {}
        self._executor.interrupt(body.get("prompt_id"))
        return responses.empty()

    def free(self, request: Request) -> Response:
        """``POST /free``."""
        body = json.loads(request.body)
        self._executor.free(
            unload_models=bool(body.get("unload_models")),
            free_memory=bool(body.get("free_memory")),
        )
        return responses.empty()

    def history(self, request: Request) -> Response:
        """``GET /history``: the last ``max_items`` entries."""
        _, _, history = self.queue.snapshot()
        count = int(request.query.get("max_items", len(history)))
        kept = list(history.items())[-count:] if count > 0 else []
        return responses.of_json(dict(kept))

    def history_of(self, prompt_id: str) -> Response:
        """``GET /history/{id}``: an empty object unless the job has ended."""
        _, _, history = self.queue.snapshot()
        found = history.get(prompt_id)
        return responses.of_json({} if found is None else {prompt_id: found})

    def change_history(self, request: Request) -> Response:
        """``POST /history``: forget ended jobs."""
        body = json.loads(request.body)
        if body.get("clear"):
            self.queue.forget(None)
        if "delete" in body:
            self.queue.forget(body["delete"])
        return responses.empty()

    def jobs(self, request: Request) -> Response:
        """``GET /api/jobs``."""
        try:
            return responses.of_json(job_views.listed(self.queue, request.query))
        except job_views.InvalidQueryError as error:
            return responses.of_json({"error": str(error)}, 400)

    def job(self, prompt_id: str) -> Response:
        """``GET /api/jobs/{id}``."""
        found = job_views.find(self.queue, prompt_id)
        if found is None:
            return responses.of_json({"error": "Job not found"}, 404)
        return responses.of_json(found)

    def view(self, request: Request) -> Response:
        """``GET /view``."""
        return views.file_of(request, self.folders)

    def upload_image(self, request: Request) -> Response:
        """``POST /upload/image``."""
        return uploads.store_image(request, self.folders)

    def object_info(self, _request: Request) -> Response:
        """``GET /object_info``: every node class."""
        return responses.of_json({name: one.info() for name, one in self.nodes.items()})

    def object_info_of(self, class_type: str) -> Response:
        """``GET /object_info/{class}``: an empty object for one that does not exist."""
        found = self.nodes.get(class_type)
        return responses.of_json({} if found is None else {class_type: found.info()})


def _extra_data(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What all may see, and what only nodes may.

    Raises:
        TypeError: ``extra_data`` is no object: a 500, as server.py writes a key into it.
    """
    given = body.get("extra_data", {})
    if not isinstance(given, dict):
        raise TypeError("extra_data is an object")
    extra = {name: value for name, value in given.items() if name not in SENSITIVE}
    if "client_id" in body:
        extra["client_id"] = body["client_id"]
    sensitive = {name: given[name] for name in SENSITIVE if name in given}
    return {**extra, "create_time": now_milliseconds()}, sensitive
