"""The stand-in charts take what our modules set, and have the versions that these ask for."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from .conftest import Plan

pytestmark = pytest.mark.plan

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "local" / "charts"


def values_of(plan_of: Plan, fixture: str) -> list[tuple[str, dict[str, Any]]]:
    """The planned chart's name and values of every release of a fixture."""
    found = []
    for address, change in plan_of(fixture).resource_changes.items():
        if address.endswith(".terraform_data.upgrade"):
            planned = change["change"]["after"]["triggers_replace"]
            found.append((Path(planned["chart"]["reference"]).name, planned.get("values", {})))
    return found


@pytest.mark.parametrize("fixture", ["eks_karpenter", "keda"])
def test_every_planned_value_is_one_that_the_stand_in_knows(plan_of: Plan, fixture: str) -> None:
    releases = values_of(plan_of, fixture)
    assert releases
    for chart, values in releases:
        schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
        problems = [
            f"{chart}: {error.json_path}: {error.message}"
            for error in jsonschema.Draft202012Validator(schema).iter_errors(values)
        ]
        assert problems == []


def test_they_have_the_versions_that_are_asked_for() -> None:
    versions = {
        path.parent.name: str(yaml.safe_load(path.read_text())["version"])
        for path in CHARTS.glob("*/Chart.yaml")
    }
    karpenter = (ROOT / "modules" / "eks-karpenter" / "variables.tf").read_text()
    keda = (ROOT / "modules" / "keda" / "variables.tf").read_text()
    (karpenter_version,) = re.findall(r'version\s+= optional\(string, "([0-9.]+)"\)', karpenter)
    (keda_version,) = re.findall(r'^    version\s+= "([0-9.]+)"', keda, re.MULTILINE)
    assert versions == {
        "karpenter": karpenter_version,
        "karpenter-crd": karpenter_version,
        "keda": keda_version,
    }
