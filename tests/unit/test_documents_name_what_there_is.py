"""Commands, options and verbs of the Makefile that documents name exist; so do named files."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from easel_cli.main import command_line
from tests.unit.test_architecture_document import files
from tests.unit.test_documents_link_to_what_is_there import ROOT, documents

pytestmark = pytest.mark.unit

HISTORY = {"CHANGELOG.md"}
"""Documents that name what was."""

DOCUMENTS = [path for path in documents() if str(path.relative_to(ROOT)) not in HISTORY]
BLOCK = re.compile(r"^ *```(?:console|sh)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
OPTION = re.compile(r"--[a-z][\w-]*|-[A-Za-z](?=$|[ =])")
VERB = re.compile(r"make ([a-z][a-z-]*)((?: +[a-z][a-z-]*)*)(?= |$|`)")

NOT_OURS = {"backend.tf", "extra_model_paths.yaml", "project.yaml"}
"""Files that users or other programs make."""


@cache
def codes(document: Path) -> tuple[str, ...]:
    """Lines of commands, and code within sentences; continued lines are one."""
    text = document.read_text().replace("\\\n", " ")
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    return tuple(" ".join(code.split()) for code in [*lines, *INLINE.findall(FENCED.sub("", text))])


def calls(document: Path) -> Iterator[list[str]]:
    """Calls of `easel` in a document, each as words; `one|other` are two calls."""
    for code in codes(document):
        called = re.match(r"(?:\.venv/bin/)?easel (.+)", code.partition(" #")[0])
        if called and "VERB" not in code:
            words = called[1].split()
            for at, word in enumerate(words):
                if re.fullmatch(r"[a-z]+(\|[a-z]+)+", word):
                    yield from ([*words[:at], one] for one in word.split("|"))
                    break
            else:
                yield words


EASEL: Any = typer.main.get_command(command_line())


def unknown(words: list[str]) -> list[str]:
    """The words of a call that `easel` does not know: a command, or options."""
    command, rest = EASEL, list(words)
    while rest and getattr(command, "commands", None):
        if rest[0].startswith("-"):
            break
        if rest[0] not in command.commands:
            return [rest[0]]
        command = command.commands[rest.pop(0)]
    known = {"--help"} | {
        name for one in command.params for name in (*one.opts, *one.secondary_opts)
    }
    named = [match[0] for word in rest if (match := OPTION.match(word))]
    return [name for name in named if name not in known]


@cache
def verbs_of_make() -> frozenset[str]:
    found: set[str] = set()
    for name in files():
        if Path(name).name in {"Makefile", "Makefile.inc"}:
            found |= set(re.findall(r"^([a-z][\w-]*):", (ROOT / name).read_text(), re.MULTILINE))
    return frozenset(found)


def test_there_are_calls_and_verbs() -> None:
    assert sum(1 for document in DOCUMENTS for _ in calls(document)) > 200
    assert verbs_of_make() >= {"demo", "apply", "destroy", "chart-docs"}
    assert unknown(["verify", "--env", "x", "--no-such"]) == ["--no-such"]
    assert unknown(["dlq", "bury"]) == ["bury"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_commands_are_there(document: Path) -> None:
    wrong = [(" ".join(words), unknown(words)) for words in calls(document)]
    assert [one for one in wrong if one[1]] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_verbs_of_make_are_there(document: Path) -> None:
    named = {
        verb
        for code in codes(document)
        if (match := VERB.match(code))
        for verb in (match[1], *match[2].split())
    }
    assert named <= verbs_of_make()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_of_code_are_there(document: Path) -> None:
    name = re.compile(r"(?:[\w-]+/)*([\w-]+\.(?:py|tf|tpl|ya?ml))")
    named = {match[0]: match[1] for code in codes(document) if (match := name.fullmatch(code))}
    assert [
        path
        for path, last in named.items()
        if last not in NOT_OURS and not any(f"/{file}".endswith(f"/{path}") for file in files())
    ] == []


def test_the_list_of_documents_is_whole() -> None:
    folder = ROOT / "docs"
    listed = set(re.findall(r"\]\(([\w.-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("*.md")} - {"README.md"}
