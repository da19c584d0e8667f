"""A collector of traces on this machine: takes OTLP over HTTP, keeps the newest traces in memory.

    POST /v1/traces            https://opentelemetry.io/docs/specs/otlp/#otlphttp-request,
                               protobuf, not compressed
    GET  /traces/<trace id>    {"spans": [...]}, each an `easel_cli.trace_sources.Span`

`python -m easel_local.collector --port 4318`: 4318 is OTLP's own port.
"""

import argparse
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from easel_cli.trace_sources import Span
from easel_simulators.server import Request, Response, SimulatorServer

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

    def answer(self, request: Request) -> Response:
        """Takes an export, or tells of a trace."""
        if request.method == "GET" and request.path.startswith("/traces/"):
            spans = self.trace(request.path.removeprefix("/traces/"))
            return Response.of_json({"spans": [span.model_dump(mode="json") for span in spans]})
        if (request.method, request.path) != ("POST", "/v1/traces"):
            return Response(HTTPStatus.NOT_FOUND, b"There is POST /v1/traces.\n", "text/plain")
        if len(request.body) > _MAX_BODY_BYTES:
            return Response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"4 MiB at most\n", "text/plain")
        try:
            self.take(request.body)
        except ValueError as error:
            return Response(HTTPStatus.BAD_REQUEST, f"{error}\n".encode(), "text/plain")
        # An empty ExportTraceServiceResponse: everything was taken.
        return Response(HTTPStatus.OK, b"", "application/x-protobuf")

    def close(self) -> None:
        """Nothing waits."""

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


class CollectorServer(SimulatorServer):
    """Serves a collector to the programs of this machine.

    Attributes:
        collector: what came.
    """

    def __init__(self, port: int) -> None:
        """Binds the port; 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        self.collector = Collector()
        super().__init__(self.collector, port=port, own_pages=False)


def main() -> int:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m easel_local.collector", description=__doc__)
    parser.add_argument("--port", type=int, default=4318)
    CollectorServer(parser.parse_args().port).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
