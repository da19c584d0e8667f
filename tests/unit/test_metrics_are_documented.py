"""agent/README.md names every metric of the agent, and no other."""

import re
from pathlib import Path

import pytest

from easel_agent.metrics import Metrics

pytestmark = pytest.mark.unit

README = Path(__file__).resolve().parents[2] / "agent" / "README.md"


def test_every_metric_has_its_row() -> None:
    section = README.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `(easel_\w+)` \|", section, re.MULTILINE))
    counted = {
        family.name + "_total" * (family.type == "counter")
        for family in Metrics("one").registry.collect()
    }
    assert documented == counted
