"""Advice on a budget: how many pictures it pays, which settings save how much, and AWS's alarm."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from easel_cost.estimate import Estimate
from easel_cost.monthly import monthly_cost
from easel_cost.prices import PriceList
from easel_cost.settings import StackSettings
from easel_cost.workload import Workload

_SPOT = Decimal(1)
_MOST_PICTURES = 10**9


@dataclass(frozen=True)
class Lever:
    """A setting that saves money.

    Attributes:
        setting: what to set.
        saves: in a month, in the estimate's currency.
        price: what is lost by it.
    """

    setting: str
    saves: Decimal
    price: str


@dataclass(frozen=True)
class Advice:
    """What a budget means for a stack.

    Attributes:
        budget: for a month, in the currency.
        currency: ISO 4217.
        pictures: that the budget pays; None where the estimate has none.
        fixed: what a month costs without a picture.
        levers: what saves money, the most first.
        command: has AWS tell of the budget.
    """

    budget: Decimal
    currency: str
    pictures: int | None
    fixed: Decimal
    levers: tuple[Lever, ...]
    command: str

    def to_json(self) -> dict[str, Any]:
        """Returns it for programs; amounts are strings of decimal numbers."""
        return {
            "budget": str(self.budget),
            "pictures_for_the_budget": self.pictures,
            "levers": [
                {"setting": one.setting, "saves": str(one.saves), "price": one.price}
                for one in self.levers
            ],
            "budget_command": self.command,
        }


def advise(
    settings: StackSettings,
    workload: Workload,
    prices: PriceList,
    *,
    budget: Decimal,
    address: str,
) -> Advice:
    """Returns advice on a budget.

    Args:
        settings: of the stack.
        workload: of a month.
        prices: of all regions.
        budget: for a month, in the region's currency.
        address: mail address of whom AWS Budgets is to tell.

    Raises:
        CostError: a price is missing.
    """
    made = monthly_cost(settings, workload, prices)
    return Advice(
        budget,
        made.currency,
        pictures_for(budget, made),
        made.fixed_total,
        tuple(levers(settings, workload, prices)),
        budget_command(settings.name, budget, made.currency, address),
    )


def pictures_for(budget: Decimal, estimate: Estimate) -> int | None:
    """Returns how many pictures of the estimate's kind a budget pays.

    Args:
        budget: for a month, in the estimate's currency.
        estimate: with pictures.

    Returns:
        0 where the fixed part alone is more; None without pictures.
    """
    if not estimate.pictures or not estimate.variable_total:
        return None
    left = budget - estimate.fixed_total
    each = estimate.variable_total / estimate.pictures
    return max(0, min(int(left / each), _MOST_PICTURES))


def levers(settings: StackSettings, workload: Workload, prices: PriceList) -> list[Lever]:
    """Returns the settings that save something, the one that saves most first.

    Raises:
        CostError: a price is missing.
    """
    now = monthly_cost(settings, workload, prices).total
    found = []
    for setting, change, price in _CHANGES:
        other_settings, other_workload = change(settings, workload)
        saves = now - monthly_cost(other_settings, other_workload, prices).total
        if saves > 0:
            found.append(Lever(setting, saves, price))
    found += _cheapest_type(settings, workload, prices, now)
    return sorted(found, key=lambda lever: lever.saves, reverse=True)


def budget_command(name: str, budget: Decimal, currency: str, address: str) -> str:
    """Returns the command that has AWS Budgets write a mail at 80 % and when 100 % are foreseen.

    Args:
        name: of the stack: the budget counts what has its tag Stack, once the tag is activated
            as a cost allocation tag.
        budget: for a month.
        currency: of the account, ISO 4217.
        address: mail address.
    """
    document = {
        "BudgetName": name,
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": str(budget), "Unit": currency},
        "CostFilters": {"TagKeyValue": [f"user:Stack${name}"]},
    }
    notifications = [
        {
            "Notification": {
                "NotificationType": kind,
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": threshold,
            },
            "Subscribers": [{"SubscriptionType": "EMAIL", "Address": address}],
        }
        for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
    ]
    return (
        "aws budgets create-budget \\\n"
        '  --account-id "$(aws sts get-caller-identity --query Account --output text)" \\\n'
        f"  --budget {shlex.quote(json.dumps(document))} \\\n"
        f"  --notifications-with-subscribers {shlex.quote(json.dumps(notifications))}"
    )


_Change = Callable[[StackSettings, Workload], tuple[StackSettings, Workload]]


def _one_gateway(settings: StackSettings, work: Workload) -> tuple[StackSettings, Workload]:
    return replace(settings, nat_gateways=min(1, settings.nat_gateways)), work


def _no_endpoints(settings: StackSettings, work: Workload) -> tuple[StackSettings, Workload]:
    return replace(settings, interface_endpoints=0), work


def _no_pods(settings: StackSettings, work: Workload) -> tuple[StackSettings, Workload]:
    runtimes = {name: replace(one, min_pods=0) for name, one in settings.runtimes.items()}
    return replace(settings, runtimes=runtimes), work


def _all_spot(settings: StackSettings, work: Workload) -> tuple[StackSettings, Workload]:
    return settings, replace(work, spot_share=_SPOT)


def _no_insights(settings: StackSettings, work: Workload) -> tuple[StackSettings, Workload]:
    return replace(settings, insights=False), work


def _month_of_logs(settings: StackSettings, work: Workload) -> tuple[StackSettings, Workload]:
    return replace(settings, log_retention_days=min(30, settings.log_retention_days)), work


_CHANGES: tuple[tuple[str, _Change, str], ...] = (
    (
        'vpc = { nat_gateways = "one" }',
        _one_gateway,
        "the nodes of all zones lose the internet with that gateway's zone",
    ),
    ("vpc = { interface_endpoints = [] }", _no_endpoints, "calls to AWS go through NAT"),
    ("scaling = { min_replica_count = 0 }", _no_pods, "the first picture waits for a node"),
    (
        'nodes = { capacity_types = ["spot", "on-demand"] }',
        _all_spot,
        "a Spot node may end with two minutes' notice",
    ),
    (
        'addons_left_out = ["amazon-cloudwatch-observability"]',
        _no_insights,
        "no logs and metrics of the cluster in CloudWatch",
    ),
    ("log_retention_days = 30", _month_of_logs, "older logs are gone"),
)


def _cheapest_type(
    settings: StackSettings, workload: Workload, prices: PriceList, now: Decimal
) -> list[Lever]:
    types = dict.fromkeys(
        workload.instance_types
        or [kind for one in settings.runtimes.values() for kind in one.instance_types]
    )
    totals = {
        kind: monthly_cost(settings, replace(workload, instance_types=(kind,)), prices).total
        for kind in types
    }
    if not totals:
        return []
    best = min(totals, key=lambda kind: totals[kind])
    saves = now - totals[best]
    price = "a narrower Spot pool; and slower GPUs take longer, which this figure leaves out"
    return [Lever(f'nodes = {{ instance_types = ["{best}"] }}', saves, price)] if saves > 0 else []
