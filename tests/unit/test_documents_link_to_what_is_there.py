"""Every relative link of every document leads to a file, and to a heading in it."""

import re
import subprocess
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@cache
def anchors(document: Path) -> frozenset[str]:
    """The anchors that GitHub makes of a document's headings.

    https://docs.github.com/en/get-started/writing-on-github (section links): small letters, blanks
    as hyphens, other punctuation left out.
    """
    text = FENCE.sub("", document.read_text())
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        kept = (c for c in plain if c in " -_" or unicodedata.category(c)[0] in "LMN")
        found.add("".join(kept).replace(" ", "-"))
    return frozenset(found)


def broken(document: Path) -> Iterator[str]:
    for target in LINK.findall(FENCE.sub("", document.read_text())):
        path, _, anchor = target.partition("#")
        file = (document.parent / path) if path else document
        if not file.exists() or (
            anchor and file.suffix == ".md" and anchor not in anchors(file.resolve())
        ):
            yield target


def test_there_are_documents() -> None:
    assert len(documents()) > 50


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert list(broken(document)) == []


@pytest.mark.parametrize(
    "chinese",
    [path for path in documents() if path.name.endswith(".zh-CN.md")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_chinese_counterparts_have_the_same_sections(chinese: Path) -> None:
    english = chinese.with_name(chinese.name.replace(".zh-CN", ""))
    levels = [
        re.findall(r"^(#+) ", FENCE.sub("", document.read_text()), re.MULTILINE)
        for document in (english, chinese)
    ]
    assert levels[0] == levels[1]
