"""agent/README.md names every metric of the agent, and no other; the agent counts all of them."""

import re
from pathlib import Path

import pytest

from easel_agent.metrics import Metrics

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
    called = {name for text in texts for name in re.findall(r"metrics\.(\w+)\(", text)}
    assert {name for name in vars(Metrics) if not name.startswith("_")} - called == set()
