"""The charts take what our modules set: the stand-ins, and the real ones, which Helm never asks.

Helm ignores a value that a chart does not know, and the stand-ins were written from the same
reading as the modules. So what is planned is held against the names of the real charts' values: as
they were read once (local/charts/*/real-values.txt), and as `make crds` pulls them where it can.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from easel_packaging.crds import CHARTS as PUBLIC_CHARTS
from tests.charts.prerequisites import public_chart

from .conftest import Plan

pytestmark = pytest.mark.plan

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "local" / "charts"
FIXTURES = ("eks_karpenter", "keda")

FREE = {
    "karpenter": {
        "controller.resources": "a container's resources, as Kubernetes has them",
        "nodeSelector": "labels of nodes",
    },
    "keda": {
        "crds.additionalAnnotations": "annotations",
        "nodeSelector": "labels of nodes",
        "podDisruptionBudget.metricServer": "minAvailable or maxUnavailable: read in the template",
        "podDisruptionBudget.operator": "minAvailable or maxUnavailable: read in the template",
        "podDisruptionBudget.webhooks": "minAvailable or maxUnavailable: read in the template",
    },
}
"""Maps whose names the charts leave to who sets them."""


def planned_values(plan_of: Plan) -> list[tuple[str, dict[str, Any]]]:
    """The planned chart's name and values of every release of the fixtures."""
    found = []
    for fixture in FIXTURES:
        for address, change in plan_of(fixture).resource_changes.items():
            if address.endswith(".terraform_data.upgrade"):
                planned = change["change"]["after"]["triggers_replace"]
                found.append((Path(planned["chart"]["reference"]).name, planned.get("values", {})))
    assert {name for name, _ in found} == {"karpenter", "karpenter-crd", "keda"}
    return found


def names_of(values: dict[str, Any], chart: str = "", prefix: str = "") -> Iterator[str]:
    """The names of all values; in a chart's free maps none."""
    for key, value in values.items():
        name = prefix + key
        yield name
        if isinstance(value, dict) and name not in FREE.get(chart, {}):
            yield from names_of(value, chart, f"{name}.")


def recorded_names(chart: str) -> list[str]:
    """The names that the real chart had when it was read; none where we set nothing."""
    record = CHARTS / chart / "real-values.txt"
    if chart == "karpenter-crd":
        assert not record.exists()
        return []
    return [line for line in record.read_text().splitlines() if not line.startswith("#")]


def unknown(planned: list[tuple[str, dict[str, Any]]], known: dict[str, set[str]]) -> set[str]:
    """Planned values that a chart does not have, with its name."""
    return {
        f"{chart}: {name}"
        for chart, values in planned
        for name in names_of(values, chart)
        if name not in known[chart]
    }


def test_every_planned_value_is_one_that_the_stand_in_knows(plan_of: Plan) -> None:
    for chart, values in planned_values(plan_of):
        schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
        problems = [
            f"{chart}: {error.json_path}: {error.message}"
            for error in jsonschema.Draft202012Validator(schema).iter_errors(values)
        ]
        assert problems == []


def test_every_planned_value_is_one_that_the_real_chart_has(plan_of: Plan) -> None:
    planned = planned_values(plan_of)
    assert unknown(planned, {name: set(recorded_names(name)) for name, _ in planned}) == set()
    # Here only after `make crds`; no CI reaches the charts' registries.
    pulled = {chart.name: public_chart(chart) for chart in PUBLIC_CHARTS}
    known = {
        name: set(names_of(yaml.safe_load((folder / "values.yaml").read_text()) or {}))
        for name, folder in pulled.items()
        if folder
    }
    assert unknown([one for one in planned if one[0] in known], known) == set()


def test_a_misspelt_value_is_found() -> None:
    known = {chart: set(recorded_names(chart)) for chart in ("karpenter", "keda")}
    wrong = {"settings": {"clusterNam": "c"}, "controller": {"resources": {"any": {}}}}
    assert unknown([("karpenter", wrong)], known) == {"karpenter: settings.clusterNam"}
    # KEDA says metricServer in some sections and metricsServer in others.
    wrong = {"resources": {"metricsServer": {}}, "metricServer": {"replicaCount": 2}}
    assert unknown([("keda", wrong)], known) == {
        "keda: metricServer",
        "keda: metricServer.replicaCount",
        "keda: resources.metricsServer",
    }


def test_every_free_map_is_one_that_the_chart_has_and_we_set(plan_of: Plan) -> None:
    planned = planned_values(plan_of)
    for chart, reasons in FREE.items():
        set_by_us = {name for one, values in planned if one == chart for name in names_of(values)}
        assert reasons.keys() <= set_by_us & set(recorded_names(chart))


def test_they_have_the_versions_that_are_asked_for() -> None:
    versions = {
        path.parent.name: str(yaml.safe_load(path.read_text())["version"])
        for path in CHARTS.glob("*/Chart.yaml")
    }
    karpenter = (ROOT / "modules" / "eks-karpenter" / "variables_karpenter.tf").read_text()
    keda = (ROOT / "modules" / "keda" / "variables.tf").read_text()
    (karpenter_version,) = re.findall(r'version\s+= optional\(string, "([0-9.]+)"\)', karpenter)
    (keda_version,) = re.findall(r'version\s+= optional\(string, "([0-9.]+)"\)', keda)
    assert versions == {
        "karpenter": karpenter_version,
        "karpenter-crd": karpenter_version,
        "keda": keda_version,
    }
    # What is pulled and what was read is what a cluster gets.
    assert {chart.name: chart.version for chart in PUBLIC_CHARTS} == versions
    for name in FREE:
        first_line = (CHARTS / name / "real-values.txt").read_text().partition("\n")[0]
        assert f" chart {versions[name]}, " in first_line
