"""`easel trace`: where a task's time went, as a tree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_cli.target_source import local_home
from easel_cli.tasks import TasksApi, open_api
from easel_cli.trace_sources import Span, collected_spans, recorded_spans, xray_spans
from easel_contract.plain_text import printable, printable_json
from easel_contract.tasks_api import TaskView
from easel_deploy.command_line import StackOptions
from easel_deploy.exit_status import ExitStatus

COLLECTOR_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""OpenTelemetry's own: https://opentelemetry.io/docs/specs/otel/protocol/exporter/"""
COLLECTOR_FILE = "collector"
"""In the local stack's folder: where its collector listens, if it has one (`make up TRACES=1`)."""

_BAR_CELLS = 24
_SHOWN_GAP_SECONDS = 0.05
_MAX_LINES = 500


@dataclass(frozen=True, kw_only=True)
class TraceOptions(StackOptions):
    """Options of `easel trace`.

    Attributes:
        task: id (its latest task) or uid.
        collector: where a collector on this machine listens; None asks the local stack's, on AWS
            X-Ray.
    """

    task: Annotated[str, typer.Argument(metavar="TASK", help="id (its latest task) or uid")]
    collector: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="of a collector on this machine (default: the local stack's; on AWS X-Ray)",
        ),
    ] = None


class _Told(BaseModel):
    """What `--json` prints."""

    model_config = ConfigDict(frozen=True)

    uid: str
    trace_id: str | None
    source: str
    spans: list[Span]


def trace(options: TraceOptions, target: Target, progress: Progress) -> ExitStatus:
    """Prints a task's phases: of its trace, or as far as its record tells of them."""
    clients = AwsClients(target)
    with open_api(target, clients) as api:
        task = TasksApi(api).find(options.task)
    if task is None:
        progress.say(f"there is no task {printable(options.task)}")
        return ExitStatus.FAILED
    source, spans = _spans(task, options, target, clients)
    if options.json:
        told = _Told(uid=task.uid, trace_id=task.trace_id, source=source, spans=spans)
        print(printable_json(told.model_dump(mode="json")))
    else:
        progress.say("\n".join([_head(task, source), *drawn(spans)][:_MAX_LINES]))
    return ExitStatus.COMPLETED


def _spans(
    task: TaskView, options: TraceOptions, target: Target, clients: AwsClients
) -> tuple[str, list[Span]]:
    collector = options.collector
    if collector is None and target.aws_endpoint_url is not None:
        file = local_home() / COLLECTOR_FILE
        collector = file.read_text().strip() if file.exists() else None
    spans: list[Span] = []
    source = ""
    if task.trace_id is not None and collector:
        source, spans = "collector", collected_spans(collector, task.trace_id)
    elif task.trace_id is not None and target.aws_endpoint_url is None:
        source, spans = "X-Ray", xray_spans(clients.xray(), task.trace_id)
    if spans:
        return source, spans
    # Not traced, not exported yet, or too long ago.
    return "record", recorded_spans(task)


def _head(task: TaskView, source: str) -> str:
    name = f"{task.id} ({task.uid})"
    tries = f"{task.attempts} {'try' if task.attempts == 1 else 'tries'}"
    told = "its record: no trace of it was found" if source == "record" else source
    return printable(f"{name}  {task.status}, {tries}, trace {task.trace_id or 'none'}, by {told}")


def drawn(spans: Sequence[Span]) -> Iterator[str]:
    """Draws spans as a tree, each with its time and its place in the whole.

    Args:
        spans: of one trace; one whose parent is not among them stands at the top.
    """
    if not spans:
        return
    start = min(span.start for span in spans)
    whole = max(max(span.end for span in spans) - start, timedelta(microseconds=1))
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        parent_id = span.parent_id if span.parent_id in known else None
        children.setdefault(parent_id, []).append(span)
    numbers = {span.span_id: index for index, span in enumerate(_attempts(spans), start=1)}
    stack = [(span, "", "") for span in reversed(children.get(None, []))]
    seen: set[str] = set()
    while stack:
        span, branch, indent = stack.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        yield _line(span, branch, start, whole, numbers)
        following = _with_gaps(children.get(span.span_id, []))
        for index, child in reversed(list(enumerate(following))):
            is_last = index == len(following) - 1
            fork, trunk = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
            stack.append((child, indent + fork, indent + trunk))


def _attempts(spans: Sequence[Span]) -> list[Span]:
    found = [span for span in spans if span.name == "attempt"]
    return sorted(found, key=lambda span: span.start)


def _with_gaps(spans: list[Span]) -> list[Span]:
    """Spans of one parent, with what lies between them as spans of their own."""
    found: list[Span] = []
    latest: datetime | None = None
    for span in spans:
        if latest is not None and (span.start - latest).total_seconds() >= _SHOWN_GAP_SECONDS:
            found.append(
                Span(span_id=f"before {span.span_id}", name="(waits)", start=latest, end=span.start)
            )
        found.append(span)
        latest = max(latest or span.end, span.end)
    return found


def _line(
    span: Span, branch: str, start: datetime, whole: timedelta, numbers: dict[str, int]
) -> str:
    name = printable(span.name)
    if span.span_id in numbers:
        name += f" {numbers[span.span_id]}"
    begin = round((span.start - start) / whole * _BAR_CELLS)
    length = max(1, round((span.end - span.start) / whole * _BAR_CELLS))
    bar = (" " * min(begin, _BAR_CELLS - 1) + "█" * length)[:_BAR_CELLS]
    seconds = (span.end - span.start).total_seconds()
    line = f"{branch + name:<24} {seconds:9.3f} s  ▕{bar:<{_BAR_CELLS}}▏"
    return f"{line} {_outcome(span, numbers)}".rstrip()


def _outcome(span: Span, numbers: dict[str, int]) -> str:
    words = []
    if (returned := span.attributes.get("easel.returned")) is not None:
        words.append(f"given back: {returned}")
    if (status := span.attributes.get("easel.status")) is not None:
        error = span.attributes.get("error.type")
        words.append(f"{status} ({error})" if error else status)
    words += [f"after attempt {numbers[link]}" for link in span.links if link in numbers]
    return printable(", ".join(words))
