"""`python -m tests.bench`: measures the queue agent; prints a table and writes JSON.

Every call to AWS is made slower by 15 ms, so that an emulator on the same machine is as far away as
AWS is. The figures are of this machine; nothing passes or fails by them.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.measurements import (
    Figures,
    measure_idle,
    measure_latency,
    measure_load,
    measure_memory,
)
from tests.bench.rig import Rig, machine, running_cloud

_OUTPUT = Path("out/bench.json")


@dataclass(frozen=True)
class Part:
    """One measurement.

    Attributes:
        title: in the table.
        run: measures; `quick` asks for a run that only shows that it works.
        is_compared: whether it is done again without overlap.
    """

    title: str
    run: Callable[[Rig, bool], Figures]
    is_compared: bool = True


PARTS = {
    "short": Part(
        "0.2 s per task", lambda rig, quick: measure_load(rig, 0.2, 10 if quick else 100)
    ),
    "long": Part("1.5 s per task", lambda rig, quick: measure_load(rig, 1.5, 3 if quick else 20)),
    "rate": Part("0 s per task", lambda rig, quick: measure_load(rig, 0.0, 20 if quick else 300)),
    "latency": Part("half load", lambda rig, quick: measure_latency(rig, 5 if quick else 60)),
    "idle": Part(
        "idle",
        lambda rig, quick: measure_idle(rig, 5 if quick else 62),
        is_compared=False,
    ),
    "memory": Part(
        "tasks of four 1 MB pictures",
        lambda rig, quick: measure_memory(rig, 20 if quick else 1000),
        is_compared=False,
    ),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="PART,PART",
        default=",".join(PARTS),
        help=f"which parts to run: {', '.join(PARTS)}",
    )
    parser.add_argument("--quick", action="store_true", help="a few tasks each: does it work?")
    parser.add_argument(
        "--delay", type=float, default=0.015, help="seconds added to every AWS call (%(default)s)"
    )
    parser.add_argument(
        "--no-comparison", action="store_true", help="leave out the runs without overlap"
    )
    parser.add_argument("--output", type=Path, default=_OUTPUT, help="(%(default)s)")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - PARTS.keys()
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


def _measure(options: argparse.Namespace, console: Console) -> dict[str, dict[str, Figures]]:
    figures: dict[str, dict[str, Figures]] = {}
    folder = Path(tempfile.mkdtemp(prefix="easel-bench-"))
    console.print(f"logs: {folder}")
    with running_cloud(folder, options.delay) as cloud:
        for name in options.only.split(","):
            part = PARTS[name]
            figures[name] = {}
            for mode in ("overlap", "serial"):
                if mode == "serial" and (options.no_comparison or not part.is_compared):
                    continue
                console.print(f"measuring: {part.title}, {mode}")
                rig = Rig(cloud, folder, overlap=mode == "overlap")
                figures[name][mode] = part.run(rig, options.quick)
    return figures


def _table(figures: dict[str, dict[str, Figures]]) -> Table:
    table = Table(title="queue agent")
    for title in ("", "figure", "overlap", "serial", "ratio"):
        table.add_column(title, justify="left" if title in {"", "figure"} else "right")
    for name, modes in figures.items():
        for row, (figure, value) in enumerate(modes["overlap"].items()):
            serial = modes.get("serial", {}).get(figure)
            table.add_row(
                "" if row else PARTS[name].title,
                figure,
                f"{value:.4g}",
                "" if serial is None else f"{serial:.4g}",
                f"{value / serial:.3g}" if serial else "",
                end_section=row == len(modes["overlap"]) - 1,
            )
    return table


def main() -> int:
    """Measures.

    Returns:
        0; an error ends it with a traceback.
    """
    options = _arguments()
    console = Console()
    figures = _measure(options, console)
    console.print(_table(figures))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine(),
        "aws_delay_seconds": options.delay,
        "quick": options.quick,
        "figures": figures,
    }
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    console.print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
