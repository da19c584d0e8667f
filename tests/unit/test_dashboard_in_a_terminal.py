"""`easel dashboard`: the body that Terraform makes, asked of CloudWatch; a local stack's API."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from PIL import Image
from rich.console import Console

from easel_cli.dashboard.body import DashboardError, Widget, read_body
from easel_cli.dashboard.figures import Row, rows_of_cloudwatch
from easel_cli.dashboard.local_figures import rows_of_api
from easel_cli.dashboard.screen import lines_of, spark, table_of
from easel_cli.submit import RefusedError

pytestmark = pytest.mark.unit

BODY = Path(__file__).resolve().parents[2] / "docs" / "dashboard" / "body.json"
NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)


@pytest.fixture
def widgets() -> list[Widget]:
    return read_body(BODY.read_text())


def test_the_first_figure_is_a_sum_over_all_runtimes(widgets: list[Widget]) -> None:
    first = widgets[0]
    assert first.is_figure
    total, *parts = first.series
    names = {part.query["Id"] for part in parts}
    assert len(names) == 2
    assert all(name in total.query["Expression"] for name in names)
    assert [total.visible, *(part.visible for part in parts)] == [True, False, False]
    stat = parts[0].query["MetricStat"]
    assert (stat["Metric"]["Namespace"], stat["Stat"], stat["Period"]) == ("easel", "Sum", 3600)
    assert stat["Metric"]["Dimensions"] == [
        {"Name": "Stack", "Value": "easel"},
        {"Name": "Runtime", "Value": "comfyui"},
    ]


def test_ids_are_of_one_request(widgets: list[Widget]) -> None:
    ids = [series.query["Id"] for widget in widgets for series in widget.series]
    assert len(ids) == len(set(ids)) > 60


def test_functions_of_metric_math_keep_their_names(widgets: list[Widget]) -> None:
    expressions = [
        series.query["Expression"]
        for widget in widgets
        for series in widget.series
        if "Expression" in series.query
    ]
    assert any(text.startswith("SUM([w") for text in expressions)
    assert any(text.startswith("1000 * w") for text in expressions)


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        '{"widgets": [{"type": "metric", "properties": {"metrics": [["one"]]}}]}',
        '{"widgets": [{"type": "metric", "properties": {"metrics": [["n", "m", "d"]]}}]}',
        '{"widgets": [{"type": "metric", "properties": {"metrics": ["one"]}}]}',
    ],
)
def test_what_somebody_changed_is_told_of(body: str) -> None:
    with pytest.raises(DashboardError, match="make apply"):
        read_body(body)


def test_the_picture_of_the_documents_is_of_this_body() -> None:
    """Else: .venv/bin/python scripts/draw-dashboard."""
    with Image.open(BODY.with_suffix(".png")) as picture:
        drawn_of = picture.info["Source"]
    assert drawn_of == hashlib.sha256(BODY.read_bytes()).hexdigest()


def cloudwatch() -> Any:
    connect: Any = boto3.client
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return connect("cloudwatch", region_name="us-east-1", config=Config(), **keys)


def test_values_of_all_pages_are_read() -> None:
    client = cloudwatch()
    queries = [s.query for widget in read_body(BODY.read_text()) for s in widget.series]
    shown = queries[0]["Id"]
    with Stubber(client) as stub:
        stub.add_response("get_dashboard", {"DashboardBody": BODY.read_text()})
        for values, more in (([1.0, 2.0], "more"), ([3.0], None)):
            answer = {"MetricDataResults": [{"Id": shown, "Values": values}]}
            stub.add_response("get_metric_data", answer | ({"NextToken": more} if more else {}))
        rows = rows_of_cloudwatch(client, "easel")
        stub.assert_no_pending_responses()
    assert rows[0] == Row("Tasks accepted, 1 h", "", (1.0, 2.0, 3.0))
    assert rows[1].values == ()
    assert {row.label for row in rows} >= {"sdruntime p95", "comfyui p99", "5XXError"}
    assert not [row for row in rows if row.label.startswith("w")]


def test_no_request_asks_for_more_than_cloudwatch_takes() -> None:
    """40 runtimes, as many as a dashboard shows."""
    one = json.loads(BODY.read_text())["widgets"][7]
    metrics = [["AWS/SQS", "Age", "QueueName", f"q{number}", {}] for number in range(120)]
    widget = one | {"properties": one["properties"] | {"metrics": metrics}}
    client = Mock()
    client.get_dashboard.return_value = {"DashboardBody": json.dumps({"widgets": [widget] * 9})}
    client.get_paginator.return_value.paginate.return_value = []
    assert len(rows_of_cloudwatch(client, "easel")) == 9 * 120
    calls = client.get_paginator.return_value.paginate.call_args_list
    sizes = [len(call.kwargs["MetricDataQueries"]) for call in calls]
    assert sizes == [480, 480, 120]


def test_a_dashboard_that_is_gone_is_told_of() -> None:
    client = cloudwatch()
    with Stubber(client) as stub:
        stub.add_client_error("get_dashboard", "ResourceNotFound")
        with pytest.raises(DashboardError, match="There is no dashboard easel"):
            rows_of_cloudwatch(client, "easel")


# -- a local stack ----------------------------------------------------------------------------


def task(number: int, **over: Any) -> dict[str, Any]:
    begin = NOW + timedelta(seconds=number)
    return {
        "uid": f"uid{number}",
        "id": f"task{number}",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "status": "completed",
        "attempts": 1,
        "created_at": begin.isoformat(),
        "finished_at": (begin + timedelta(seconds=number)).isoformat(),
        "output_location": "s3://bucket/outputs/task",
        "timings": {"queued_seconds": 1.0, "generation_seconds": 2.0 * number},
        "usage": {"gpu_seconds": 1.0, "pictures": 1, "cost": 0.25, "currency": "USD"},
    } | over


class Api:
    """Answers two paths."""

    def __init__(self, tasks: list[dict[str, Any]], *, ok: bool = True) -> None:
        runtime = {"name": "sdruntime", "type": "sdwebui", "tasks_running": 2}
        runtime |= {"tasks_waiting": "100+", "oldest_waiting_seconds": 7.5}
        self.answers = {
            "v1alpha2/runtimes": {"runtimes": [runtime]},
            "v1alpha2/tasks": {"tasks": tasks, "cursor": None},
        }
        self.ok = ok

    def get(self, path: str, _: dict[str, str]) -> Any:
        answer = Mock(ok=self.ok, status_code=200 if self.ok else 401, text="{}")
        answer.content = json.dumps(self.answers[path]).encode()
        return answer


def test_a_local_stack_is_read_from_its_api() -> None:
    api: Any = Api([*(task(number) for number in range(1, 101)), task(200, status="failed")])
    rows = {(row.group, row.label): row.values for row in rows_of_api(api)}
    assert rows["Tasks accepted, 1 h", ""] == (101.0,)
    assert rows["Tasks failed, 1 h", ""] == (1.0,)
    assert rows["GPU cost, 1 h", ""] == (101 * 0.25,)
    assert rows["Age of the oldest task", "sdruntime"] == (7.5,)
    assert rows["Tasks waiting, and in work", "sdruntime waiting"] == (100.0,)
    assert rows["Acceptance to callback", "sdruntime p50"] == (51.0,)
    assert rows["Acceptance to callback", "sdruntime p99"] == (100.0,)
    assert rows["Where the time goes, mean", "sdruntime waiting"] == (1.0,)


def test_a_task_that_still_runs_has_no_time_yet() -> None:
    api: Any = Api([task(1, status="running", finished_at=None, timings=None)])
    groups = {row.group for row in rows_of_api(api)}
    assert "Acceptance to callback" not in groups


def test_a_refusal_of_the_api_is_told() -> None:
    api: Any = Api([], ok=False)
    with pytest.raises(RefusedError):
        rows_of_api(api)


# -- on the screen ----------------------------------------------------------------------------


def shown(rows: list[Row]) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(table_of(rows, "here"))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_title_stands_once_and_text_from_outside_is_text() -> None:
    text = shown([Row("Age", "[red]one\x1b", (1.0, 2.5)), Row("Age", "two", ())])
    assert text.count("Age") == 1
    assert "[red]one" in text
    assert "\x1b" not in text
    assert "2.50" in text
    assert "-" in text


def test_the_way_there_is_drawn_from_nought() -> None:
    assert spark([0, 5, 10]) == "▁▅█"
    assert spark([7.0, 7.0]) == "██"
    assert spark([0, 0]) == "▁▁"
    assert spark([1.0]) == ""
    assert len(spark([1.0] * 100)) == 36


def test_programs_get_a_line_a_row() -> None:
    first, second = map(json.loads, lines_of([Row("a", "b", (1.0, 2.0)), Row("c", "", ())]))
    assert first == {"group": "a", "label": "b", "now": 2.0, "values": [1.0, 2.0]}
    assert second["now"] is None
