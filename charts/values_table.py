"""Writes the table of values into a chart's README.md: `python charts/values_table.py [--check]`.

The table comes from values.yaml: a value's comment is the `# -- text` right above it.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "sd-runtime"
_BEGIN = "<!-- values: made by `make chart-docs` -->"
_END = "<!-- end of values -->"
_COMMENT = re.compile(r"^\s*# -- (?P<text>.+)$")


def rows(values_text: str) -> Iterator[tuple[str, str, str]]:
    """Yields key, default as JSON, and description of each value that has a comment.

    Args:
        values_text: text of a values.yaml.
    """
    lines = values_text.splitlines()
    for path, value, line in _leaves(yaml.compose(values_text)):
        comment = _COMMENT.match(lines[line - 1])
        if comment:
            yield ".".join(path), json.dumps(value), comment["text"]


def undocumented(values_text: str) -> list[str]:
    """Returns the values that neither have a comment nor lie below one that has.

    Args:
        values_text: text of a values.yaml.
    """
    documented = [key for key, _, _ in rows(values_text)]
    return [
        key
        for path, _, _ in _leaves(yaml.compose(values_text))
        if not any(
            (key := ".".join(path)) == one or key.startswith(f"{one}.") for one in documented
        )
        and not any(one.startswith(f"{key}.") for one in documented)
    ]


def table(values_text: str) -> str:
    """Returns the values as a Markdown table."""
    lines = ["| Value | Default | Meaning |", "|---|---|---|"]
    for key, default, text in rows(values_text):
        cells = (f"`{key}`", f"`{default}`", text)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def readme(current: str, values_text: str) -> str:
    """Returns a README with its table brought up to date.

    Raises:
        ValueError: the README has no place for the table.
    """
    before, begin, rest = current.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"README.md lacks the lines {_BEGIN} and {_END}")
    return f"{before}{_BEGIN}\n\n{table(values_text)}\n\n{_END}{after}"


def _leaves(
    node: yaml.Node | None, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any, int]]:
    # Maps come before what is in them: a comment may describe a map as a whole.
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        below = (*path, key.value)
        loaded = yaml.safe_load(yaml.serialize(value))
        yield below, loaded, key.start_mark.line
        yield from _leaves(value, below)


def main() -> int:
    """Writes the README, or with --check says whether it is up to date."""
    path = CHART / "README.md"
    current = path.read_text()
    wanted = readme(current, (CHART / "values.yaml").read_text())
    if "--check" in sys.argv[1:]:
        if current != wanted:
            sys.stderr.write(f"{path}: the table of values is not up to date: make chart-docs\n")
        return int(current != wanted)
    path.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
