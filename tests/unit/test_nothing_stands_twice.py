"""One piece of code stands once, and fits on a screen.

Python is compared to the letter and by its shape (other names, strings and numbers), Terraform to
the letter alone: its blocks repeat the provider's schema, and have no functions to share.
``repeated_runs.py`` counts; ``declared_repeats.toml`` and ``declared_sizes.toml`` hold exceptions.
"""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.repeated_runs import Line, Run, python_lines, repeated, terraform_lines

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FILE_LINES = 350
FUNCTION_LINES = 40


def sources(pattern: str) -> dict[str, str]:
    """The repository's files by their names; links and recordings stand for other places' code."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {
        name: (ROOT / name).read_text()
        for name in names.splitlines()
        if not name.startswith("tests/data/")
        and (ROOT / name).is_file()
        and not (ROOT / name).is_symlink()
    }


PYTHON = sources("*.py")


def declared(file: str, table: str) -> dict[str, int]:
    """Exceptions: how many lines each may have."""
    rows = tomllib.loads((HERE / file).read_text())[table]
    assert all(row["reason"].strip() for row in rows)
    exceptions = {row["place"]: row["lines"] for row in rows}
    assert len(exceptions) == len(rows), "a place is declared twice"
    return exceptions


def longest(runs: list[Run]) -> dict[str, int]:
    """The longest run of each pair of files."""
    pairs: dict[str, int] = {}
    for run in runs:
        place = f"{run.first} ~ {run.second}"
        pairs[place] = max(run.length, pairs.get(place, 0))
    return pairs


def functions(prefix: str, node: ast.AST) -> Iterator[tuple[str, int]]:
    """Each function's name, with those of the classes and functions around it, and its lines."""
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{child.name}."
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name.removesuffix("."), (child.end_lineno or child.lineno) - child.lineno + 1
        yield from functions(name, child)


def test_no_two_places_share_more_than_twelve_lines() -> None:
    equal: dict[str, list[Line]] = {}
    alike: dict[str, list[Line]] = {}
    for name, source in PYTHON.items():
        equal[name], alike[name] = python_lines(source)
    equal |= {name: terraform_lines(source) for name, source in sources("*.tf").items()}
    runs = repeated(equal, tables=True) + repeated(alike, tables=False)
    assert longest(runs) == declared("declared_repeats.toml", "repeat"), "\n".join(map(str, runs))


def test_no_file_is_long() -> None:
    sizes = {name: len(source.splitlines()) for name, source in PYTHON.items()}
    long = {name: lines for name, lines in sizes.items() if lines > FILE_LINES}
    assert long == declared("declared_sizes.toml", "file")


def test_every_function_fits_on_a_screen() -> None:
    long = {
        place: lines
        for name, source in PYTHON.items()
        for place, lines in functions(f"{name}::", ast.parse(source))
        if lines > FUNCTION_LINES
    }
    assert long == declared("declared_sizes.toml", "function")


def test_functions_are_counted_wherever_they_stand() -> None:
    code = (
        "class A:\n def b(self):\n  def c():\n   pass\n  return c\nif 1:\n async def d():\n  pass\n"
    )
    assert dict(functions("", ast.parse(code))) == {"A.b": 4, "A.b.c": 2, "d": 2}


BODY = [f"value_{number} = call_{number}({'x, ' * number})" for number in range(13)]


def runs_of(first: str, second: str) -> tuple[list[Run], list[Run]]:
    texts = {"a.py": python_lines(first), "b.py": python_lines(second)}
    equal = {name: lines for name, (lines, _) in texts.items()}
    alike = {name: shapes for name, (_, shapes) in texts.items()}
    return repeated(equal, tables=True), repeated(alike, tables=False)


def test_thirteen_equal_lines_are_found_and_twelve_are_not() -> None:
    text = "\n".join(BODY) + "\n"
    assert runs_of(text, "import os\n\n" + text)[0] == [Run("a.py", 1, "b.py", 3, 13)]
    assert runs_of(text, text.partition("\n")[2]) == ([], [])


def test_comments_and_imports_between_equal_lines_hide_nothing() -> None:
    spread = "\n".join(f"# {number}\nimport os\n\n{line}" for number, line in enumerate(BODY))
    assert runs_of("\n".join(BODY) + "\n", spread + "\n")[0] == [Run("a.py", 1, "b.py", 4, 13)]


def test_other_names_hide_nothing() -> None:
    text = "\n".join(BODY) + "\n"
    renamed = text.replace("value", "result").replace("call", "ask").replace("x,", "y,")
    assert runs_of(text, renamed) == ([], [Run("a.py", 1, "b.py", 1, 13)])


def test_rows_of_a_table_are_alike_and_no_repeat() -> None:
    rows = "".join(f'    ("{number}", {number}),\n' for number in range(40))
    others = "".join(f'    ("x{number}", {number}),\n' for number in range(40))
    assert runs_of(f"A = [\n{rows}]\n", f"B = [\n{others}]\n") == ([], [])


def test_a_block_that_follows_itself_is_found_in_one_file() -> None:
    lines = [Line(number, text) for number, text in enumerate(BODY * 2, 1)]
    assert repeated({"a.tf": lines}, tables=True) == [Run("a.tf", 1, "a.tf", 14, 13)]


def test_made_blocks_of_terraform_do_not_count() -> None:
    text = "a = 1\n# begin x y: made by `make x`\nb = 1\n# end x y\nc = 1\n"
    assert terraform_lines(text) == [Line(1, "a = 1"), Line(5, "c = 1")]
