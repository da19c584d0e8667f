"""A task's trace has all its phases, and nothing between them; retries and cancellations show."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from easel_agent.errors import RuntimeDeadError, TransientError
from easel_agent.otlp_traces import OtlpTraces
from easel_agent.traces import Traces, make_traces
from easel_cli.trace import drawn
from easel_cli.trace_sources import Span
from easel_contract.record import TaskRecord
from easel_contract.trace import TraceContext, attempt_span_id, task_span_id
from easel_local.collector import CollectorServer
from easel_records.cancelling import TaskCancelling

from .agent_world import World, eventually

pytestmark = pytest.mark.unit

PHASES = ["input fetch", "turn wait", "inference", "upload", "announce"]
MOST_DRIFT = 0.05


@pytest.fixture
def collector() -> Iterator[CollectorServer]:
    with CollectorServer(0) as server:
        yield server


@pytest.fixture
def traces(collector: CollectorServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = make_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, "easel", "sdruntime")
    assert isinstance(made, OtlpTraces)
    yield made
    made.close(5)


def ended(world: World, collector: CollectorServer, traces: Traces, record: TaskRecord) -> "Tree":
    """Waits until a task has ended, and its spans have come."""
    world.results(1)
    eventually(world.settled)
    world.worker.stop()
    world.thread.join(10)
    traces.close(5)
    assert record.trace_id is not None
    return Tree(collector.collector.trace(record.trace_id), record)


class Tree:
    def __init__(self, spans: list[Span], record: TaskRecord) -> None:
        self.spans = spans
        self.task = next(span for span in spans if span.name == "task")
        assert self.task.span_id == task_span_id(record.uid)
        self.attempts = self.named("attempt")

    def named(self, name: str) -> list[Span]:
        return sorted((s for s in self.spans if s.name == name), key=lambda span: span.start)

    def under(self, parent: Span) -> list[Span]:
        found = [span for span in self.spans if span.parent_id == parent.span_id]
        return sorted(found, key=lambda span: (span.start, span.end))


def seconds(span: Span) -> float:
    return (span.end - span.start).total_seconds()


def test_the_phases_of_a_task_are_its_whole_time(
    world: World, collector: CollectorServer, traces: Traces, task: dict[str, Any]
) -> None:
    world.runtime.script = [lambda: time.sleep(0.3)]
    record = world.accept(task)
    tree = ended(world, collector, traces, record)
    [attempt] = tree.attempts
    assert [span.name for span in tree.under(attempt)] == PHASES
    assert {span.name for span in tree.under(tree.task)} == {"accept", "queue wait", "attempt"}
    phases = [s for s in tree.spans if s.name not in {"task", "attempt"}]
    assert sum(map(seconds, phases)) == pytest.approx(seconds(tree.task), rel=MOST_DRIFT)
    [inference] = tree.named("inference")
    assert seconds(inference) == pytest.approx(0.3, abs=0.2)
    assert abs(tree.task.start - record.created_at) <= timedelta(microseconds=1)
    assert tree.task.attributes["easel.status"] == "completed"
    assert not tree.task.has_failed
    assert tree.task.parent_id is None


def test_a_retry_is_linked_to_the_try_before(
    world: World, collector: CollectorServer, traces: Traces, task: dict[str, Any]
) -> None:
    world.runtime.script = [TransientError("not now")]
    record = world.accept(task)
    tree = ended(world, collector, traces, record)
    first, second = tree.attempts
    assert [first.span_id, second.span_id] == [attempt_span_id(record.uid, n) for n in (1, 2)]
    assert (first.links, second.links) == ([], [first.span_id])
    assert first.attributes["easel.returned"] == "transient"
    assert [span.name for span in tree.under(first)] == PHASES[:3]
    assert [span.name for span in tree.under(second)] == PHASES
    assert first.end <= second.start
    lines = list(drawn(tree.spans))
    assert [line.split("  ")[0] for line in lines if line[3:10] == "attempt"] == [
        "├─ attempt 1",
        "└─ attempt 2",
    ]
    assert any(line.endswith("completed, after attempt 1") for line in lines)
    assert any(line.endswith("given back: transient") for line in lines)


def test_a_try_that_does_not_count_leaves_its_number_to_the_next(
    world: World, collector: CollectorServer, traces: Traces, task: dict[str, Any]
) -> None:
    record = world.accept(task)
    world.results(1)
    assert record.trace_id is not None
    world.runtime.script = [RuntimeDeadError("gone")]
    other = world.accept(task)
    tree = ended(world, collector, traces, other)
    assert [a.attributes.get("easel.returned") for a in tree.attempts] == ["runtime dead", None]


def test_a_cancelled_task_shows_how_far_it_came(
    world: World, collector: CollectorServer, traces: Traces, task: dict[str, Any]
) -> None:
    world.runtime.script = [world.runtime.wait_until_stopped]
    record = world.accept(task)
    eventually(lambda: bool(world.runtime.done))
    TaskCancelling(world.table).request(record.uid)
    tree = ended(world, collector, traces, record)
    assert tree.task.attributes["easel.status"] == "cancelled"
    assert not tree.task.has_failed
    [attempt] = tree.attempts
    assert "inference" in {span.name for span in tree.under(attempt)}


def test_the_trace_goes_on_where_the_intake_began_it(
    world: World, collector: CollectorServer, traces: Traces, task: dict[str, Any]
) -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    context = TraceContext.of_xray(header, "any")
    assert context is not None
    record = world.accept(task | {"trace": context.headers()})
    tree = ended(world, collector, traces, record)
    assert record.trace_id == "5759e988bd862e3fe1be46a994272793"
    assert tree.task.parent_id == "53995c3f42cd8ad8"


def test_a_collector_that_is_gone_holds_up_nobody(
    world: World, collector: CollectorServer, traces: Traces, task: dict[str, Any]
) -> None:
    collector.stop()
    world.accept(task)
    world.results(1)
    started = time.monotonic()
    traces.close(0.5)
    assert time.monotonic() - started < 2


def test_without_a_collector_nothing_of_opentelemetry_is_imported() -> None:
    program = """
import sys
import easel_agent.__main__
from easel_agent.traces import NoTraces, make_traces
assert isinstance(make_traces({}, "easel", "sdruntime"), NoTraces)
print([name for name in sys.modules if name.startswith(("opentelemetry", "google"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
