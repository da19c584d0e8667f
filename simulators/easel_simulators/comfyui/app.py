"""The routes of ComfyUI's API, as its version 0.8.0 has them, also under ``/api``."""

import ipaddress
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from PIL import Image

from easel_simulators import control, pictures
from easel_simulators.comfyui import responses, system, websocket
from easel_simulators.comfyui.process import ComfyUiProcess
from easel_simulators.comfyui.queue import SameRankError
from easel_simulators.comfyui.recorded import recorded_answer
from easel_simulators.comfyui.settings import Behaviour
from easel_simulators.faults import Fault, FaultPlan
from easel_simulators.jobs import JobLog
from easel_simulators.server import ConnectionDropped, Request, Response, Takeover

API: Final = "/api"
_MAX_ENCODED: Final = 64
_MAX_BODY_BYTES: Final[int] = recorded_answer("features")["max_upload_size"]

Handler = Callable[[Request], Response]
Routes = Mapping[str, Mapping[str, Handler]]


class ComfyUiApplication:
    """Answers requests as ComfyUI does, and those under ``/_sim/`` for tests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.faults = FaultPlan(tuple(behaviour.faults))
        self.log = JobLog()
        self._behaviour = behaviour
        self._encode_png = _encoder(behaviour.picture_bytes)
        self._control = control.Control(self.faults, self.log, self)
        self._restarting = threading.Lock()
        self._is_down = False
        self._begin()

    def _begin(self) -> None:
        self._process = ComfyUiProcess(self._behaviour, self.log, self._encode_png)
        self._routes = self._fixed_routes(self._process)
        self._routes_with_id = self._id_routes(self._process)

    @property
    def pending(self) -> int:
        """How many jobs wait."""
        return self._process.queue.pending

    @property
    def base_directory(self) -> Path:
        """Holds ``input``, ``output`` and ``temp``."""
        return self._process.folders.base

    def restart(self, cut_off: Callable[[], None]) -> None:
        """End the process and begin another: queue, history, cache and temporary files are gone.

        Args:
            cut_off: Ends every connection. Between the two processes: the new one must not be
                asked on a connection of the former one.
        """
        with self._restarting:
            self._is_down = True
            cut_off()
            former = self._process
            self._begin()
            self._is_down = False
            former.close()

    def close(self) -> None:
        """Wake every request that waits, end every socket, delete folders of its own."""
        with self._restarting:
            self._process.close()

    def answer(self, request: Request) -> Response | Takeover:
        """Answer one request."""
        if request.path.startswith(control.PREFIX):
            return self._control.answer(request)
        if _is_foreign(request):
            return responses.empty(403)
        process = self._process
        if self._is_down:
            raise ConnectionDropped
        if request.path.removeprefix(API) == "/ws":
            serve = partial(websocket.serve, request, events=process.events, jobs=process.queue)
            return Takeover(serve)
        handler = self._handler(request)
        if len(request.body) > _MAX_BODY_BYTES:
            return responses.too_large(_MAX_BODY_BYTES)
        try:
            return handler(request)
        except (ValueError, TypeError, AttributeError, OSError, SameRankError):
            return responses.server_error()

    def _handler(self, request: Request) -> Handler:
        # Every path exists under the prefix too; /api/jobs exists under it alone.
        own, aliased = request.path, request.path.removeprefix(API)
        methods = self._methods(own) or self._methods(aliased)
        if methods is None or (request.method not in methods and request.method == "GET"):
            return lambda _: responses.NOT_FOUND
        allowed = ",".join(methods)
        return methods.get(request.method, lambda _: responses.method_not_allowed(allowed))

    def _methods(self, path: str) -> Mapping[str, Handler] | None:
        parent, _, last = path.rpartition("/")
        by_id = self._routes_with_id.get(parent)
        if path in self._routes or by_id is None or not last:
            return self._routes.get(path)
        return {"GET": lambda _: by_id(unquote(last))}

    def _fixed_routes(self, process: ComfyUiProcess) -> Routes:
        models = list(self._behaviour.models)
        return {
            "/prompt": {"GET": process.queue_info, "POST": self._queue_prompt},
            "/queue": {"GET": process.queued, "POST": process.change_queue},
            "/interrupt": {"POST": process.interrupt},
            "/free": {"POST": process.free},
            "/history": {"GET": process.history, "POST": process.change_history},
            "/api/jobs": {"GET": process.jobs},
            "/view": {"GET": process.view},
            "/upload/image": {"POST": process.upload_image},
            "/object_info": {"GET": process.object_info},
            "/system_stats": {"GET": lambda _: responses.of_json(system.stats(["main.py"]))},
            "/features": {"GET": _constant(recorded_answer("features"))},
            "/embeddings": {"GET": _constant([])},
            "/models": {"GET": _constant(recorded_answer("model-folders"))},
            "/models/checkpoints": {"GET": _constant(models)},
        }

    @staticmethod
    def _id_routes(process: ComfyUiProcess) -> Mapping[str, Callable[[str], Response]]:
        return {
            "/history": process.history_of,
            "/api/jobs": process.job,
            "/object_info": process.object_info_of,
        }

    def _queue_prompt(self, request: Request) -> Response:
        fault = self.faults.take()
        match fault:
            case Fault(kind="drop"):
                raise ConnectionDropped
            case Fault(kind="bad_gateway"):
                return responses.BAD_GATEWAY
        process = self._process
        response = process.queue_prompt(request, fault)
        match fault:
            case Fault(kind="drop_answer"):
                raise ConnectionDropped
            case Fault(kind="truncate"):
                return replace(response, truncated=True)
            case Fault(kind="server_error"):
                return responses.server_error()
            case Fault(kind="stall", seconds=seconds):
                process.lifetime.sleep(seconds)
        return response


def _constant(value: object) -> Handler:
    return lambda _: responses.of_json(value)


def _is_foreign(request: Request) -> bool:
    """Whether a page of another site sends it to a server on this machine."""
    origin, host = request.headers.get("origin"), request.headers.get("host")
    if origin is None or host is None:
        return False
    own = urlsplit(f"//{host}")
    if not _is_loopback(own.hostname or ""):
        return False
    return urlsplit(origin).netloc != host


def _is_loopback(hostname: str) -> bool:
    try:
        return hostname == "localhost" or ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False


def _encoder(picture_bytes: int | None) -> Callable[[Image.Image, dict[str, str]], bytes]:
    if picture_bytes is None:
        return lambda picture, texts: pictures.encode(picture, "png", texts)
    encoded: dict[tuple[int, int], bytes] = {}

    def encode(picture: Image.Image, texts: dict[str, str]) -> bytes:
        if picture.size not in encoded:
            if len(encoded) == _MAX_ENCODED:
                encoded.clear()
            data = pictures.encode(picture, "png", texts)
            encoded[picture.size] = pictures.padded(data, picture_bytes)
        return encoded[picture.size]

    return encode
