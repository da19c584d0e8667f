"""The routes of SD WebUI's API, as its versions 1.8.0 and 1.10.1 with ``--api`` have them."""

import os
import random
import resource
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from easel_simulators import control
from easel_simulators.faults import Fault, FaultPlan
from easel_simulators.jobs import JobLog, Lifetime
from easel_simulators.sdwebui.answering import Encoder
from easel_simulators.sdwebui.bodies import (
    EXTRA_BATCH,
    EXTRA_SINGLE,
    IMG2IMG,
    PNG_INFO,
    TXT2IMG,
    with_schedulers,
)
from easel_simulators.sdwebui.checkpoints import Checkpoints
from easel_simulators.sdwebui.errors import ValidationFailed, WebuiError
from easel_simulators.sdwebui.execution import Gpu
from easel_simulators.sdwebui.extras import Extras, read_png_info
from easel_simulators.sdwebui.generation import Generator
from easel_simulators.sdwebui.painter import BenchmarkPainter, Painter
from easel_simulators.sdwebui.progress import Progress
from easel_simulators.sdwebui.schema import Field, json_object, validate
from easel_simulators.sdwebui.scripts import Scripts
from easel_simulators.sdwebui.settings import (
    CHECKPOINT,
    CONFIG_KEYS,
    Settings,
    recorded_answer,
)
from easel_simulators.sdwebui.versions import DEFAULT_VERSION, version_of
from easel_simulators.server import Request, Response

API: Final = "/sdapi/v1/"
TASK_PROGRESS: Final = "/internal/progress"

WORKER_THREADS = 40
"""Requests served at once. As many waiting jobs leave none for ``/memory`` or ``/interrupt``."""

Handler = Callable[[Request], object]


@dataclass(frozen=True)
class Behaviour:
    """How the simulated SD WebUI behaves.

    Attributes:
        models: Paths of the checkpoints below their folder, the first of them chosen at the start.
        version: ``1.8.0`` or ``1.10.1``.
        service_seconds: How long txt2img and img2img take, whatever their size.
        load_seconds: How long loading a checkpoint takes; the first job pays it too.
        hashing: Whether checkpoints have hashes and titles show them; the captured server ran
            with ``--no-hashing``.
        hashes_cached: Whether the hashes are known before a checkpoint has been loaded once, as
            where cache.json survived; on a fresh pod they are not.
        config_keys: The settings that config.json holds: only these, and those that are set
            later on, are restored after a job that overrides them.
        encode_seconds: How long encoding a picture of 512 x 512 takes, in proportion for others,
            while the next job runs. Measured on a real server: 0.13 s, and four times that for
            1024 x 1024.
        scripts: Always-on scripts beyond the built-in ones, such as ``controlnet``.
        seed: Makes the random seeds (``seed: -1``) the same at every start.
        progress: Whether there is ``/sdapi/v1/progress``; without, it is a 404 with an empty body,
            as in some peers of SD WebUI (sdcpp_get.json).
        web_ui: Whether the web UI runs beside the API, with ``/internal/progress``; a server with
            ``--nowebui`` has none.
        picture_bytes: For benchmarks: answer with one PNG of this size, painted once.
        faults: What goes wrong first (see ``simulators.faults``).
    """

    models: Sequence[str] = ("sd15-a.safetensors", "sd15-b.safetensors")
    service_seconds: float = 0.0
    load_seconds: float = 0.0
    hashing: bool = True
    hashes_cached: bool = True
    config_keys: Sequence[str] = CONFIG_KEYS
    encode_seconds: float = 0.0
    version: str = DEFAULT_VERSION
    scripts: Sequence[str] = ()
    seed: int | None = None
    progress: bool = True
    web_ui: bool = True
    picture_bytes: int | None = None
    faults: Sequence[Fault] = field(default=())


