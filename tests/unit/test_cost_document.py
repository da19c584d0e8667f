"""The figures of docs/cost.md and its Chinese counterpart are those of the estimate."""

import re
from pathlib import Path

import pytest

from easel_cost.monthly import monthly_cost
from easel_cost.options import defaults_of
from easel_cost.workload import Workload

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENTS = ["cost.md", "cost.zh-CN.md"]
_ROW = re.compile(r"^\| ([a-z]+-[a-z]+-\d) \| (\w+\.\w+) \|(.*)\|$", re.MULTILINE)


def row(region: str, kind: str) -> str:
    """The figures of a row, as the documents have it."""
    made = monthly_cost(defaults_of(region), Workload(instance_types=(kind,)))
    figures = (
        *(made.fixed_total, made.variable_total, made.per_thousand, made.whole_per_thousand),
    )
    return "".join(f" {figure:,} {made.currency} |" for figure in figures).removesuffix("|")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_figures_are_those_of_the_estimate(name: str) -> None:
    rows = _ROW.findall((DOCS / name).read_text())
    assert len(rows) == 5
    for region, kind, figures in rows:
        assert figures == row(region, kind)


def test_both_documents_have_the_same_commands() -> None:
    blocks = [
        re.findall(r"```console\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
        for name in DOCUMENTS
    ]
    assert blocks[0] == blocks[1]
