"""Estimates for people: tables with bars, two settings beside each other, the seed's table."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from easel_contract.plain_text import printable, printable_lines
from easel_cost import seed
from easel_cost.budget import Advice
from easel_cost.estimate import Estimate, Line, cents
from easel_cost.prices import Price

_BAR_CELLS = 12
_FULL = "█"
_PARTS = " ▏▎▍▌▋▊▉"


def show_estimate(console: Console, title: str, estimate: Estimate) -> None:
    """Prints an estimate: each line with a bar, sums, and what of it is a guess."""
    largest = max((line.amount for line in estimate.fixed + estimate.variable), default=Decimal(0))
    for name, lines, amount in (
        ("by the month", estimate.fixed, estimate.fixed_total),
        (f"for {estimate.pictures:,} pictures", estimate.variable, estimate.variable_total),
    ):
        if lines:
            console.print(_table(f"{title}, {name}", lines, estimate.currency, amount, largest))
    console.print(f"A month: {estimate.total:,} {estimate.currency}", highlight=False)
    if estimate.per_thousand is not None:
        console.print(
            f"1,000 pictures: {estimate.per_thousand:,} {estimate.currency}; with their part of "
            f"the month's: {estimate.whole_per_thousand:,} {estimate.currency}",
            highlight=False,
        )
    for text in notes(estimate):
        console.print(Text(text), soft_wrap=True)


def show_comparison(console: Console, names: Sequence[str], both: Sequence[Estimate]) -> None:
    """Prints two estimates by service, with bars for each and the difference."""
    one, other = both
    table = Table(title=f"{printable(names[0])} and {printable(names[1])}, {one.currency} a month")
    table.add_column("Service")
    for name in names:
        table.add_column(Text(printable(name)), justify="right")
        table.add_column("")
    table.add_column("Difference", justify="right")
    sums = [by_service(estimate) for estimate in both]
    largest = max((amount for each in sums for amount in each.values()), default=Decimal(0))
    for service in dict.fromkeys([*sums[0], *sums[1]]):
        first, second = (each.get(service, Decimal(0)) for each in sums)
        table.add_row(
            *(service, f"{cents(first):,}", bar(first, largest)),
            *(f"{cents(second):,}", bar(second, largest), f"{cents(second - first):+,}"),
        )
    for heading, first_sum, second_sum in (
        ("by the month", one.fixed_total, other.fixed_total),
        ("by pictures", one.variable_total, other.variable_total),
        ("a month", one.total, other.total),
        ("1,000 pictures", one.whole_per_thousand, other.whole_per_thousand),
    ):
        if first_sum is not None and second_sum is not None:
            row = (f"{first_sum:,}", "", f"{second_sum:,}", "", f"{second_sum - first_sum:+,}")
            table.add_row(Text(heading, style="bold"), *row)
    console.print(table)


def show_seed(console: Console) -> None:
    """Prints the seed's table, the right figures beside the printed ones, and each error."""
    table = Table(title="The seed's table: one month, a million pictures, us-west-2, April 2024")
    for heading in ("Service", "By"):
        table.add_column(heading)
    for heading in ("Quantity", "USD each", "Printed", "Right"):
        table.add_column(heading, justify="right")
    for name, rows in (
        ("by pictures", seed.VARIABLE),
        ("by the month", seed.FIXED),
        ("forgotten", seed.MISSING),
    ):
        for row in rows:
            printed = str(row.printed) if row.printed else "-"
            quantity = row.quantity or row.right_quantity
            style = "bold" if row.error else ""
            cells = (row.service, row.dimension, f"{quantity:,}", str(row.price), printed)
            table.add_row(*cells, Text(str(row.right), style=style))
        both = (f"{seed.printed_subtotal(rows)}", f"{seed.right_subtotal(rows)}")
        table.add_row("", Text(name, style="bold"), "", "", *both, end_section=True)
    console.print(table)
    as_printed = seed.printed_subtotal(seed.VARIABLE + seed.FIXED)
    right = seed.right_subtotal(seed.VARIABLE + seed.FIXED + seed.MISSING)
    console.print(f"Printed as the sum: {seed.PRINTED_TOTAL}; the rows make {as_printed}.")
    console.print(f"Right, with what was forgotten: {right}.")
    for row in seed.VARIABLE + seed.FIXED + seed.MISSING:
        if row.error:
            console.print(Text(f"  {row.service}, {row.dimension}: {row.error}"), soft_wrap=True)


def show_advice(console: Console, advice: Advice) -> None:
    """Prints what a budget pays, what saves money, and the command for AWS Budgets."""
    lines = [f"\nA budget of {advice.budget} {advice.currency} a month"]
    if advice.pictures:
        lines.append(f"pays {advice.pictures:,} such pictures.")
    elif advice.pictures == 0:
        lines.append(f"does not pay the {advice.fixed:,} {advice.currency} of the month.")
    lines += [f"  saves {one.saves:>9,}: {one.setting} ({one.price})" for one in advice.levers]
    lines += [
        "Let AWS tell you (activate the tag Stack as a cost allocation tag first):",
        advice.command,
    ]
    console.print(Text(printable_lines("\n".join(lines))), soft_wrap=True)


def bar(amount: Decimal, largest: Decimal) -> str:
    """Returns a bar as long as an amount is of the largest, to an eighth of a cell."""
    eighths = int(amount / largest * _BAR_CELLS * 8) if largest else 0
    return (_FULL * (eighths // 8) + _PARTS[eighths % 8]).rstrip()


def by_service(estimate: Estimate) -> dict[str, Decimal]:
    """Returns the month's amounts by service, not rounded."""
    sums: dict[str, Decimal] = {}
    for line in estimate.fixed + estimate.variable:
        sums[line.service] = sums.get(line.service, Decimal(0)) + line.amount
    return sums


def notes(estimate: Estimate) -> list[str]:
    """Returns what a reader has to know before the sum is believed."""
    texts = ["Lines with ~ have a guessed quantity. No free tier, no tax, no support plan."]
    days = [line.price.source.day for line in estimate.fixed + estimate.variable]
    known = [day for day in days if day]
    if known:
        texts.append(f"Prices were read between {min(known)} and {max(known)}.")
    if estimate.not_read:
        texts.append(
            f"Read nowhere for {estimate.region}, so another region's or from memory: "
            + ", ".join(map(_named, estimate.not_read))
            + f". `easel cost refresh --region {estimate.region}` asks AWS."
        )
    return texts


def _named(price: Price) -> str:
    return f"{price.key} ({price.stands_in or price.source.name})"


def _table(
    title: str, lines: Iterable[Line], currency: str, amount: Decimal, largest: Decimal
) -> Table:
    table = Table(title=Text(printable(title)), show_footer=True)
    table.add_column("Service", footer="together")
    table.add_column("What")
    table.add_column("Quantity", justify="right")
    table.add_column("Price", justify="right")
    table.add_column(currency, justify="right", footer=f"{amount:,}")
    table.add_column("")
    for line in lines:
        mark = "~" if line.is_guess else ""
        table.add_row(
            *(line.service, Text(line.subject), f"{mark}{_rounded(line.quantity)}"),
            *(f"{line.price.amount.normalize():f}", f"{cents(line.amount):,}"),
            bar(line.amount, largest),
        )
    return table


def _rounded(quantity: Decimal) -> str:
    return f"{quantity:,.2f}".rstrip("0").rstrip(".")
