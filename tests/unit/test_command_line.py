"""Commands are made of dataclasses; wrong usage is told of in whole and without a traceback."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer

from easel_cli.main import main
from easel_deploy.command_line import (
    StackOptions,
    WrongUsageError,
    add_command,
    command_group,
    run_command_line,
    take_options_before,
)

pytestmark = pytest.mark.unit


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    names: Annotated[list[str], typer.Argument()] = field(default_factory=list)
    count: Annotated[int, typer.Option("-n", "--count", min=1)] = 1
    size: Annotated[float, typer.Option(min=0, max=4)] = 1.5


class Program:
    """A command line of one command below a group that takes the stack, too."""

    def __init__(self) -> None:
        self.given: list[Options] = []
        below = command_group("below")
        take_options_before(below, StackOptions)
        add_command(below, "go", self._go, Options, "go")
        self.commands = command_group("all")
        self.commands.add_typer(below, name="below")

    def _go(self, options: Options) -> int:
        self.given.append(options)
        return 7

    def run(self, *words: str) -> int:
        return run_command_line(self.commands, "easel", words)


@pytest.fixture
def program() -> Program:
    return Program()


def test_a_command_gets_its_options(program: Program) -> None:
    assert program.run("below", "go", "a", "b", "-n", "3", "--env", "x") == 7
    assert program.given == [Options(names=["a", "b"], count=3, env="x")]


def test_defaults_are_not_shared(program: Program) -> None:
    program.run("below", "go")
    program.given[0].names.append("x")
    program.run("below", "go")
    assert program.given[1] == Options()


def test_the_stack_is_named_before_a_command_or_after_it(program: Program) -> None:
    program.run("below", "--env", "before", "--json", "go")
    program.run("below", "--env", "before", "go", "--env", "after")
    assert program.given == [Options(env="before", json=True), Options(env="after")]


def test_the_stack_is_named_once(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run("below", "--env", "before", "go", "--outputs", "file") == 2
    assert "easel: --env and --outputs: name the stack by one" in capsys.readouterr().err
    assert program.given == []
    with pytest.raises(WrongUsageError):
        Options(env="a", outputs="b")  # type: ignore[arg-type]


def test_all_wrong_options_are_named_together(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run("below", "go", "-n", "0", "--size", "nan") == 2
    said = capsys.readouterr().err
    assert said.startswith("easel: several options are wrong:\n  - ")
    assert "Invalid value for '-n' / '--count': is to be a number from 1\n" in said
    assert "Invalid value for '--size': is to be a number from 0 to 4\n" in said
    assert "`easel below go --help`" in said
    assert program.given == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["below", "go", "-n", "0"], "'-n' / '--count'"),
        (["below", "go", "--cuont", "1"], "--count"),
        (["below", "go", "--count"], "requires an argument"),
        (["below", "goo"], "'goo'"),
        (["below"], "Missing command"),
    ],
)
def test_wrong_usage_is_a_message(
    program: Program, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(*words) == 2
    said = capsys.readouterr()
    assert said.err.startswith("easel: ")
    assert says in said.err
    assert said.out == ""


def test_text_of_a_person_is_shown_as_text(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run("below", "go", "-n", "[bold]\x1b]0;x") == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert program.run("below", "[red]\x1b[31m") == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "[red]" in said


def test_ctrl_c_is_130() -> None:
    def interrupted(_: StackOptions) -> int:
        raise KeyboardInterrupt

    commands = command_group("all")
    add_command(commands, "go", interrupted, StackOptions, "go")
    assert run_command_line(commands, "easel", ["go"]) == 130


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--version"], "easel 0.1"),
        (["--help"], "--install-completion"),
    ],
)
def test_easel_tells_of_itself(
    words: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["easel", *words])
    assert main() == 0
    assert says in capsys.readouterr().out


def test_without_words_the_help_is_shown_and_the_usage_is_wrong(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run() == 2
    assert "--help" in capsys.readouterr().out


def test_a_shell_completes_easel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As bash asks: https://typer.tiangolo.com/tutorial/options-autocompletion/
    monkeypatch.setenv("_EASEL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "easel models upload --fol")
    monkeypatch.setenv("COMP_CWORD", "3")
    monkeypatch.setattr("sys.argv", ["easel"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert capsys.readouterr().out.split() == ["--folder"]
