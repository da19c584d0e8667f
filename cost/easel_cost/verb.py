"""`easel cost estimate|compare|seed|refresh`."""

import json
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from easel_cost import seed
from easel_cost.budget import advise
from easel_cost.errors import CostError
from easel_cost.monthly import monthly_cost
from easel_cost.options import REFRESHED, StackAndWorkOptions, changed
from easel_cost.prices import load
from easel_cost.refresh import refresh_prices
from easel_cost.report import show_advice, show_comparison, show_estimate, show_seed
from easel_deploy.command_line import add_command, command_group, complain
from easel_deploy.exit_status import ExitStatus


@dataclass(frozen=True, kw_only=True)
class EstimateOptions(StackAndWorkOptions):
    """Options of `easel cost estimate`.

    Attributes:
        budget: for a month, in the region's currency.
        mail: of whom AWS Budgets is to tell.
    """

    budget: Annotated[float | None, typer.Option(help="advice on a budget for a month", min=0)] = (
        None
    )
    mail: Annotated[str, typer.Option(help="of whom AWS Budgets is to tell")] = "you@example.com"


@dataclass(frozen=True, kw_only=True)
class CompareOptions(StackAndWorkOptions):
    """Options of `easel cost compare`.

    Attributes:
        change: what the second estimate has otherwise, each NAME=VALUE.
    """

    change: Annotated[
        list[str],
        typer.Option("--with", help="NAME=VALUE, such as nat_gateways=one; repeatable"),
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class SeedOptions:
    """Options of `easel cost seed`.

    Attributes:
        json: for programs.
    """

    json: Annotated[bool, typer.Option("--json", help="print the table as JSON")] = False


@dataclass(frozen=True, kw_only=True)
class RefreshOptions:
    """Options of `easel cost refresh`.

    Attributes:
        region: whose prices are asked for.
        out: file that is written.
        instance_type: beside those that easel's prices name.
    """

    region: Annotated[str, typer.Option(help="whose prices are asked for")]
    out: Annotated[Path, typer.Option(help="file that is written", metavar="FILE")] = REFRESHED
    instance_type: Annotated[
        list[str], typer.Option(help="one more type of instances; repeatable")
    ] = field(default_factory=list)


def cost_commands() -> typer.Typer:
    """Returns the group of `easel cost`."""
    group = command_group("Estimate what a stack costs a month.")
    for name, run, options, words in (
        ("estimate", estimate, EstimateOptions, "Estimate a month, and advise on a budget."),
        ("compare", compare, CompareOptions, "Put two settings beside each other."),
        ("seed", show_seeds_table, SeedOptions, "Show the seed's table, and what is right."),
        ("refresh", refresh, RefreshOptions, "Ask AWS for the prices of a region."),
    ):
        add_command(group, name, run, options, words)  # type: ignore[arg-type]
    return group


def estimate(options: EstimateOptions) -> ExitStatus:
    """Carries out `easel cost estimate`."""
    try:
        settings, workload, prices = options.settings(), options.workload(), load(options.prices)
        made = monthly_cost(settings, workload, prices)
        advice = None
        if options.budget is not None:
            budget = Decimal(str(options.budget))
            advice = advise(settings, workload, prices, budget=budget, address=options.mail)
    except CostError as error:
        return _wrong(error)
    if options.json:
        _print_json(made.to_json() | (advice.to_json() if advice else {}))
        return ExitStatus.COMPLETED
    console = _console()
    show_estimate(console, f"{settings.name} in {settings.region}", made)
    if advice:
        show_advice(console, advice)
    return ExitStatus.COMPLETED


def compare(options: CompareOptions) -> ExitStatus:
    """Carries out `easel cost compare`."""
    try:
        if not options.change:
            raise CostError("say what is otherwise, such as --with nat_gateways=one")  # noqa: TRY301
        settings, workload, prices = options.settings(), options.workload(), load(options.prices)
        others = changed(settings, workload, options.change)
        both = monthly_cost(settings, workload, prices), monthly_cost(*others, prices)
        if both[0].currency != both[1].currency:
            raise CostError(  # noqa: TRY301
                f"{both[0].currency} and {both[1].currency} are not compared: no source gives a "
                "rate"
            )
    except CostError as error:
        return _wrong(error)
    names = ("as it is", ", ".join(options.change))
    if options.json:
        _print_json({name: one.to_json() for name, one in zip(names, both, strict=True)})
    else:
        show_comparison(_console(), names, both)
    return ExitStatus.COMPLETED


def show_seeds_table(options: SeedOptions) -> ExitStatus:
    """Carries out `easel cost seed`."""
    if options.json:
        _print_json(seed.to_json())
    else:
        show_seed(_console())
    return ExitStatus.COMPLETED


def refresh(options: RefreshOptions) -> ExitStatus:
    """Carries out `easel cost refresh`."""
    console = _console()
    try:
        found = refresh_prices(options.region, options.instance_type, options.out)
    except CostError as error:
        complain(str(error))
        return ExitStatus.FAILED
    console.print(
        Text(f"{options.out}: {len(found.prices)} prices of {options.region}, {found.currency}"),
        soft_wrap=True,
    )
    for text in found.missing:
        console.print(Text(f"  not found: {text}"), soft_wrap=True)
    return ExitStatus.COMPLETED


def _console() -> Console:
    return Console(highlight=False)


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=True, indent=2) + "\n")


def _wrong(error: CostError) -> ExitStatus:
    complain(str(error))
    return ExitStatus.USAGE
