"""The trace that a task belongs to: its id and its parent, as they stand in the task's message.

The context travels in the body, as SNS hands none of its attributes on to SQS under raw delivery
together with all of ours, and a message published by hand has none. Both forms name the same trace:

    traceparent      00-<32 hex digits>-<16 hex digits>-01     https://www.w3.org/TR/trace-context/
    X-Amzn-Trace-Id  Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1
                     https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from easel_contract.uid import created_at_of

TRACEPARENT = "traceparent"
XRAY_HEADER = "X-Amzn-Trace-Id"

_TRACEPARENT = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
_XRAY_ROOT = re.compile(r"(?:^|;)Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)")
_XRAY_PARENT = re.compile(r"(?:^|;)Parent=([0-9a-f]{16})(?:;|$)")
_XRAY_SAMPLED = re.compile(r"(?:^|;)Sampled=1(?:;|$)")


def task_span_id(uid: str) -> str:
    """Returns the id of a task's own span, under which its attempts stand."""
    return _digits(f"{uid}/task", 16)


def attempt_span_id(uid: str, attempt: int) -> str:
    """Returns the id of the span of an attempt, from 1, so that the next one can link to it."""
    return _digits(f"{uid}/{attempt}", 16)


def _digits(text: str, count: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:count]


@dataclass(frozen=True)
class TraceContext:
    """A place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits, not all 0; where easel began the trace, the first eight are
            the time in seconds since 1970, as X-Ray wants them.
        span_id: 16 hexadecimal digits, not all 0: the parent of the task's span, or that itself
            where it has no parent.
    """

    trace_id: str
    span_id: str

    @classmethod
    def new(cls, uid: str) -> Self:
        """Begins a trace of a task that is accepted now."""
        begun = int(datetime.now(UTC).timestamp())
        return cls(f"{begun:08x}{secrets.token_hex(12)}", task_span_id(uid))

    @classmethod
    def of_xray(cls, header: str, uid: str) -> Self | None:
        """Reads X-Ray's header, such as Lambda's `_X_AMZN_TRACE_ID`; None where it is none.

        A parent that X-Ray does not record is none.
        """
        root, parent = _XRAY_ROOT.search(header), _XRAY_PARENT.search(header)
        if root is None:
            return None
        is_recorded = parent is not None and _XRAY_SAMPLED.search(header)
        span_id = parent[1] if parent is not None and is_recorded else task_span_id(uid)
        return cls._valid(root[1] + root[2], span_id)

    @classmethod
    def of_message(cls, headers: Mapping[str, str] | None, uid: str) -> Self:
        """Reads the `trace` of a task's message, which anybody may have written.

        Where nothing in it can be used the trace is the task's own, and the same at every delivery.
        """
        given = headers or {}
        match = _TRACEPARENT.fullmatch(given.get(TRACEPARENT, ""))
        found = None
        if match is not None:
            found = cls._valid(match["trace"], match["span"])
        found = found or cls.of_xray(given.get(XRAY_HEADER, ""), uid)
        begun = int(created_at_of(uid).timestamp()) & 0xFFFFFFFF
        return found or cls(f"{begun:08x}{_digits(f'{uid}/trace', 24)}", task_span_id(uid))

    @classmethod
    def _valid(cls, trace_id: str, span_id: str) -> Self | None:
        return cls(trace_id, span_id) if int(trace_id, 16) and int(span_id, 16) else None

    def headers(self) -> dict[str, str]:
        """Both forms."""
        root = f"1-{self.trace_id[:8]}-{self.trace_id[8:]}"
        return {
            TRACEPARENT: f"00-{self.trace_id}-{self.span_id}-01",
            XRAY_HEADER: f"Root={root};Parent={self.span_id};Sampled=1",
        }
