"""Every verb of `easel` is in cli/README.md, and has the options that it is run with."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from easel_cli import main

pytestmark = pytest.mark.unit

README = (Path(__file__).resolve().parents[2] / "cli" / "README.md").read_text()


def verbs(parser: argparse.ArgumentParser, command: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """The verbs without others below them: words, what is run, the names of the options."""
    command = parser.get_default("command") or command
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        yield parser.prog, command, {action.dest for action in parser._actions}
    for action in below:
        for verb in action.choices.values():
            yield from verbs(verb, command)


VERBS = list(verbs(main._parser()))


@pytest.mark.parametrize("verb", sorted({words.split()[1] for words, _, _ in VERBS}))
def test_the_readme_has_every_verb(verb: str) -> None:
    assert f"easel {verb} " in README or f"easel {verb}\n" in README


@pytest.mark.parametrize(("words", "command", "options"), VERBS)
def test_a_verb_needs_no_stack_or_takes_one(words: str, command: Any, options: set[str]) -> None:
    assert command in main._WITHOUT_A_STACK or options >= {"env", "outputs", "json"}, words
