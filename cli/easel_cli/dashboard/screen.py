"""How rows are shown: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from easel_cli.dashboard.figures import HOURS, Row
from easel_contract.plain_text import printable

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 36
"""Of a line: five minutes a character."""


def table_of(rows: Sequence[Row], title: str) -> Table:
    """Returns rows with their last value, and with the way there where there is one.

    Args:
        rows: those of one group stand together.
        title: above the table.
    """
    table = Table(title=printable(title), title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    table.add_column("")
    table.add_column("now", justify="right")
    if any(len(row.values) > 1 for row in rows):
        table.add_column(f"last {HOURS} h")
    before = ""
    for row in rows:
        group = "" if row.group == before else row.group
        before = row.group
        cells = [printable(group), printable(row.label), _number(row), spark(row.values)]
        table.add_row(*map(Text, cells[: len(table.columns)]))
    return table


def spark(values: Sequence[float]) -> str:
    """Returns values as blocks from 0 to the largest; empty for less than two.

    Args:
        values: oldest first; the last ones are shown where there are too many.
    """
    if len(values) < 2:  # noqa: PLR2004 - a way has two ends
        return ""
    shown = values[-_WIDTH:]
    top = max(*shown, 0) or 1
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(max(value, 0) / top * steps)] for value in shown)


def lines_of(rows: Sequence[Row]) -> list[str]:
    """Returns rows as JSON lines; `now` is null where there is no value."""
    return [
        json.dumps(
            {
                "group": row.group,
                "label": row.label,
                "now": row.values[-1] if row.values else None,
                "values": row.values,
            }
        )
        for row in rows
    ]


def _number(row: Row) -> str:
    if not row.values:
        return "-"
    value = row.values[-1]
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
