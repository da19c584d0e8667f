"""agent/README.md names all of Prometheus' metrics, docs/observability.md all of CloudWatch's."""

import re
from pathlib import Path

import pytest

from easel_agent.metrics import Metrics
from easel_contract.metrics import METRICS

pytestmark = pytest.mark.unit

AGENT = Path(__file__).resolve().parents[2] / "agent"
README = AGENT / "README.md"


def test_every_metric_has_its_row() -> None:
    section = README.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `(easel_\w+)` \|", section, re.MULTILINE))
    counted = {
        family.name + "_total" * (family.type == "counter")
        for family in Metrics("one").registry.collect()
    }
    assert documented == counted


def test_the_agent_calls_whatever_counts() -> None:
    texts = [file.read_text() for file in (AGENT / "easel_agent").rglob("*.py")]
    called = {name for text in texts for name in re.findall(r"metrics\.(\w+)[()]", text)}
    assert {name for name in vars(Metrics) if not name.startswith("_")} - called == set()


@pytest.mark.parametrize("name", ["observability.md", "observability.zh-CN.md"])
def test_every_metric_of_cloudwatch_has_its_row(name: str) -> None:
    lines = (AGENT.parent / "docs" / name).read_text().splitlines()
    rows = [line for line in lines if re.match(r"\| `[A-Z][A-Za-z]+` \|", line)]
    for row, metric in zip(rows, METRICS, strict=True):
        sets = ["; ".join(", ".join(f"`{d}`" for d in one) for one in metric.dimension_sets)]
        cells = [f"`{metric.name}`", str(metric.unit), *sets, ", ".join(metric.emitters)]
        assert row.startswith(f"| {' | '.join(cells)} | ")
        if "zh-CN" not in name:
            assert row.endswith(f" | {metric.description} |")
