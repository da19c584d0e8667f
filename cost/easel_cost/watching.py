"""What watching a stack costs in a month: alarms, the dashboard, metrics of easel's own.

Metrics that AWS sends of its own services cost nothing; those of Container Insights and the logs
have lines of their own.
"""

from collections.abc import Iterator
from decimal import Decimal

from easel_contract.metrics import METRICS, Dimension, Metric
from easel_contract.task import TaskType
from easel_cost.estimate import Line
from easel_cost.prices import RegionPrices
from easel_cost.settings import StackSettings

# An alarm is paid by the metrics that it looks at. As modules/observability has them, which
# tests/plan/test_observability_plan.py holds against these.
_METRICS_OF_STACK = 7
_METRICS_OF_RUNTIME = 4
_METRICS_OF_INSIGHTS = 1
_COMPOSITES_OF_STACK = 1
_COMPOSITES_OF_RUNTIME = 1


def alarm_metrics(runtimes: int, *, insights: bool) -> int:
    """Returns how many metrics the alarms of a stack look at.

    Args:
        runtimes: of the stack.
        insights: whether Container Insights is there.
    """
    return _METRICS_OF_STACK + runtimes * _METRICS_OF_RUNTIME + insights * _METRICS_OF_INSIGHTS


def composite_alarms(runtimes: int) -> int:
    """Returns how many composite alarms a stack has.

    Args:
        runtimes: of the stack.
    """
    return _COMPOSITES_OF_STACK + runtimes * _COMPOSITES_OF_RUNTIME


def own_series(runtimes: int) -> int:
    """Returns how many series easel's own metrics have at most, those by reason left out.

    A series is paid for the hours in which it has a value; one by reason has few.

    Args:
        runtimes: of the stack, each with every type of tasks: no runtime has more.
    """
    return sum(_series(metric, runtimes) for metric in METRICS)


def _series(metric: Metric, runtimes: int) -> int:
    values = {
        Dimension.STACK: 1,
        Dimension.RUNTIME: runtimes,
        Dimension.TASK_TYPE: len(TaskType),
        Dimension.REASON: 0,
    }
    total = 0
    for dimensions in metric.dimension_sets:
        number = 1
        for dimension in dimensions:
            number *= values[dimension]
        total += number
    return total


def fixed_lines(settings: StackSettings, prices: RegionPrices) -> Iterator[Line]:
    """Returns what watching costs.

    Args:
        settings: of the stack.
        prices: of the stack's region.

    Raises:
        CostError: a price is missing.
    """
    runtimes = len(settings.runtimes)
    yield Line(
        "CloudWatch",
        "watching: alarms",
        Decimal(alarm_metrics(runtimes, insights=settings.insights)),
        prices.price("alarms.metric"),
        f"metrics that the alarms of {runtimes} runtimes look at",
    )
    yield Line(
        "CloudWatch",
        "watching: composite alarms",
        Decimal(composite_alarms(runtimes)),
        prices.price("alarms.composite"),
        "one for the API, one for each runtime",
    )
    yield Line(
        "CloudWatch",
        "watching: dashboard",
        Decimal(1),
        prices.price("dashboard"),
        "an account's first three of up to 50 metrics cost nothing; that is not taken off",
    )
    yield Line(
        "CloudWatch",
        "watching: easel's own metrics",
        Decimal(own_series(runtimes)),
        prices.price("metrics.own"),
        "series at most, as if each had a value every hour; those by reason left out",
        True,
    )
