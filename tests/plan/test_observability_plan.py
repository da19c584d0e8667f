"""What modules/observability makes, in both partitions: alarms, dashboard, queries, budget."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from easel_contract import metrics as own_metrics
from easel_cost import watching

from .aws_metrics import DOCUMENTATION, METRICS
from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

ROOT = Path(__file__).parents[2]
PLACES = {"observability": ("aws", "us-east-1"), "china": ("aws-cn", "cn-northwest-1")}

Named = tuple[str, str, dict[str, str]]
"""Namespace, name and dimensions of a metric."""


@pytest.fixture(params=PLACES)
def scenario(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def module(plan_of: Plan, scenario: str) -> PlannedModule:
    return PlannedModule(plan_of("observability"), scenario)


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("observability"), "china")


def alarms(module: PlannedModule) -> dict[str, dict[str, Any]]:
    """Metric alarms by name."""
    found = module.resources("aws_cloudwatch_metric_alarm").values()
    return {str(alarm["alarm_name"]): alarm for alarm in found}


def composites(module: PlannedModule) -> dict[str, dict[str, Any]]:
    found = module.resources("aws_cloudwatch_composite_alarm").values()
    return {str(alarm["alarm_name"]): alarm for alarm in found}


def widgets(module: PlannedModule) -> list[dict[str, Any]]:
    body = module.resource("aws_cloudwatch_dashboard.this")["dashboard_body"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def of_alarms(module: PlannedModule) -> Iterator[Named]:
    for alarm in alarms(module).values():
        if alarm["metric_name"]:
            yield alarm["namespace"], alarm["metric_name"], alarm["dimensions"]
        for query in alarm["metric_query"]:
            for metric in query["metric"]:
                yield metric["namespace"], metric["metric_name"], metric["dimensions"]


def of_widgets(module: PlannedModule) -> Iterator[Named]:
    for widget in widgets(module):
        for metric in widget["properties"].get("metrics", []):
            names = [part for part in metric if isinstance(part, str)]
            if names:
                yield names[0], names[1], dict(zip(names[2::2], names[3::2], strict=True))


def test_every_metric_that_is_named_is_there(module: PlannedModule) -> None:
    own = {
        (own_metrics.NAMESPACE, metric.name): {
            frozenset(map(str, dimensions)) for dimensions in metric.dimension_sets
        }
        for metric in own_metrics.METRICS
    }
    known = own | {metric: {frozenset(dimensions)} for metric, dimensions in METRICS.items()}
    named = [*of_alarms(module), *of_widgets(module)]
    assert len(named) > 30
    unknown = [one for one in named if frozenset(one[2]) not in known.get((one[0], one[1]), set())]
    assert unknown == []
    assert all(value for _, _, dimensions in named for value in dimensions.values())


def test_no_metric_of_aws_is_listed_in_vain(china: PlannedModule) -> None:
    named = {(one[0], one[1]) for one in (*of_alarms(china), *of_widgets(china))}
    assert METRICS.keys() - named == set()
    assert {namespace for namespace, _ in METRICS} == DOCUMENTATION.keys()


@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_every_alarm_names_a_runbook_that_is_there(module: PlannedModule, language: str) -> None:
    page = (ROOT / "docs" / f"alarms{language}.md").read_text()
    sections = set(re.findall(r"^### `([a-z-]+)`$", page, re.MULTILINE))
    named = set()
    for alarm in (*alarms(module).values(), *composites(module).values()):
        (link,) = re.findall(r"Runbook: (\S+)$", alarm["alarm_description"])
        named.add(link.partition("#")[2])
    assert named - sections == set()
    # Without a cluster there is one less.
    assert sections - named <= {"pods-cannot-start"}


def test_who_does_not_speak_has_one_to_speak_for_it(module: PlannedModule) -> None:
    rules = " ".join(
        alarm["alarm_rule"].partition(" AND NOT ")[0] for alarm in composites(module).values()
    )
    spoken_for = set(re.findall(r'ALARM\("([^"]+)"\)', rules))
    # The topic's ARN is known after the apply: actions with it are not in the plan's values.
    silent = {
        name for name, alarm in alarms(module).items() if not alarm.get("alarm_actions", "later")
    }
    assert silent == spoken_for
    assert silent


def test_one_missing_node_rings_once(china: PlannedModule, plan_of: Plan) -> None:
    rule = composites(china)["easel-sdruntime-stuck"]["alarm_rule"]
    assert rule == (
        '(ALARM("easel-sdruntime-oldest-task") OR ALARM("easel-sdruntime-no-progress"))'
        ' AND NOT ALARM("easel-pods-cannot-start")'
    )
    bare = PlannedModule(plan_of("observability"), "observability")
    assert "NOT" not in composites(bare)["easel-sdruntime-stuck"]["alarm_rule"]


def test_the_estimate_counts_these_alarms(module: PlannedModule, scenario: str) -> None:
    insights, runtimes = {"observability": (False, 1), "china": (True, 2)}[scenario]
    assert len(list(of_alarms(module))) == watching.alarm_metrics(runtimes, insights=insights)
    assert len(composites(module)) == watching.composite_alarms(runtimes)


def test_what_has_no_data_is_no_alarm(module: PlannedModule) -> None:
    assert {one["treat_missing_data"] for one in alarms(module).values()} == {"notBreaching"}


def test_thresholds_are_those_that_were_set(china: PlannedModule) -> None:
    found = alarms(china)
    assert found["easel-sdruntime-oldest-task"]["threshold"] == 600
    assert found["easel-intake-errors"]["threshold"] == 2
    assert found["easel-sdruntime-no-progress"]["evaluation_periods"] * 300 == 60 * 60
    assert found["easel-pods-cannot-start"]["evaluation_periods"] * 300 == 15 * 60


def test_alarms_may_publish_and_nobody_elses(module: PlannedModule, scenario: str) -> None:
    partition, region = PLACES[scenario]
    statements = module.statements("operations_topic")
    publish = statements["AlarmsPublish"]
    assert publish.principals == {("Service", "cloudwatch.amazonaws.com")}
    prefix = f"arn:{partition}:cloudwatch:{region}:123456789012:alarm:easel-*"
    assert publish.conditions == {("ArnLike", "aws:SourceArn"): frozenset({prefix})}
    budget = statements["BudgetPublishes"]
    assert budget.principals == {("Service", "budgets.amazonaws.com")}
    assert budget.conditions == {("StringEquals", "aws:SourceAccount"): frozenset({"123456789012"})}
    assert statements["DenyWithoutTls"].effect == "Deny"
    topic = module.resource("aws_sns_topic.operations")
    assert f":kms:{region}:" in topic["kms_master_key_id"]


def test_mail_is_sent_to_who_is_named(china: PlannedModule) -> None:
    (one,) = china.resources("aws_sns_topic_subscription").values()
    assert (one["protocol"], one["endpoint"]) == ("email", "you@example.com")


def test_the_dashboard_speaks_of_its_own_partition_and_region(
    module: PlannedModule, scenario: str
) -> None:
    partition, region = PLACES[scenario]
    first, *rest = widgets(module)
    arns = set(first["properties"]["alarms"])
    assert all(arn.startswith(f"arn:{partition}:cloudwatch:{region}:") for arn in arns)
    names = {arn.rpartition(":")[2] for arn in arns}
    assert composites(module).keys() < names <= composites(module).keys() | alarms(module).keys()
    assert {widget["properties"]["region"] for widget in rest} == {region}


def test_the_sample_of_the_documents_is_a_dashboard(plan_of: Plan) -> None:
    sample = PlannedModule(plan_of("observability"), "sample")
    body = sample.resource("aws_cloudwatch_dashboard.this")["dashboard_body"]
    assert json.loads(body) == json.loads((ROOT / "docs/dashboard/body.json").read_text())


def test_no_widget_hides_another(module: PlannedModule) -> None:
    def cells(widget: dict[str, Any]) -> set[tuple[int, int]]:
        xs = range(widget["x"], widget["x"] + widget["width"])
        ys = range(widget["y"], widget["y"] + widget["height"])
        return {(x, y) for x in xs for y in ys}

    for one, other in combinations(widgets(module), 2):
        assert cells(one).isdisjoint(cells(other)), (one, other)
    assert max(x for widget in widgets(module) for x, _ in cells(widget)) < 24


def test_expressions_name_what_stands_beside_them(module: PlannedModule) -> None:
    for widget in widgets(module):
        metrics = widget["properties"].get("metrics", [])
        ids = [metric[-1]["id"] for metric in metrics if "id" in metric[-1]]
        used = {
            name
            for metric in metrics
            for name in re.findall(r"\b[a-z]+\d+\b", metric[-1].get("expression", ""))
        }
        assert len(ids) == len(set(ids))
        assert used == set(ids), widget["properties"]["title"]


def test_saved_queries_look_into_groups_of_the_stack(china: PlannedModule, plan_of: Plan) -> None:
    queries = china.resources("aws_cloudwatch_query_definition").values()
    groups = {group for query in queries for group in query["log_group_names"]}
    assert "/aws/containerinsights/easel/application" in groups
    assert all(query["name"].startswith("easel/") for query in queries)
    bare = PlannedModule(plan_of("observability"), "observability")
    without = bare.resources("aws_cloudwatch_query_definition").values()
    assert 0 < len(without) < len(queries)
    assert not [one for query in without for one in query["log_group_names"] if "insights" in one]


def test_a_budget_of_china_is_in_its_currency(china: PlannedModule, plan_of: Plan) -> None:
    (budget,) = china.resources("aws_budgets_budget").values()
    assert (budget["limit_amount"], budget["limit_unit"]) == ("3500", "CNY")
    (filter_,) = budget["cost_filter"]
    assert (filter_["name"], filter_["values"]) == ("TagKeyValue", ["user:Stack$easel"])
    kinds = {(one["notification_type"], one["threshold"]) for one in budget["notification"]}
    assert kinds == {("ACTUAL", 80), ("FORECASTED", 100)}
    bare = PlannedModule(plan_of("observability"), "observability")
    assert not bare.resources("aws_budgets_budget")
