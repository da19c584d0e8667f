"""`easel trace` draws what a collector, X-Ray or a record tells; no terminal obeys any of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from easel_cli.trace import drawn
from easel_cli.trace_sources import Span, recorded_spans, xray_spans
from easel_contract.record import TaskStatus
from easel_contract.result import Timings
from easel_contract.task import TaskType
from easel_contract.tasks_api import TaskView
from easel_contract.trace import TraceContext, task_span_id
from easel_contract.uid import new_uid
from easel_contract.usage import Usage

pytestmark = pytest.mark.unit

START = datetime(2026, 11, 29, 8, tzinfo=UTC)


def span(name: str, begin: float, end: float, parent: str | None = None, **more: Any) -> Span:
    return Span(
        span_id=more.pop("span_id", name),
        parent_id=parent,
        name=name,
        start=START + timedelta(seconds=begin),
        end=START + timedelta(seconds=end),
        **more,
    )


def test_a_gap_between_two_phases_is_a_line() -> None:
    lines = list(
        drawn([span("task", 0, 10, "lambda"), span("b", 8, 10, "task"), span("a", 0, 2, "task")])
    )
    assert [line[:34].split() for line in lines] == [
        ["task", "10.000"],
        ["├─", "a", "2.000"],
        ["├─", "(waits)", "6.000"],
        ["└─", "b", "2.000"],
    ]


def test_spans_that_are_each_others_parents_end_the_drawing() -> None:
    assert list(drawn([span("a", 0, 1, "b"), span("b", 0, 1, "a")])) == []
    assert len(list(drawn([span("a", 0, 1, None), span("a", 0, 1, "a")]))) == 1


def test_no_name_reaches_the_terminal_as_it_is() -> None:
    evil = span("\x1b]0;x\x07", 0, 1, attributes={"easel.status": "\x1b[2J"})
    assert "\x1b" not in "".join(drawn([evil]))


def test_x_rays_segments_are_spans() -> None:
    inner = {"id": "b" * 16, "name": "inference", "start_time": 1.5, "end_time": 2.0}
    document = {
        "id": "a" * 16,
        "name": "easel-agent",
        "start_time": 1.0,
        "end_time": 3.0,
        "annotations": {"easel_status": "failed", "error_type": "runtime_failed"},
        "fault": True,
        "subsegments": [inner],
    }

    class Reader:
        def batch_get_traces(self, *, TraceIds: list[str]) -> dict[str, Any]:  # noqa: N803
            assert TraceIds == ["1-5759e988-bd862e3fe1be46a994272793"]
            return {"Traces": [{"Segments": [{"Document": json.dumps(document)}]}]}

    outer, phase = xray_spans(Reader(), "5759e988bd862e3fe1be46a994272793")
    assert (outer.has_failed, phase.parent_id) == (True, outer.span_id)
    assert "failed (runtime_failed)" in next(drawn([outer, phase]))


def test_a_record_tells_the_phases_of_the_last_try() -> None:
    task = TaskView(
        uid=new_uid(),
        id="a",
        runtime="r",
        tasktype=TaskType.PIPELINE,
        status=TaskStatus.COMPLETED,
        attempts=2,
        created_at=START,
        started_at=START + timedelta(seconds=5),
        finished_at=START + timedelta(seconds=9),
        output_location="s3://b/p/a",
        timings=Timings(
            queued_seconds=4, inputs_seconds=0.5, generation_seconds=3, upload_seconds=1
        ),
        usage=Usage(),
    )
    found = {one.name: (one.start - START, one.end - START) for one in recorded_spans(task)}
    assert {
        name: (begin.total_seconds(), end.total_seconds()) for name, (begin, end) in found.items()
    } == {
        "task": (0, 9),
        "queue wait": (0, 4),
        "input fetch": (4, 4.5),
        "inference": (5, 8),
        "upload": (8, 9),
    }


@pytest.mark.parametrize(
    "trace",
    [
        None,
        {},
        {"traceparent": "00-" + "0" * 32 + "-" + "1" * 16 + "-01"},
        {"traceparent": "ff-" + "1" * 32 + "-" + "1" * 16 + "-01"},
        {"X-Amzn-Trace-Id": "Root=1-abc;Parent=1"},
        {"X-Amzn-Trace-Id": "Root=1-00000000-" + "0" * 24},
    ],
)
def test_a_message_without_a_good_trace_gets_the_same_one_at_every_delivery(
    trace: dict[str, str] | None,
) -> None:
    uid = new_uid()
    context = TraceContext.of_message(trace, uid)
    assert context == TraceContext.of_message(trace, uid)
    assert context.span_id == task_span_id(uid)
    assert abs(int(context.trace_id[:8], 16) - datetime.now(UTC).timestamp()) < 60


def test_a_trace_that_x_ray_does_not_record_has_no_parent_there() -> None:
    uid = new_uid()
    root = "Root=1-5759e988-bd862e3fe1be46a994272793"
    told = TraceContext.of_xray(f"{root};Parent=53995c3f42cd8ad8;Sampled=0", uid)
    assert told == TraceContext("5759e988bd862e3fe1be46a994272793", task_span_id(uid))
    assert TraceContext.of_message(TraceContext.new(uid).headers(), uid).span_id == told.span_id
