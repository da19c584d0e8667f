"""The plots of a report, as SVG."""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from easel_contract.record import END_STATUSES

if TYPE_CHECKING:
    from easel_load.report import Run

_SIZE = (8.0, 3.6)
_STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.alpha": 0.3,
    "svg.fonttype": "none",  # the text stays text: it can be searched, and read out
    "svg.hashsalt": "easel",  # the same figures make the same file
}
_PHASES = ("queued", "inputs", "generation", "upload")


def by_rate(runs: Sequence["Run"], knee: float | None) -> str:
    """Percentiles of the time from end to end over the rate that was sent."""
    ordered = sorted(runs, key=lambda run: run.rate)
    with _drawn("tasks per second", "seconds") as (axes, svg):
        for name in ("p50", "p95", "p99"):
            points = [(run.rate, getattr(run.figures.end_to_end, name)) for run in ordered]
            known = [(rate, value) for rate, value in points if value is not None]
            axes.plot([r for r, _ in known], [v for _, v in known], marker="o", label=name)
        if knee is not None:
            axes.axvline(knee, linestyle="--", color="black", label=f"knee, {knee:.3g}/s")
        axes.set_yscale("log")
    return svg()


def over_time(run: "Run") -> str:
    """What was sent, refused and ended in each second, and how many tasks were in the stack."""
    first = min(one.at for one in run.sent)
    sent = Counter(int(one.at - first) for one in run.sent)
    refused = Counter(int(one.at - first) for one in run.sent if not one.is_accepted)
    ended = Counter(
        max(0, int(task.finished_at.timestamp() - first))
        for task in run.ends.values()
        if task.finished_at is not None and task.status in END_STATUSES
    )
    seconds = range(max([*sent, *ended]) + 1)
    inside, level = [], 0
    for second in seconds:
        level += sent[second] - refused[second] - ended[second]
        inside.append(level)
    with _drawn("seconds since the first task", "tasks per second") as (axes, svg):
        for name, counted in (("sent", sent), ("refused", refused), ("ended", ended)):
            axes.step(seconds, [counted[second] for second in seconds], label=name, where="post")
        other = axes.twinx()
        other.fill_between(seconds, inside, alpha=0.15, step="post", color="black")
        other.set_ylabel("tasks in the stack (grey)")
        other.grid(visible=False)
    return svg()


def distribution(runs: Sequence["Run"]) -> str:
    """Which share of the tasks had ended after how long."""
    with _drawn("seconds from acceptance to the end", "share of the tasks") as (axes, svg):
        for run in runs:
            if durations := run.durations:
                axes.ecdf(durations, label=f"{run.rate:.3g}/s")
        axes.set_xscale("log")
    return svg()


def phases(runs: Sequence["Run"]) -> str:
    """Mean seconds of each phase of completed tasks."""
    names = [f"{run.rate:.3g}/s" for run in runs]
    places = range(len(names))
    with _drawn("run", "mean seconds of a task") as (axes, svg):
        below = [0.0] * len(names)
        for phase in _PHASES:
            values = [getattr(run.figures.phases, phase) for run in runs]
            axes.bar(places, values, bottom=below, label=phase)
            below = [low + value for low, value in zip(below, values, strict=True)]
        axes.set_xticks(list(places), names)
    return svg()


@contextmanager
def _drawn(x: str, y: str) -> Iterator[tuple[Axes, Callable[[], str]]]:
    """Yields axes to draw on, and a function that returns the SVG after the block."""
    with rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        text = io.StringIO()
        yield axes, lambda: text.getvalue()[text.getvalue().index("<svg") :]
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.legend(loc="best", frameon=False)
        figure.savefig(text, format="svg", metadata={"Date": None})
