"""Commands that a person types: made by Typer from functions that take one dataclass of options.

The fields of the dataclass are annotated as Typer has it
(https://typer.tiangolo.com/tutorial/options/): type, limits, words of the help. So a command has as
many options as it needs and still takes one typed argument, from a test as from the command line.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from easel_contract.plain_text import printable_lines
from easel_deploy.exit_status import ExitStatus

_STACK = "Which stack"
_NUMBER_PROBLEM = re.compile(r": Input should be .*")

_Options = TypeVar("_Options")


class WrongUsageError(Exception):
    """Options that do not go together; the message has a line for each problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("\n".join(problems))


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """Names a stack; base of the options of each command that uses one.

    Attributes:
        env: folder under envs/; None: the local stack that is up.
        outputs: file of `terraform output -json`, in place of a folder.
        json: results are printed as JSON lines.

    Raises:
        WrongUsageError: the stack is named twice.
    """

    env: Annotated[
        str | None,
        typer.Option(
            help="folder under envs/ (default: the local stack that is up)",
            metavar="FOLDER",
            rich_help_panel=_STACK,
        ),
    ] = None
    outputs: Annotated[
        Path | None,
        typer.Option(
            help="file of `terraform output -json`", metavar="FILE", rich_help_panel=_STACK
        ),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="print results as JSON lines")] = False

    def __post_init__(self) -> None:
        """Looks at options that belong together."""
        if self.env is not None and self.outputs is not None:
            raise WrongUsageError(["--env and --outputs: name the stack by one of them"])


def command_group(words: str, **more: Any) -> typer.Typer:
    """Returns an empty group of commands.

    Args:
        words: of its help.
        more: as `typer.Typer` takes it.
    """
    # A traceback of Typer's shows local variables, and so secrets.
    group = typer.Typer(help=words, pretty_exceptions_enable=False, **more)
    # A group with a callback stays one, also where it has a single command.
    group.callback()(lambda: None)
    return group


def add_command(
    group: typer.Typer,
    name: str,
    run: Callable[[_Options], int],
    options: type[_Options],
    words: str,
    **more: Any,
) -> None:
    """Adds a command to a group.

    Args:
        group: to add to.
        name: of the command.
        run: what the command does; returns an exit status.
        options: dataclass that `run` takes, with fields as Typer annotates them.
        words: of the help.
        more: as `typer.Typer.command` takes it, such as `epilog` and `rich_help_panel`.
    """

    def command(typer_context: typer.Context, **given: Any) -> int:
        return run(options(**(given | _named_before(typer_context, given))))

    _take_options(command, options)
    group.command(name, cls=_CheckedCommand, help=words, **more)(command)


def take_options_before(group: typer.Typer, options: type[Any]) -> None:
    """Lets options stand before a command of the group as well as after it.

    Args:
        group: of commands that take these options, too.
        options: dataclass of the options.
    """

    def remember(typer_context: typer.Context, **given: Any) -> None:
        typer_context.obj = {
            name: value for name, value in given.items() if _is_given(typer_context, name)
        }

    _take_options(remember, options)
    group.callback()(remember)


def run_command_line(group: typer.Typer, name: str, words: Sequence[str]) -> int:
    """Runs the command that the words name; a wrong one is told of without a traceback.

    Args:
        group: of all commands.
        name: of the program.
        words: of the command line, without the program.

    Returns:
        The command's exit status; 2 for wrong usage.
    """
    command = typer.main.get_command(group)
    try:
        done = command.main([*words] or ["--help"], prog_name=name, standalone_mode=False)
        return int(done or 0) if words else ExitStatus.USAGE
    except WrongUsageError as error:
        complain(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f"\n`{context.command_path} --help` shows how it is used" if context else ""
        complain(f"{_message(error)}{hint}")
    except typer.Abort:
        return ExitStatus.INTERRUPTED
    return ExitStatus.USAGE


def complain(text: str) -> None:
    """Says on standard error what is wrong."""
    sys.stderr.write(printable_lines(f"easel: {text}\n"))


class _CheckedCommand(TyperCommand):
    """Names every wrong option together; Typer alone stops at the first."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            # A line that cannot be read at all (an unknown option) is told of as it is.
            problems = [] if _is_of_the_line(error) else self._problems(ctx, given)
            if len(problems) < 2:  # noqa: PLR2004 - one is told of as it is
                raise
            hint = f"`{ctx.command_path} --help` shows how it is used"
            listed = [f"  - {problem}" for problem in problems]
            raise WrongUsageError(["several options are wrong:", *listed, hint]) from error

    def _problems(self, ctx: typer.Context, args: list[str]) -> list[str]:
        values, _, _ = self.make_parser(ctx).parse_args(args=args)
        problems = []
        for parameter in self.get_params(ctx):
            try:
                parameter.handle_parse_result(ctx, values, [])
            except typer.TyperException as error:
                problems.append(_message(error))
        return problems


def _message(error: typer.TyperException) -> str:
    """Says what is wrong with an option; limits in words, where Pydantic names one at a time."""
    text = error.format_message()
    parameter = getattr(error, "param", None)
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    limits = [] if least is None else [f"from {least:g}"]
    limits += [] if most is None else [f"to {most:g}"]
    if limits:
        return _NUMBER_PROBLEM.sub(f": is to be a number {' '.join(limits)}", text)
    # Pydantic's word for errors of parsers.
    return text.replace(": Value error, ", ": ")


def _is_of_the_line(error: typer.TyperException) -> bool:
    return getattr(error, "param", None) is None


def _take_options(command: Callable[..., Any], options: type[Any]) -> None:
    """Gives a function the signature that Typer makes options of."""
    parameters = [_parameter("typer_context", typer.Context)]
    for field in dataclasses.fields(options):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        parameters.append(_parameter(field.name, field.type, default))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {}


def _parameter(name: str, annotation: Any, default: Any = dataclasses.MISSING) -> inspect.Parameter:
    if default is dataclasses.MISSING:
        default = inspect.Parameter.empty
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _named_before(context: typer.Context, given: dict[str, Any]) -> dict[str, Any]:
    """Options that stand before the command, unless they stand after it, too."""
    before = context.obj or {}
    return {
        name: value
        for name, value in before.items()
        if name in given and not _is_given(context, name)
    }


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"
