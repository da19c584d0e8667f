"""Traces of tasks by OTLP (docs/adr/0056); imported only where a collector is configured.

The spans of a delivery are made when it has ended, of the moments in its timeline: nothing is done
for them while the runtime works, and a collector that does not answer holds up nobody.
"""

import logging
import random
import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.util.types import AttributeValue

from easel_agent.lease import Lease
from easel_agent.timeline import nanoseconds
from easel_contract.metrics import ReturnReason
from easel_contract.result import TaskResult
from easel_contract.trace import TraceContext, attempt_span_id, task_span_id

logger = logging.getLogger(__name__)

_QUEUE_SPANS, _BATCH_SPANS = 2048, 512
"""Bounds of what waits for a collector that does not answer; the oldest is dropped."""
_DELAY_MILLISECONDS = 2000
_POST_SECONDS = 5

Attributes = Mapping[str, AttributeValue]
Period = tuple[int, int]
_NO_ATTRIBUTES: Attributes = {}
_UNSET = Status()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class _Place(NamedTuple):
    """Where a span belongs; without a parent it stands at the top of its trace."""

    trace_id: int
    span_id: int
    parent_id: int | None


class OtlpTraces:
    """Sends spans to the collector that OpenTelemetry's own variables name.

    https://opentelemetry.io/docs/specs/otel/protocol/exporter/ (OTEL_EXPORTER_OTLP_ENDPOINT)
    """

    def __init__(self, stack: str, runtime_name: str) -> None:
        self._runtime_name = runtime_name
        self._spans = _Spans(stack)

    def ended(self, lease: Lease, result: TaskResult) -> None:
        """See `Traces`."""
        error = str(result.error.code) if result.error else None
        outcome = {"easel.status": str(result.status)} | ({"error.type": error} if error else {})
        try:
            spans = _TaskSpans(lease, self._spans)
            spans.task(outcome | {"easel.runtime": self._runtime_name}, error)
            spans.attempt(outcome, counts=True)
        except Exception:
            logger.exception("a task was not traced", extra={"task_uid": lease.uid})

    def returned(self, lease: Lease, reason: ReturnReason, *, counts: bool) -> None:
        """See `Traces`."""
        try:
            _TaskSpans(lease, self._spans).attempt({"easel.returned": str(reason)}, counts=counts)
        except Exception:
            logger.exception("a try was not traced", extra={"task_uid": lease.uid})

    def close(self, seconds: float) -> None:
        """See `Traces`."""
        self._spans.close(seconds)


