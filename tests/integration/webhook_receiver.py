"""Somebody's server for callbacks: HTTPS on loopback, with a certificate of its own authority."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

from easel_local.kubernetes.certificate import make_certificate, server_context

DRIP_SECONDS = 6.0


@dataclass(frozen=True)
class Delivery:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to answer a request with."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[Any], None] | None = None


class WebhookReceiver:
    """Keeps what arrives; answers 204 unless `answers` holds something else."""

    def __init__(self, folder: Path) -> None:
        self.deliveries: list[Delivery] = []
        self.answers: deque[Answer] = deque()
        self.ca_file = make_certificate(folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = server_context(folder).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_port}/hook?token=secret-of-the-url"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.append(Delivery(self.path, dict(self.headers), body))
                answer = receiver.answers.popleft() if receiver.answers else Answer()
                self.close_connection = True
                if answer.write is not None:
                    answer.write(self.wfile)
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Length": "0", **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        return Handler


def drip_headers(file: Any) -> None:
    """Begins an answer and never comes to its end; each byte is soon followed by another."""
    _drip(file, b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")


def flood_body(file: Any) -> None:
    """Redirects with a body that does not end."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n"
    _drip(file, head, bytes(1024 * 1024), 0)


def _drip(file: Any, head: bytes, piece: bytes, pause: float = 0.05) -> None:
    deadline = time.monotonic() + DRIP_SECONDS
    try:
        file.write(head)
        while time.monotonic() < deadline:
            file.write(piece)
            time.sleep(pause)
    except OSError:
        return  # the sender has gone, as it should
