"""Every document of docs/ is there in English and Chinese, alike in all that is not prose.

Commands, drawings, links, tables, words of code and numbers are compared; headings are in
test_documents_link_to_what_is_there.py.
"""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CHINESE = sorted(path for path in ROOT.glob("*.zh-CN.md")) + sorted(DOCS.rglob("*.zh-CN.md"))

ENGLISH_ONLY = {"README.md"}
"""The list of documents, which names both languages of each; decisions are apart, in adr/."""

CODE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NUMBER = re.compile(r"(?<![\w.])\d[\d,.]*(?<=\d)")
DAY = re.compile(r"(January|April|November) \d{4}|\d{4} 年 \d+ 月")

# Readers of Chinese see examples of a region in China, and AWS's pages as AWS has them there.
REGION = re.compile(r"\b(us-east-1|cn-northwest-1)\b")
PAGES = (("/en_us/", "/"), ("https://www.amazonaws.cn/en/", "https://aws.amazon.com/"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def english_of(chinese: Path) -> Path:
    return chinese.with_name(chinese.name.replace(".zh-CN", ""))


def commands(document: Path) -> list[tuple[str, str]]:
    """Blocks of code, without comments, placeholders' words and indents; drawings apart."""
    found = []
    for language, block in CODE.findall(document.read_text()):
        if language == "mermaid":
            continue
        lines = (re.sub(r"(^|\s)#.*", "", line) for line in block.splitlines())
        said = [" ".join(REGION.sub("REGION", line).split()) for line in lines if line.strip()]
        # A command for each of two regions is one command.
        text = "\n".join(dict.fromkeys(said))
        found.append((language, re.sub(r"<[^<>\n]+>", "<>", text)))
    return found


def drawing(document: Path) -> list[str]:
    """The arrows and boxes of a document's drawings, without the words on them."""
    found = []
    for language, block in CODE.findall(document.read_text()):
        if language == "mermaid":
            bare = re.sub(r'"[^"\n]*"|(?<=[\[(])[^\[\](){}\n]+(?=[\])])|(?<={{)[^{}\n]+', "", block)
            bare = re.sub(r"-- [^>\n]*? -->", "-->", re.sub(r"( --> \S+): .*", r"\1", bare))
            found += [" ".join(line.split()) for line in bare.splitlines()]
    return found


def numbers(document: Path) -> set[str]:
    """The numbers in digits of sentences and tables; months are words in one language only."""
    text = INLINE.sub("", CODE.sub("", document.read_text()))
    return set(NUMBER.findall(DAY.sub("", re.sub(r"\]\([^)]*\)", "]", text))))


def words_of_code(document: Path) -> set[str]:
    """Names, settings and commands within sentences and tables, placeholders' words apart."""
    text = REGION.sub("REGION", CODE.sub("", document.read_text()))
    return {re.sub(r"<[^<>]+>", "<>", " ".join(word.split())) for word in INLINE.findall(text)}


def rows(document: Path) -> list[int]:
    """The number of cells of each row of each table."""
    lines = CODE.sub("", document.read_text()).splitlines()
    return [line.count("|") - 1 for line in lines if line.startswith("|")]


def links(document: Path) -> set[str]:
    """Where a document's links lead, whichever language of a document they name.

    Headings are in another language there, so of a heading only the document counts.
    """
    text = CODE.sub("", document.read_text())
    found = set()
    for target in LINK.findall(text):
        place = target.replace(".zh-CN.md", ".md").partition("#")[0]
        for one, other in PAGES:
            place = place.replace(one, other)
        found.add(place)
    return found


def test_there_are_pairs() -> None:
    assert len(CHINESE) > 8


def test_every_document_is_there_in_both_languages() -> None:
    alone = {
        str(path.relative_to(DOCS))
        for path in DOCS.rglob("*.md")
        if "adr" not in path.parts
        and not path.name.endswith(".zh-CN.md")
        and not path.with_name(f"{path.stem}.zh-CN.md").is_file()
    }
    assert alone == ENGLISH_ONLY


@pytest.mark.parametrize("chinese", CHINESE, ids=name)
def test_both_languages_have_the_same_commands(chinese: Path) -> None:
    assert commands(chinese) == commands(english_of(chinese))


@pytest.mark.parametrize("chinese", CHINESE, ids=name)
def test_both_languages_lead_to_the_same_places(chinese: Path) -> None:
    assert links(chinese) == links(english_of(chinese))


@pytest.mark.parametrize("chinese", CHINESE, ids=name)
def test_both_languages_name_the_same_things_in_code(chinese: Path) -> None:
    assert words_of_code(chinese) == words_of_code(english_of(chinese))


@pytest.mark.parametrize("chinese", CHINESE, ids=name)
def test_both_languages_have_the_same_tables(chinese: Path) -> None:
    assert rows(chinese) == rows(english_of(chinese))


@pytest.mark.parametrize("chinese", CHINESE, ids=name)
def test_both_languages_say_the_same_numbers(chinese: Path) -> None:
    assert numbers(chinese) == numbers(english_of(chinese))


@pytest.mark.parametrize("chinese", CHINESE, ids=name)
def test_both_languages_have_the_same_drawings(chinese: Path) -> None:
    assert drawing(chinese) == drawing(english_of(chinese))


@pytest.mark.parametrize("chinese", CHINESE, ids=name)
def test_chinese_documents_lead_to_chinese_ones(chinese: Path) -> None:
    others = {link for link in LINK.findall(chinese.read_text()) if "://" not in link}
    others -= {english_of(chinese).name}
    places = {link: chinese.parent / link.partition("#")[0] for link in others}
    assert [
        link
        for link, place in places.items()
        if place.suffix == ".md" and place.with_name(f"{place.stem}.zh-CN.md").is_file()
    ] == []
