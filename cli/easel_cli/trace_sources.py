"""Where the spans of a task come from: a collector on this machine, X-Ray, or the task's record."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import requests
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from easel_contract.tasks_api import TaskView

_TIMEOUT_SECONDS = 5.0


class Span(BaseModel):
    """A phase of a task, or what contains phases."""

    model_config = ConfigDict(frozen=True)

    span_id: str
    parent_id: str | None = None
    name: str
    start: datetime
    end: datetime
    has_failed: bool = False
    attributes: dict[str, str] = {}
    links: list[str] = []
    """Ids of spans: of an attempt, the one before."""


class TraceReader(Protocol):
    """boto3's client of X-Ray, as far as it is used here."""

    def batch_get_traces(self, *, TraceIds: list[str]) -> dict[str, Any]:  # noqa: N803
        """Returns `Traces`, each with its `Segments`."""


_SPANS = TypeAdapter(dict[str, list[Span]])


def collected_spans(url: str, trace_id: str) -> list[Span]:
    """Asks the local stack's collector (`easel_local.collector`).

    Raises:
        requests.RequestException: it does not answer, or not as that collector does.
    """
    with requests.Session() as http:
        http.trust_env = False
        answer = http.get(f"{url.rstrip('/')}/traces/{trace_id}", timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    try:
        return _SPANS.validate_json(answer.content).get("spans", [])
    except ValidationError as error:
        raise requests.RequestException(
            f"{url} is no collector of the local stack; give its address by --collector"
        ) from error


def xray_spans(client: TraceReader, trace_id: str) -> list[Span]:
    """Asks X-Ray for a trace.

    https://docs.aws.amazon.com/xray/latest/api/API_BatchGetTraces.html

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: it did not answer.
    """
    answer = client.batch_get_traces(TraceIds=[f"1-{trace_id[:8]}-{trace_id[8:]}"])
    found: list[Span] = []
    for trace in answer.get("Traces", []):
        for segment in trace.get("Segments", []):
            found += _of_segment(json.loads(segment["Document"]), None)
    return found


def _of_segment(document: dict[str, Any], parent_id: str | None) -> Iterator[Span]:
    """Reads a segment, and the segments in it.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
    """
    start = datetime.fromtimestamp(document["start_time"], UTC)
    metadata = document.get("metadata", {}).get("default", {}) | document.get("annotations", {})
    yield Span(
        span_id=document["id"],
        parent_id=document.get("parent_id", parent_id),
        name=document["name"],
        start=start,
        end=datetime.fromtimestamp(document.get("end_time", document["start_time"]), UTC),
        has_failed=bool(document.get("fault") or document.get("error")),
        # As annotations the names have underscores.
        attributes={
            name.replace("easel_", "easel.").replace("error_type", "error.type"): str(value)
            for name, value in metadata.items()
        },
        links=[link["id"] for link in document.get("links", []) if "id" in link],
    )
    for part in document.get("subsegments", []):
        yield from _of_segment(part, document["id"])


def recorded_spans(task: TaskView) -> list[Span]:
    """What the record of a task tells: the whole, its wait, and the phases of its last try."""
    end = task.finished_at or datetime.now(UTC)
    found = [
        Span(
            span_id="task",
            name="task",
            start=task.created_at,
            end=max(end, task.created_at),
            attributes={"easel.status": str(task.status)},
        )
    ]
    if task.timings is None:
        return found
    timings, at = task.timings, task.created_at
    for name, seconds, begin in (
        ("queue wait", timings.queued_seconds, None),
        ("input fetch", timings.inputs_seconds, None),
        ("inference", timings.generation_seconds, task.started_at),
        ("upload", timings.upload_seconds, None),
    ):
        if seconds is not None:
            start = max(at, begin) if begin else at
            at = start + timedelta(seconds=seconds)
            found.append(Span(span_id=name, parent_id="task", name=name, start=start, end=at))
    return found