class SdWebuiApplication:
    """Answers requests as SD WebUI does, and those under ``/_sim/`` for tests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.faults = FaultPlan(tuple(behaviour.faults))
        self.log = JobLog()
        self._lifetime = Lifetime()
        self._web_ui = behaviour.web_ui
        self._has_progress = behaviour.progress
        self._progress = Progress()
        self._checkpoints = Checkpoints(
            behaviour.models,
            hashing=behaviour.hashing,
            hashes_cached=behaviour.hashes_cached,
            load_seconds=behaviour.load_seconds,
            lifetime=self._lifetime,
        )
        self._version = version_of(behaviour.version)
        self._samplers = self._version.samplers()
        self._settings = Settings(self._checkpoints.first.title, behaviour.config_keys)
        self._scripts = Scripts(behaviour.scripts)
        self._gpu = Gpu(self._lifetime, self.faults, self.log, self._progress)
        painter = _painter(behaviour.picture_bytes)
        encoder = Encoder(painter, self._settings, self._lifetime, behaviour.encode_seconds)
        self._extras = Extras(self._gpu, self._progress, encoder)
        self._generator = Generator(
            gpu=self._gpu,
            checkpoints=self._checkpoints,
            settings=self._settings,
            progress=self._progress,
            scripts=self._scripts,
            samplers=self._samplers,
            painter=painter,
            encoder=encoder,
            lifetime=self._lifetime,
            service_seconds=behaviour.service_seconds,
            rng=random.Random(behaviour.seed),  # noqa: S311 - seeds of pictures
            version=self._version.told,
        )
        self._control = control.Control(self.faults, self.log, self._gpu.queue)
        self._workers = threading.BoundedSemaphore(WORKER_THREADS)
        self._routes = self._get_routes() | self._post_routes()

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.path.startswith(control.PREFIX):
            return self._control.answer(request)
        methods = self._methods_of(request.path)
        if methods is None:
            return Response.of_json({"detail": "Not Found"}, 404)
        handler = methods.get(request.method)
        if handler is None:
            allowed = {"Allow": next(iter(methods))}
            return Response.of_json({"detail": "Method Not Allowed"}, 405, allowed)
        with self._workers:
            try:
                value = handler(request)
            except (WebuiError, ValidationFailed) as error:
                return error.response()
        return value if isinstance(value, Response) else Response.of_json(value)

    def _methods_of(self, path: str) -> Mapping[str, Handler] | None:
        if path == TASK_PROGRESS and self._web_ui:
            return {"POST": lambda r: self._gpu.tasks.answer(json_object(r).get("id_task"))}
        return self._routes.get(path.removeprefix(API)) if path.startswith(API) else None

    def close(self) -> None:
        """Wake every request that waits."""
        self._lifetime.end()

    def _get_routes(self) -> dict[str, Mapping[str, Handler]]:
        recorded = ("cmd-flags", "upscalers", "latent-upscale-modes")
        empty = (
            "sd-vae",
            "loras",
            "prompt-styles",
            "extensions",
            "hypernetworks",
            "face-restorers",
            "realesrgan-models",
        )
        routes: dict[str, Mapping[str, Handler]] = {
            "options": {"GET": lambda _: self._settings.all(), "POST": self._set_options},
            "progress": {"GET": self._tell_progress},
            "memory": {"GET": lambda _: _memory()},
            "sd-models": {"GET": lambda _: self._checkpoints.listed()},
            "samplers": {"GET": _constant(self._samplers.listed)},
            "scripts": {"GET": lambda _: self._scripts.listed},
            "embeddings": {"GET": lambda _: {"loaded": {}, "skipped": {}}},
        }
        if self._version.has_schedulers:
            routes["schedulers"] = {"GET": _constant(self._samplers.schedulers)}
        routes |= {name: {"GET": _constant(recorded_answer(name))} for name in recorded}
        return routes | {name: {"GET": _constant([])} for name in empty}

    def _post_routes(self) -> dict[str, Mapping[str, Handler]]:
        generator, extras = self._generator, self._extras
        handlers: dict[str, Handler] = {
            "txt2img": lambda r: generator.txt2img(*self._read(TXT2IMG, r)),
            "img2img": lambda r: generator.img2img(*self._read(IMG2IMG, r)),
            "extra-single-image": lambda r: extras.single(validate(EXTRA_SINGLE, json_object(r))),
            "extra-batch-images": lambda r: extras.batch(validate(EXTRA_BATCH, json_object(r))),
            "png-info": lambda r: read_png_info(validate(PNG_INFO, json_object(r))),
            "interrupt": self._interrupt,
            "skip": lambda _: self._progress.skip(),
            "unload-checkpoint": self._unload,
            "reload-checkpoint": self._reload,
            "refresh-checkpoints": lambda _: None,
            "refresh-vae": lambda _: None,
            "refresh-embeddings": lambda _: None,
            "refresh-loras": lambda _: None,
        }
        return {name: {"POST": handler} for name, handler in handlers.items()}

    def _read(
        self, fields: Sequence[Field], request: Request
    ) -> tuple[dict[str, object], frozenset[str]]:
        """A generation's validated body, and the fields that it names."""
        body = json_object(request)
        known = with_schedulers(fields) if self._version.has_schedulers else fields
        return validate(known, body), frozenset(body)

    def _set_options(self, request: Request) -> None:
        """Set settings; another checkpoint is loaded when the GPU is free, and only then answered.

        Until then ``GET /options`` shows the name that was sent.
        """
        values = json_object(request)
        name = values.get(CHECKPOINT)
        checkpoint = self._checkpoints.find(name)
        if name is not None and checkpoint is None:
            raise WebuiError.raised("RuntimeError", f"model {name!r} not found")
        former = self._settings.get(CHECKPOINT)
        self._settings.set(values)
        if checkpoint is not None and former != name:
            with self._gpu.queue.turn():
                loaded = self._checkpoints.load(checkpoint)
                self._settings.set({CHECKPOINT: loaded.title})

    def _tell_progress(self, _request: Request) -> object:
        if not self._has_progress:
            return Response(404, b"", content_type=None)
        return self._progress.snapshot()

    def _interrupt(self, _request: Request) -> dict[str, object]:
        self._progress.interrupt()
        return {}

    def _unload(self, _request: Request) -> dict[str, object]:
        self._checkpoints.unload()
        return {}

    def _reload(self, _request: Request) -> dict[str, object]:
        with self._gpu.queue.turn():
            chosen = self._checkpoints.find(self._settings.get(CHECKPOINT))
            self._checkpoints.load(chosen or self._checkpoints.first)
        return {}


def _painter(picture_bytes: int | None) -> Painter:
    return Painter() if picture_bytes is None else BenchmarkPainter(picture_bytes)


def _constant(value: object) -> Handler:
    return lambda _: value


def _memory() -> dict[str, object]:
    """Memory of this machine and process, in bytes; there is no GPU to tell about."""
    total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "ram": {"free": total - used, "used": used, "total": total},
        "cuda": {"error": "unavailable"},
    }
