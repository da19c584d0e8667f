"""What a person reads of a check and a list."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from easel_contract.plain_text import printable, printable_lines
from easel_models.findings import Report, Severity
from easel_models.listing import Listed

_MIB = 2**20
_SHOWN_DIGITS = 12
_FILE_WIDTH = 2000
"""Characters of a line that is not for a terminal; S3's keys have 1024 at most."""


def print_report(report: Report, console: Console) -> None:
    """Prints a check's report; whatever is in it, it is only shown."""
    models = _table("model", "MiB", "what it is", "runtimes")
    for model in report.models:
        kind = str(model.model) if model.model else ""
        _row(models, model.key, _mib(model.size), kind, ", ".join(model.runtimes) or "none")
    upscalers = _table("upscaler (sdwebui)", "state", "files")
    for upscaler in report.upscalers:
        _row(upscalers, upscaler.name, upscaler.state, ", ".join(upscaler.keys))
    console.print(Text(printable(f"{report.bucket} in {report.region}")))
    if report.models:
        _print_table(models, console)
    _print_table(upscalers, console)
    for one in report.findings:
        text = f"{one.severity}: {one.where}: {one.problem}.\n    {one.remedy}"
        console.print(Text(printable_lines(text)), soft_wrap=True)
    errors = sum(one.severity is Severity.ERROR for one in report.findings)
    warnings = len(report.findings) - errors
    console.print(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}")


def print_listing(files: Sequence[Listed], console: Console) -> None:
    """Prints a list of files."""
    table = _table("file", "MiB", "stored", "sha256")
    for one in files:
        digits = one.sha256[:_SHOWN_DIGITS] if one.is_whole else ""
        _row(table, one.key, _mib(one.size), one.modified or "unfinished upload", digits)
    if files:
        _print_table(table, console)
    total = sum(one.size for one in files) / _MIB
    console.print(f"{_counted(len(files), 'file')}, {total:.1f} MiB")


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        right = heading == "MiB"
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    return table


def _print_table(table: Table, console: Console) -> None:
    if not console.is_terminal:
        # A file has no width: keys stay in one piece there, for whoever searches them.
        console.width = _FILE_WIDTH
    console.print(table)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _row(table: Table, *cells: str) -> None:
    # Text: a rich Table reads markup in plain strings.
    table.add_row(*(Text(printable(cell)) for cell in cells))


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f}"
