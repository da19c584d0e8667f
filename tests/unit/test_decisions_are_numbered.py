"""docs/adr has no gap, and its table names every decision as the file itself does."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "adr"
DECISIONS = sorted(FOLDER.glob("[0-9]*.md"))


def test_numbers_have_no_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_the_table_has_the_decision(path: Path) -> None:
    heading, date, *_ = [line for line in path.read_text().splitlines() if line]
    number, _, title = heading.removeprefix("# ").partition(". ")
    assert int(number) == int(path.name[:4])
    row = f"| {number} | [{title.rstrip('.')}]({path.name}) | {date[:10]} |"
    assert row in (FOLDER / "README.md").read_text()


def test_a_decision_that_is_replaced_says_by_which() -> None:
    for path in DECISIONS:
        for older in re.findall(r"\bReplaces \[?(\d+)", path.read_text()):
            (replaced,) = [one for one in DECISIONS if int(one.name[:4]) == int(older)]
            assert re.search(rf"Replaced by \[?{int(path.name[:4])}\b", replaced.read_text()), older
