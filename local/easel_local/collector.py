"""A collector of traces on this machine: takes OTLP over HTTP, keeps the newest traces in memory.

    POST /v1/traces            https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
    GET  /traces/<trace id>    {"spans": [...]}, each an `easel_cli.trace_sources.Span`

`python -m easel_local.collector --port 4318`: 4318 is OTLP's own port.
"""

import argparse
import gzip
import json
import sys
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from easel_cli.trace_sources import Span
from easel_local.ports import LOOPBACK

MAX_TRACES = 1000
MAX_SPANS = 200
"""Of one trace: a task of many tries."""
_MAX_BODY_BYTES = 4 * 1024 * 1024
_NANOSECONDS = 1_000_000_000


class Collector:
    """Keeps spans by their trace; of a span that comes twice the first stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: OrderedDict[str, dict[str, Span]] = OrderedDict()

    def take(self, body: bytes) -> None:
        """Takes an export.

        Raises:
            ValueError: it is none.
        """
        try:
            request = ExportTraceServiceRequest.FromString(body)
        except DecodeError as error:
            raise ValueError("not an ExportTraceServiceRequest") from error
        with self._lock:
            for trace_id, span in _spans_of(request):
                spans = self._traces.setdefault(trace_id, {})
                self._traces.move_to_end(trace_id)
                if len(spans) < MAX_SPANS:
                    spans.setdefault(span.span_id, span)
            while len(self._traces) > MAX_TRACES:
                self._traces.popitem(last=False)

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of a trace; none where it is not known."""
        with self._lock:
            return list(self._traces.get(trace_id, {}).values())


def _spans_of(request: ExportTraceServiceRequest) -> Iterator[tuple[str, Span]]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield span.trace_id.hex(), _span(span)


def _span(span: OtlpSpan) -> Span:
    attributes: dict[str, str] = {}
    for entry in span.attributes:
        kind = entry.value.WhichOneof("value")
        attributes[entry.key] = str(getattr(entry.value, kind)) if kind else ""
    return Span(
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        start=datetime.fromtimestamp(span.start_time_unix_nano / _NANOSECONDS, UTC),
        end=datetime.fromtimestamp(span.end_time_unix_nano / _NANOSECONDS, UTC),
        has_failed=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=attributes,
        links=[link.span_id.hex() for link in span.links],
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "CollectorServer"

    def do_POST(self) -> None:
        if not self._is_ours():
            return
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != "/v1/traces" or length > _MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"POST /v1/traces, 4 MiB at most\n")
            return
        body = self.rfile.read(length)
        try:
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self.server.collector.take(body)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", f"{error}\n".encode())
            return
        # An empty ExportTraceServiceResponse: everything was taken.
        self._answer(HTTPStatus.OK, "application/x-protobuf", b"")

    def do_GET(self) -> None:
        if not self._is_ours():
            return
        trace_id = self.path.removeprefix("/traces/")
        spans = self.server.collector.trace(trace_id)
        body = json.dumps({"spans": [span.model_dump(mode="json") for span in spans]})
        self._answer(HTTPStatus.OK, "application/json", body.encode())

    def _is_ours(self) -> bool:
        """Whether a program of this machine asks; a web page is refused."""
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if "Origin" not in self.headers and host in {LOOPBACK, "localhost"}:
            return True
        self.close_connection = True
        self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"for programs of this machine\n")
        return False

    def log_message(self, *_: Any) -> None:
        """Logs nothing: every export would be a line."""

    def _answer(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class CollectorServer(ThreadingHTTPServer):
    """Serves a collector on this machine alone.

    Attributes:
        collector: what came.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.collector = Collector()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"


def main() -> int:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m easel_local.collector", description=__doc__)
    parser.add_argument("--port", type=int, default=4318)
    CollectorServer(parser.parse_args().port).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
