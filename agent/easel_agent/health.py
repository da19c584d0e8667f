"""/healthz, /readyz, /livez and /metrics over HTTP."""

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from easel_agent.metrics import Metrics
from easel_agent.model_mount import ModelMount
from easel_agent.runtime_monitor import RuntimeMonitor

logger = logging.getLogger(__name__)

_Answer = tuple[HTTPStatus, bytes]


class HealthServer:
    """Answers probes from a thread of its own.

    `/healthz` fails when the runtime was given up as broken, or has not been ready for too long:
    the runtime's container is to be started anew. `/readyz` fails while the runtime is not ready.
    `/livez` fails when this process does not answer: the agent's own container is. All three fail
    when the mount of the model bucket broke, and say so: the pod is to be replaced.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        monitor: RuntimeMonitor,
        metrics: Metrics,
        dead_seconds: float,
        mount: ModelMount | None = None,
    ) -> None:
        """Binds the port.

        Raises:
            OSError: it is taken.
        """
        self._monitor = monitor
        self._metrics = metrics
        self._dead_seconds = dead_seconds
        self._mount = mount
        routes = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/livez": self._liveness,
            "/metrics": self._render,
        }
        self._server = ThreadingHTTPServer((host, port), _handler_of(routes))
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.server_address[1]
        return port

    def start(self) -> None:
        """Starts the thread."""
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Ends it and frees the port."""
        self._server.shutdown()
        self._server.server_close()

    def _health(self) -> _Answer:
        failure = self._mount_failure() or self._monitor.failure(self._dead_seconds)
        if failure is not None:
            return HTTPStatus.SERVICE_UNAVAILABLE, failure.encode()
        return HTTPStatus.OK, b"ok"

    def _readiness(self) -> _Answer:
        if (failure := self._mount_failure()) is not None:
            return HTTPStatus.SERVICE_UNAVAILABLE, failure.encode()
        if self._monitor.is_ready:
            return HTTPStatus.OK, b"ok"
        return HTTPStatus.SERVICE_UNAVAILABLE, b"runtime not ready"

    def _liveness(self) -> _Answer:
        if (failure := self._mount_failure()) is not None:
            return HTTPStatus.SERVICE_UNAVAILABLE, failure.encode()
        return HTTPStatus.OK, b"ok"

    def _mount_failure(self) -> str | None:
        return None if self._mount is None else self._mount.failure

    def _render(self) -> _Answer:
        return HTTPStatus.OK, self._metrics.render()


def _handler_of(routes: dict[str, Callable[[], _Answer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            route = routes.get(self.path.partition("?")[0])
            status, body = route() if route else (HTTPStatus.NOT_FOUND, b"not found")
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Probes come every few seconds: not worth a line."""

    return Handler
