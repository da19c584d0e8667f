"""A simulated sd-server, stable-diffusion.cpp's peer of SD WebUI's API.

As recorded (sdcpp_get.json, sdcpp_errors.json, sdcpp_generate.json): a few of SD WebUI's paths, the
rest a 404 with an empty body, ``progress`` and ``interrupt`` among them; ``info`` is an empty
string, ``parameters`` the body as it was sent. Sizes are rounded up to multiples of 64, a batch has
``batch_size`` pictures whatever ``n_iter`` says, and what is not understood is passed over: a
sampler, a script, a setting, an initial picture that is none. Not imitated: its own ``/sdcpp/``.

That jobs run one at a time is a guess, and so is the form of an error for an injected fault.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, cast

from easel_simulators import control, drawing, pictures
from easel_simulators.faults import Fault, FaultPlan
from easel_simulators.jobs import JobLog, Lifetime
from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.execution import Answer, Gpu, JobLabel
from easel_simulators.sdwebui.progress import Progress
from easel_simulators.sdwebui.settings import recorded_answer
from easel_simulators.server import Request, Response, SimulatorServer

API: Final = "/sdapi/v1/"
_MULTIPLE_PIXELS: Final = 64
_SHA256: Final = "8" * 64
_NUMBERS: Final = ("steps", "width", "height", "seed", "batch_size", "cfg_scale")
_MAX_BATCH: Final = 64
_NOT_FOUND: Final = Response(404, b"", content_type=None)

Values = Mapping[str, object]


@dataclass(frozen=True)
class SdServerBehaviour:
    """How the simulated sd-server behaves.

    Attributes:
        model: File name of the one checkpoint that it was started with.
        service_seconds: How long a job takes, whatever its size.
        faults: What goes wrong first (see ``simulators.faults``).
    """

    model: str = "sd15-a.safetensors"
    service_seconds: float = 0.0
    faults: tuple[Fault, ...] = field(default=())


class _RefusedError(Exception):
    """A body that is not taken; carries the answer."""

    def __init__(self, status: int, error: str, message: str | None = None) -> None:
        super().__init__(error)
        self.response = Response.of_json(
            {"error": error} if message is None else {"error": error, "message": message}, status
        )


class SdServerApplication:
    """Answers requests as sd-server does, and those under ``/_sim/`` for tests."""

    def __init__(self, behaviour: SdServerBehaviour) -> None:
        self.faults = FaultPlan(behaviour.faults)
        self.log = JobLog()
        self._behaviour = behaviour
        self._stem = PurePosixPath(behaviour.model).stem
        self._lifetime = Lifetime()
        self._gpu = Gpu(self._lifetime, self.faults, self.log, Progress())
        self._control = control.Control(self.faults, self.log, self._gpu.queue)
        lists = cast("dict[str, object]", recorded_answer("sd-server"))
        self._answers: dict[str, object] = {
            **lists,
            "options": {"samples_format": "png", "sd_model_checkpoint": self._stem},
            "sd-models": [self._model()],
            "loras": [],
        }

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.path.startswith(control.PREFIX):
            return self._control.answer(request)
        name = request.path.removeprefix(API) if request.path.startswith(API) else ""
        try:
            if request.method == "POST" and name in ("txt2img", "img2img"):
                return self._generate(name, _body_of(request))
        except _RefusedError as refused:
            return refused.response
        except WebuiError as error:
            return _RefusedError(500, "server_error", str(error)).response
        return self._told(name, request)

    def _told(self, name: str, request: Request) -> Response:
        if request.method == "GET" and name in self._answers:
            return Response.of_json(self._answers[name])
        if request.method == "GET" and request.path == "/":
            return Response(200, b"Stable Diffusion Server is running", "text/html")
        return _NOT_FOUND

    def close(self) -> None:
        """Wake every request that waits."""
        self._lifetime.end()

    def _model(self) -> dict[str, object]:
        return {
            "config": None,
            "filename": self._behaviour.model,
            "hash": _SHA256[:10],
            "model_name": self._stem,
            "sha256": _SHA256,
            "title": self._stem,
        }

    def _generate(self, name: str, body: Values) -> Response:
        size = _size_of(body)
        seed = _number(body, "seed", -1)
        count = min(max(_number(body, "batch_size", 1), 1), _MAX_BATCH)
        if size[0] * size[1] * count > pictures.MAX_PICTURE_PIXELS:
            raise _RefusedError(500, "server_error", "out of memory")

        def job(slower: float) -> Answer:
            self._lifetime.sleep(self._behaviour.service_seconds + slower)
            images = [self._drawn(body, seed + index, size) for index in range(count)]
            value = {"images": images, "info": "", "parameters": dict(sorted(body.items()))}
            return lambda: Response.of_json(value)

        return self._gpu.run(JobLabel(path=f"{API}{name}", name=name, seed=seed), job)

    def _drawn(self, body: Values, seed: int, size: tuple[int, int]) -> str:
        prompt, negative = str(body["prompt"]), str(body.get("negative_prompt", ""))
        variant = json.dumps([self._stem, negative, body.get("steps"), body.get("cfg_scale")])
        texts = [prompt, f"Negative prompt: {negative}"] if negative else [prompt]
        line = (
            f"Steps: {_number(body, 'steps', 20)}, "
            f"CFG scale: {float(_number(body, 'cfg_scale', 7)):f}, Guidance: 3.500000, Eta: inf, "
            f"Seed: {seed}, Size: {size[0]}x{size[1]}, Model: {self._behaviour.model}"
        )
        picture = drawing.draw(prompt, seed, *size, variant)
        return pictures.as_base64(
            pictures.encode(picture, "png", {"parameters": "\n".join([*texts, line])})
        )


class SimulatedSdServer(SimulatorServer):
    """A simulated sd-server on a port of this machine."""

    def __init__(
        self,
        behaviour: SdServerBehaviour | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Bind the port; ``with`` or ``start`` begins to serve.

        Raises:
            OSError: The port is taken or the address is not this machine's.
        """
        self._sd_server = SdServerApplication(behaviour or SdServerBehaviour())
        super().__init__(self._sd_server, host, port)

    @property
    def faults(self) -> FaultPlan:
        """What is still to go wrong."""
        return self._sd_server.faults

    def stats(self) -> dict[str, object]:
        """What ran: see ``JobLog.summary``."""
        return self._sd_server.log.summary()


def _body_of(request: Request) -> Values:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(
            500, "server_error", f"[json.exception.parse_error.101] parse error: {error}"
        ) from error
    if not isinstance(body, dict) or not body.get("prompt"):
        raise _RefusedError(400, "prompt required")
    for name in _NUMBERS:
        value = body.get(name, 0)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise _RefusedError(
                500,
                "server_error",
                f"[json.exception.type_error.302] type must be number, but is {_kind(value)}",
            )
    return body


_KINDS: Final[Mapping[type, str]] = {str: "string", bool: "boolean", list: "array", dict: "object"}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "null")


def _size_of(body: Values) -> tuple[int, int]:
    sides = (_number(body, "width", 512), _number(body, "height", 512))
    if min(sides) <= 0:
        raise _RefusedError(400, "width and height must be positive")
    width, height = (-(-side // _MULTIPLE_PIXELS) * _MULTIPLE_PIXELS for side in sides)
    return width, height


def _number(body: Values, name: str, default: int) -> int:
    value = body.get(name, default)
    return int(value) if isinstance(value, int | float) else default
