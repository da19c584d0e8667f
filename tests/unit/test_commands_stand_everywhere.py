"""Every command of `easel` is in cli/README.md, and explains itself."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from easel_cli.main import command_line, main

pytestmark = pytest.mark.unit

README = (Path(__file__).resolve().parents[2] / "cli" / "README.md").read_text()
PANELS = {"Make pictures", "Look after a stack", "Prepare an account", "Write settings"}


def commands(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """The commands without others below them, each with its words."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(words), command
        return
    for name, one in below.items():
        yield from commands(one, *words, name)


EASEL: Any = typer.main.get_command(command_line())
COMMANDS = dict(commands(EASEL))


def test_the_commands_are_found() -> None:
    assert COMMANDS.keys() >= {"submit", "dlq redrive", "models upload", "snapshot build", "mirror"}


@pytest.mark.parametrize("verb", sorted(EASEL.commands))
def test_the_readme_has_every_verb(verb: str) -> None:
    assert f"easel {verb} " in README or f"easel {verb}\n" in README


@pytest.mark.parametrize("verb", sorted(EASEL.commands))
def test_the_help_has_every_verb_in_a_group(verb: str) -> None:
    assert EASEL.commands[verb].rich_help_panel in PANELS


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_every_option_is_explained(words: str) -> None:
    command = COMMANDS[words]
    assert command.help
    assert [one.name for one in command.params if not one.help] == []


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_a_command_that_asks_for_a_stack_takes_it_in_both_ways(words: str) -> None:
    names = {one.name for one in COMMANDS[words].params}
    assert ("outputs" in names) <= ({"env", "json"} <= names)


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_every_command_shows_its_help(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["easel", *words.split(), "--help"])
    assert main() == 0
    assert f"easel {words} " in capsys.readouterr().out
