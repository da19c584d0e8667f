"""An instance's metadata service, second version, as far as a Spot notice goes."""

import json
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from easel_simulators.server import Request, Response, SimulatorServer

_TOKEN = "the-token"
_NOTICE_PATH = "/latest/meta-data/spot/instance-action"


class InstanceMetadata:
    """A context manager: it listens on 127.0.0.1 inside the block.

    Attributes:
        url: of the service.
        notice: the body of the notice; None while nothing is announced.
    """

    def __init__(self) -> None:
        self.notice: bytes | None = None
        self._server = SimulatorServer(self)
        self.url = self._server.url

    def answer(self, request: Request) -> Response:
        """One request, as the service answers it."""
        if request.method == "PUT":
            return Response(200, _TOKEN.encode(), "text/plain")
        if request.headers.get("x-aws-ec2-metadata-token") != _TOKEN:
            return Response(401, b"", None)
        if request.path == _NOTICE_PATH and self.notice is not None:
            return Response(200, self.notice)
        return Response(404, b"", None)

    def close(self) -> None:
        """Nothing waits."""

    def announce(self, seconds: float) -> None:
        """Announces that the instance ends in so many seconds, as EC2 writes it."""
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        notice = {"action": "terminate", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        self.notice = json.dumps(notice).encode()

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()
