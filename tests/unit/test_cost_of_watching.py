"""Watching has lines of its own in the estimate; its alarms are counted in tests/plan."""

from dataclasses import replace
from decimal import Decimal

import pytest

from easel_contract.metrics import METRICS, Dimension
from easel_cost.monthly import monthly_cost
from easel_cost.options import defaults_of
from easel_cost.watching import own_series
from easel_cost.workload import Workload

pytestmark = pytest.mark.unit

STACK = defaults_of("us-east-1")


def watching(runtimes: int, *, insights: bool = True) -> dict[str, Decimal]:
    (settings,) = STACK.runtimes.values()
    stack = replace(
        STACK, insights=insights, runtimes={f"runtime{n}": settings for n in range(runtimes)}
    )
    lines = monthly_cost(stack, Workload(pictures=0)).fixed
    prefix = "watching: "
    return {
        one.subject.removeprefix(prefix): one.amount
        for one in lines
        if one.subject.startswith(prefix)
    }


def test_every_part_of_watching_has_a_line() -> None:
    assert watching(1).keys() == {"alarms", "composite alarms", "dashboard", "easel's own metrics"}
    assert watching(1)["alarms"] == Decimal("1.20")
    assert watching(1, insights=False)["alarms"] == Decimal("1.10")
    assert watching(2)["composite alarms"] == Decimal("1.50")


def test_a_runtime_more_costs_its_own_series() -> None:
    a_runtime_more = own_series(2) - own_series(1)
    of_stack = {
        metric.name
        for metric in METRICS
        for dimensions in metric.dimension_sets
        if set(dimensions) == {Dimension.STACK}
    }
    assert own_series(1) == len(of_stack) + a_runtime_more
    assert own_series(3) - own_series(2) == a_runtime_more > 0
