"""The body of a CloudWatch dashboard: its widgets and what each shows.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

_METRIC = "metric"
FIGURE = "singleValue"
"""The view of a widget that shows one number."""
_PERIOD_SECONDS = 300


class DashboardError(Exception):
    """The dashboard cannot be read; the message says what to do."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str | None = None
    expression: str | None = None
    label: str | None = None
    stat: str = "Average"
    period: int | None = None
    visible: bool = True


class _Properties(BaseModel):
    model_config = ConfigDict(frozen=True)

    title: str = ""
    view: str = "timeSeries"
    stacked: bool = False
    period: int = _PERIOD_SECONDS
    metrics: list[list[Any]] = []


class _Widget(BaseModel):
    model_config = ConfigDict(frozen=True)

    type: str
    properties: _Properties


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)

    widgets: list[_Widget]


@dataclass(frozen=True)
class Series:
    """One line of a widget, or one that its expressions name.

    Attributes:
        label: as it is shown.
        visible: False where expressions alone use it.
        query: of GetMetricData; its Id is the body's, or one that was made up.
    """

    label: str
    visible: bool
    query: dict[str, Any]


@dataclass(frozen=True)
class Widget:
    """A widget of metrics.

    Attributes:
        title: of the widget.
        is_figure: whether it shows one number.
        is_stacked: whether its lines stand on each other.
        series: in the body's order.
    """

    title: str
    is_figure: bool
    is_stacked: bool
    series: tuple[Series, ...]


def read_body(text: str) -> list[Widget]:
    """Reads the widgets of metrics; those of other kinds are passed over.

    Args:
        text: JSON, as GetDashboard answers it.

    Returns:
        The widgets in the body's order. The ids of all their queries are different.

    Raises:
        DashboardError: the text is no dashboard's body.
    """
    try:
        widgets = _Body.model_validate_json(text).widgets
        return [
            _widget(number, one.properties)
            for number, one in enumerate(widgets)
            if one.type == _METRIC
        ]
    except (ValidationError, ValueError) as error:
        raise DashboardError(
            "The dashboard is not as easel makes it: somebody changed it. "
            "`make apply` puts it right."
        ) from error


def _widget(number: int, widget: _Properties) -> Widget:
    prefix = f"w{number}_"
    parsed = [_split(metric) for metric in widget.metrics]
    names = {settings.id for _, settings in parsed if settings.id}
    return Widget(
        title=widget.title,
        is_figure=widget.view == FIGURE,
        is_stacked=widget.stacked,
        series=tuple(
            _series(f"{prefix}{settings.id or f's{index}'}", prefix, names, (parts, settings))
            for index, (parts, settings) in enumerate(parsed)
        ),
    )


_Parsed = tuple[list[str], _Settings]


def _split(metric: Sequence[Any]) -> _Parsed:
    """Names and settings of a metric. Its first names are namespace and name, then dimensions."""
    settings = metric[-1] if metric and isinstance(metric[-1], dict) else {}
    names = [str(part) for part in metric if not isinstance(part, dict)]
    parsed = _Settings.model_validate(settings)
    if parsed.expression is None and (len(names) < 2 or len(names) % 2):  # noqa: PLR2004
        raise ValueError(f"no metric: {json.dumps(metric)[:200]}")
    return names, parsed


def _series(identity: str, prefix: str, names: set[str], parsed: _Parsed) -> Series:
    parts, settings = parsed
    query: dict[str, Any] = {"Id": identity, "ReturnData": settings.visible}
    if settings.expression is not None:
        query["Expression"] = re.sub(
            r"\b[a-z]\w*\b",
            lambda found: prefix + found[0] if found[0] in names else found[0],
            settings.expression,
        )
        return Series(settings.label or settings.expression, settings.visible, query)
    namespace, name, *dimensions = parts
    query["MetricStat"] = {
        "Metric": {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [
                {"Name": key, "Value": value}
                for key, value in zip(dimensions[::2], dimensions[1::2], strict=True)
            ],
        },
        "Period": settings.period or _PERIOD_SECONDS,
        "Stat": settings.stat,
    }
    return Series(settings.label or name, settings.visible, query)
