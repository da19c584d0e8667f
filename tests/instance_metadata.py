"""An instance's metadata service, second version, as far as a Spot notice goes."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

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
        metadata = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._send(200, _TOKEN.encode())

            def do_GET(self) -> None:
                if self.headers["X-aws-ec2-metadata-token"] != _TOKEN:
                    self._send(401, b"")
                elif self.path == _NOTICE_PATH and metadata.notice is not None:
                    self._send(200, metadata.notice)
                else:
                    self._send(404, b"")

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def announce(self, seconds: float) -> None:
        """Announces that the instance ends in so many seconds, as EC2 writes it."""
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        notice = {"action": "terminate", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        self.notice = json.dumps(notice).encode()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
