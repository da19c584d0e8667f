"""What a look at a dashboard shows: rows of values, newest last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from easel_cli.dashboard.body import DashboardError, Widget, read_body

HOURS = 3
"""What is asked for."""
_MOST_QUERIES = 500
"""Of one request: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""


_NO_DASHBOARD = {"DashboardNotFoundError", "ResourceNotFound"}
"""The error's shape and its code: which of them is told depends on the protocol."""


@dataclass(frozen=True)
class Row:
    """One line on the screen.

    Attributes:
        group: title of the widget; the same for rows that stand together.
        label: of the line; empty where the title says it all.
        values: oldest first; empty where there is none.
    """

    group: str
    label: str
    values: tuple[float, ...]


def rows_of_cloudwatch(cloudwatch: Any, name: str) -> list[Row]:
    """Reads a dashboard and the values of all that it shows.

    Args:
        cloudwatch: client.
        name: of the dashboard.

    Raises:
        DashboardError: there is no such dashboard, or it is not as easel makes it.
        botocore.exceptions.ClientError: these credentials may not read it.
    """
    try:
        answer = cloudwatch.get_dashboard(DashboardName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NO_DASHBOARD:
            raise
        raise DashboardError(
            f"There is no dashboard {name}: `make apply` makes it again."
        ) from error
    widgets = read_body(answer["DashboardBody"])
    values = _values(cloudwatch, widgets)
    return [
        Row(
            widget.title,
            "" if widget.is_figure else series.label,
            values.get(series.query["Id"], ()),
        )
        for widget in widgets
        for series in widget.series
        if series.visible
    ]


def _values(cloudwatch: Any, widgets: Sequence[Widget]) -> dict[str, tuple[float, ...]]:
    now = datetime.now(UTC)
    found: dict[str, list[float]] = {}
    for queries in _batches(widgets):
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries,
            StartTime=now - timedelta(hours=HOURS),
            EndTime=now,
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for one in page["MetricDataResults"]:
                found.setdefault(one["Id"], []).extend(one["Values"])
    return {name: tuple(values) for name, values in found.items()}


def _batches(widgets: Iterable[Widget]) -> Iterator[list[dict[str, Any]]]:
    """Queries of whole widgets: an expression and what it names belong into one request."""
    batch: list[dict[str, Any]] = []
    for widget in widgets:
        queries = [series.query for series in widget.series]
        if batch and len(batch) + len(queries) > _MOST_QUERIES:
            yield batch
            batch = []
        batch += queries
    if batch:
        yield batch