class _Spans:
    """Makes spans of what is known of them, and has them exported."""

    def __init__(self, stack: str) -> None:
        self._resource = Resource.create({SERVICE_NAME: "easel-agent", SERVICE_NAMESPACE: stack})
        self._scope = InstrumentationScope("easel_agent")
        self._processor = BatchSpanProcessor(
            OTLPSpanExporter(timeout=_POST_SECONDS),
            max_queue_size=_QUEUE_SPANS,
            max_export_batch_size=_BATCH_SPANS,
            schedule_delay_millis=_DELAY_MILLISECONDS,
        )

    def add(
        self,
        name: str,
        period: Period,
        place: _Place,
        attributes: Attributes,
        *,
        links: Sequence[Link] = (),
        error: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        """Adds a span that has ended.

        Args:
            name: of the phase.
            period: its begin and its end, in nanoseconds since 1970.
            place: of the span.
            attributes: of the span.
            links: to other spans.
            error: the code of the error that it ended with.
            kind: of the span.
        """
        (start, end), parent = period, place.parent_id
        # Made whole: a tracer's spans, which begin and end now, cost twice the time.
        span = ReadableSpan(
            name,
            context=_context(place.trace_id, place.span_id),
            parent=None if parent is None else _context(place.trace_id, parent),
            resource=self._resource,
            attributes=attributes,
            links=links,
            kind=kind,
            status=_UNSET if error is None else Status(StatusCode.ERROR, error),
            start_time=start,
            end_time=max(start, end),
            instrumentation_scope=self._scope,
        )
        self._processor.on_end(span)

    def close(self, seconds: float) -> None:
        """Sends the rest, for so long at most."""
        closing = threading.Thread(target=self._processor.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(seconds)


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=_SAMPLED)


class _TaskSpans:
    """The spans of one delivery, which has ended."""

    def __init__(self, lease: Lease, spans: _Spans) -> None:
        self._lease = lease
        self._spans = spans
        uid = lease.uid
        place = TraceContext.of_message(lease.task.trace, uid)
        self._trace_id = int(place.trace_id, 16)
        self._task_id = int(task_span_id(uid), 16)
        parent_id = int(place.span_id, 16)
        self._parent_id = None if parent_id == self._task_id else parent_id
        self._common: Attributes = {"easel.task.uid": uid}

    def task(self, outcome: Attributes, error: str | None) -> None:
        """The whole task, from its acceptance to its callback."""
        metadata, timeline = self._lease.task.metadata, self._lease.timeline
        attributes: Attributes = {
            "easel.task.id": metadata.id,
            "easel.tasktype": str(metadata.tasktype),
            "easel.attempts": self._lease.attempts,
        }
        end = timeline.at(timeline.announced or timeline.received)
        self._spans.add(
            "task",
            (nanoseconds(self._lease.accepted_at.timestamp()), end),
            _Place(self._trace_id, self._task_id, self._parent_id),
            {**self._common, **attributes, **outcome},
            error=error,
            # To X-Ray a segment; a part of nothing would be shown nowhere.
            kind=SpanKind.SERVER,
        )

    def attempt(self, outcome: Attributes, *, counts: bool) -> None:
        """One try, its phases, and what came before the first one."""
        lease, timeline = self._lease, self._lease.timeline
        number = lease.attempts
        if number <= 1:
            self._before(timeline.at(timeline.received))
        span_id = int(attempt_span_id(lease.uid, number), 16) if counts else _random_id()
        phases = self._phases()
        links = []
        if number > 1:
            earlier = int(attempt_span_id(lease.uid, number - 1), 16)
            links = [Link(_context(self._trace_id, earlier), {"easel.link": "earlier attempt"})]
        self._spans.add(
            "attempt",
            (timeline.at(timeline.received), phases[-1][2]),
            _Place(self._trace_id, span_id, self._task_id),
            {**self._common, "easel.attempt": number, **outcome},
            links=links,
        )
        for name, start, end in phases:
            self._phase(name, start, end, span_id)

    def _before(self, received: int) -> None:
        created = min(nanoseconds(self._lease.accepted_at.timestamp()), received)
        # The clocks of intake, SQS and this machine differ.
        told = nanoseconds(self._lease.message.sent_at.timestamp())
        sent = min(max(told, created), received)
        self._phase("accept", created, sent, self._task_id)
        self._phase("queue wait", sent, received, self._task_id)

    def _phases(self) -> list[tuple[str, int, int]]:
        """Name, begin and end of each phase that has ended, and of the one that was cut off."""
        timeline, start = self._lease.timeline, self._lease.timeline.received
        found = []
        for name, end in (
            ("input fetch", timeline.ready),
            ("turn wait", timeline.begun),
            ("inference", timeline.generated),
            ("upload", timeline.stored),
            ("announce", timeline.announced),
        ):
            if end is not None:
                found.append((name, timeline.at(start), timeline.at(end)))
                start = end
        received = timeline.at(timeline.received)
        return found or [("input fetch", received, received)]

    def _phase(self, name: str, start: int, end: int, parent_id: int) -> None:
        place = _Place(self._trace_id, _random_id(), parent_id)
        self._spans.add(name, (start, end), place, _NO_ATTRIBUTES)


def _random_id() -> int:
    return random.getrandbits(64) or 1
