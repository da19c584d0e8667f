"""The HTTP server under every simulated runtime: reads requests, bounds them, writes answers.

The chart registry and tests' own servers stand on it, too: docs/adr/0055 says why no library does.
"""

import hmac
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from easel_simulators.browsers import LOOPBACK, foreign_request

LOG = logging.getLogger(__name__)

MAX_BODY_BYTES = 128 * 1024 * 1024
IDLE_CONNECTION_SECONDS = 60.0
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")


class ConnectionDropped(Exception):  # noqa: N818 - what happens, not a failure of ours
    """Raised by an application to close the connection without an answer."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, read in full."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """One HTTP answer. ``truncated`` sends half of the body under the full Content-Length.

    ``content_type`` is None for an answer without that header.
    """

    status: int
    body: bytes
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    truncated: bool = False

    @classmethod
    def of_json(
        cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Encode ``value`` as compact UTF-8 JSON."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return cls(status, text.encode("utf-8", "surrogatepass"), headers=headers or {})


@dataclass(frozen=True)
class Takeover:
    """In place of an answer: ``serve`` speaks on the connection, which ends when it returns."""

    serve: Callable[[socket.socket], None]


class Application(Protocol):
    """What a server serves."""

    def answer(self, request: Request) -> Response | Takeover:
        """Answer one request; called from many threads at once."""
        ...

    def close(self) -> None:
        """Wake every request that waits, so that the server can end at once."""
        ...


class _RefusedError(Exception):
    """The request is not read; carries the status to answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _ForeignError(Exception):
    """Not for whoever sends it: a web page, a name that is not this machine's, another user."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_CONNECTION_SECONDS
    # An answer leaves in two writes, headers and body: Nagle's algorithm would hold back the second
    disable_nagle_algorithm = True
    server: "_HttpServer"

    def _serve(self) -> None:
        started = time.monotonic()
        response: Response | Takeover
        try:
            response = self.server.application.answer(self._read_request())
        except _RefusedError as refused:
            # The body stays unread, so this connection cannot carry another request.
            self.close_connection = True
            response = Response.of_json(
                {"detail": str(refused)}, refused.status, {"Connection": "close"}
            )
        except _ForeignError as foreign:
            self.close_connection = True
            LOG.warning("%s %s refused: %s", self.command, self._shown_path(), foreign)
            # As ComfyUI answers such a request.
            response = Response(403, b"", None, {"Connection": "close"})
        except ConnectionDropped:
            self._drop()
            return
        if isinstance(response, Takeover):
            self.close_connection = True
            response.serve(self.connection)
            return
        self._write(response)
        LOG.info(
            "%s %s %d %.3f s",
            self.command,
            self._shown_path(),
            response.status,
            time.monotonic() - started,
        )

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class's names
    do_PATCH = do_OPTIONS = do_HEAD = _serve  # noqa: N815

    def _read_request(self) -> Request:
        url = urlsplit(self.path)
        path = self._path_behind_secret(url.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        any_host = self.server.server_address[0] != LOOPBACK
        own_pages = self.server.own_pages
        if (why := foreign_request(headers, own_pages=own_pages, any_host=any_host)) is not None:
            raise _ForeignError(why)
        return Request(
            method=self.command,
            path=path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=headers,
            body=self.rfile.read(self._body_length()),
        )

    def _shown_path(self) -> str:
        path = self.path.partition("?")[0]
        return path.replace(f"/{self.server.secret}/", "/", 1) if self.server.secret else path

    def _path_behind_secret(self, path: str) -> str:
        secret = self.server.secret
        if not secret:
            return path
        _, first, rest = [*path.split("/", 2), "", ""][:3]
        # In constant time: no other user of the machine learns of it letter by letter.
        if not hmac.compare_digest(first.encode("utf-8", "replace"), secret.encode()):
            raise _ForeignError("the path does not begin with this server's secret")
        return f"/{rest}"

    def _body_length(self) -> int:
        if "transfer-encoding" in self.headers:
            raise _RefusedError(411, "send a Content-Length: chunked bodies are not read")
        text = self.headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()):
            raise _RefusedError(400, "Content-Length is not a number")
        if int(text) > MAX_BODY_BYTES:
            raise _RefusedError(413, f"the body is over {MAX_BODY_BYTES} bytes")
        return int(text)

    def _write(self, response: Response) -> None:
        body = response.body
        if response.truncated:
            body = body[: len(body) // 2]
            self.close_connection = True
        if any(map(_CONTROL_CHARACTERS.search, response.headers.values())):
            # aiohttp 3.14.5 raises for such a header and closes the connection: tried.
            self._drop()
            return
        try:
            self.send_response(response.status)
            if response.content_type is not None:
                self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
            for name, value in response.headers.items():
                # Raw UTF-8, as aiohttp 3.14.5 writes it; http.server encodes in Latin-1.
                self.send_header(name, value.encode("utf-8", "replace").decode("latin-1"))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            # The client went away while the job ran; the job is done all the same.
            self.close_connection = True

    def _drop(self) -> None:
        self.close_connection = True
        _cut_off(self.connection)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Says nothing: `_serve` logs each request, without the secret."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        LOG.debug(format, *args)


def _cut_off(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        LOG.debug("the connection is closed already")


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    # A request that hangs on purpose must not hold up the end of the server.
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], application: Application, *, own_pages: bool
    ) -> None:
        self.application = application
        self.own_pages = own_pages
        self.secret = ""
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._connections_lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Free the port and cut off every connection, as the end of a process does."""
        super().server_close()
        self.cut_off_all()

    def cut_off_all(self) -> None:
        """Cut off every connection, as the end of a process does."""
        with self._connections_lock:
            for connection in self._connections:
                _cut_off(connection)


class SimulatorServer:
    """An application behind HTTP on one port.

    As a context manager it serves from a thread of its own; ``serve_forever`` serves from the
    caller's thread.
    """

    def __init__(
        self,
        application: Application,
        host: str = LOOPBACK,
        port: int = 0,
        *,
        own_pages: bool = True,
    ) -> None:
        """Bind the port.

        Args:
            application: What answers the requests.
            host: Address to bind.
            port: Port to bind; 0 takes a free one.
            own_pages: Whether pages of the server's own origin are served, as a runtime's are.

        Raises:
            OSError: The port is taken or the address is not this machine's.
        """
        self._application = application
        self._http = _HttpServer((host, port), application, own_pages=own_pages)
        self._host = host
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens, as ``http://host:port`` without a trailing slash."""
        return f"http://{self._host}:{self.port}"

    def require(self, secret: str) -> None:
        """From now on answer only what comes with a secret as the first part of its path.

        A real runtime asks nobody who he is; this keeps other users of the machine out of one that
        stands in for it, and its clients see an ordinary base URL.

        Args:
            secret: Letters that need no escape in a URL; empty for none.
        """
        self._http.secret = secret

    def serve_forever(self) -> None:
        """Serve until the process is told to stop."""
        try:
            self._http.serve_forever()
        finally:
            self._application.close()
            self._http.server_close()

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(
            target=self._http.serve_forever,
            kwargs={"poll_interval": 0.02},
            name=f"simulator-{self.port}",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port; requests under way are cut off."""
        self._application.close()
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
