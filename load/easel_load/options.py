"""The options of `make load`."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from easel_deploy.command_line import StackOptions, WrongUsageError
from easel_load.arrivals import Pattern

_LOAD = "The load"
_KNEE = "The search for the knee"
_MOST_RATE = 1000.0


class Shape(StrEnum):
    """What is run: the search for the knee, or one load of a pattern."""

    KNEE = "knee"
    CONSTANT = Pattern.CONSTANT
    RAMP = Pattern.RAMP
    BURST = Pattern.BURST
    DAY = Pattern.DAY


@dataclass(frozen=True, kw_only=True)
class LoadOptions(StackOptions):
    """Options of `make load`.

    Attributes:
        shape: what is run.
        rate: highest rate of a pattern, first rate of a search, in tasks per second.
        seconds: length of a pattern's run, or of each step of a search.
        most_rate: of a search, in tasks per second.
        halvings: of a search: how often the last interval is halved.
        runtimes: names of the runtimes that get the default mix; none: all.
        requests: files of requests, in place of the default mix.
        tenants: weights of API keys.
        max_tasks: sent in all, at most.
        timeout: seconds to wait for the ends of the tasks.
        prefix: folder of the pictures in the output bucket.
        out: folder for the report.
        yes: whether a deployed stack is loaded without a question.
    """

    shape: Annotated[
        Shape, typer.Argument(help="knee, or the pattern of one run", show_default=True)
    ] = Shape.KNEE
    rate: Annotated[
        float,
        typer.Option(
            help="tasks per second: the highest; of a search the first",
            min=0.01,
            max=_MOST_RATE,
            rich_help_panel=_LOAD,
        ),
    ] = 0.5
    seconds: Annotated[
        int,
        typer.Option(
            help="length of the run, or of each step of a search",
            min=5,
            max=24 * 3600,
            rich_help_panel=_LOAD,
        ),
    ] = 60
    runtimes: Annotated[
        list[str],
        typer.Option(
            "--runtime",
            metavar="NAME",
            help="that gets tasks (default: all; may be repeated)",
            rich_help_panel=_LOAD,
        ),
    ] = field(default_factory=list)
    requests: Annotated[
        list[str],
        typer.Option(
            "--request",
            metavar="FILE[=WEIGHT]",
            help="request of v1alpha2 to send in place of the default mix (may be repeated)",
            rich_help_panel=_LOAD,
        ),
    ] = field(default_factory=list)
    tenants: Annotated[
        list[str],
        typer.Option(
            "--tenant",
            metavar="NAME[=WEIGHT]",
            help="API key of the stack (default: default; may be repeated)",
            rich_help_panel=_LOAD,
        ),
    ] = field(default_factory=list)
    most_rate: Annotated[
        float,
        typer.Option(
            help="rate that a search does not exceed, but for the last step at twice the knee",
            min=0.01,
            max=_MOST_RATE,
            rich_help_panel=_KNEE,
        ),
    ] = 25.0
    halvings: Annotated[
        int,
        typer.Option(
            help="how often the last interval is halved", min=0, max=6, rich_help_panel=_KNEE
        ),
    ] = 2
    max_tasks: Annotated[
        int, typer.Option(help="most tasks of the whole run", min=1, max=1_000_000)
    ] = 5000
    timeout: Annotated[
        float, typer.Option(help="seconds to wait for the ends", min=1, max=24 * 3600)
    ] = 1800
    prefix: Annotated[
        str, typer.Option(help="folder of the pictures in the output bucket", metavar="FOLDER")
    ] = "default/load"
    out: Annotated[
        Path, typer.Option(help="folder for report.html and load.json", metavar="FOLDER")
    ] = Path("out/load")
    yes: Annotated[bool, typer.Option("--yes", help="load a deployed stack without asking")] = False

    def __post_init__(self) -> None:
        """Looks at options that belong together."""
        super().__post_init__()
        problems = []
        if self.shape is Shape.KNEE and self.rate > self.most_rate:
            problems.append(f"--rate {self.rate:g}: is over --most-rate {self.most_rate:g}")
        if self.requests and self.runtimes:
            problems.append("--runtime: a request names its runtime already")
        if problems:
            raise WrongUsageError(problems)
