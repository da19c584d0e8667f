"""The report of a load: what a person reads first, the table, the plots; as HTML and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment

from easel_contract.record import END_STATUSES
from easel_contract.tasks_api import TaskView
from easel_load import plots
from easel_load.figures import Figures, figures_of, seconds_of
from easel_load.knee import Search
from easel_load.options import Shape
from easel_load.plan import Sent


@dataclass(frozen=True)
class Run:
    """One load that was sent, and what became of it.

    Attributes:
        pattern: of its arrivals.
        rate: highest of them, in tasks per second.
        arrivals: tasks per second, for each second.
        sent: the requests.
        ends: what is known of the tasks, by uid.
        figures: of all of it.
    """

    pattern: str
    rate: float
    arrivals: Sequence[float]
    sent: Sequence[Sent]
    ends: Mapping[str, TaskView]
    figures: Figures

    @property
    def durations(self) -> list[float]:
        """Seconds from acceptance to the end, of each task that has ended."""
        return [seconds_of(task) for task in self.ends.values() if task.status in END_STATUSES]

    def of_tenants(self) -> dict[str, Figures]:
        """The figures of each tenant's part, where there are several."""
        tenants = sorted({one.tenant for one in self.sent})
        if len(tenants) < 2:  # noqa: PLR2004 - one has the whole
            return {}
        parts = {tenant: [one for one in self.sent if one.tenant == tenant] for tenant in tenants}
        return {
            tenant: figures_of(part, self.ends, len(part) / max(1, len(self.arrivals)))
            for tenant, part in parts.items()
        }


@dataclass(frozen=True)
class Report:
    """All of one `make load`.

    Attributes:
        made_at: when.
        stack: its name.
        shape: what was run.
        runs: in their order; at least one.
        search: for the knee; None where a pattern was run.
        note: why a search ended early; None where it did not.
    """

    made_at: datetime
    stack: str
    shape: Shape
    runs: Sequence[Run]
    search: Search | None = None
    note: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether each accepted task has ended and is known."""
        return not any(run.figures.lost or run.figures.not_ended for run in self.runs)

    @property
    def verdict(self) -> list[str]:
        """What a person reads first."""
        lines = self._of_the_knee(self.search) if self.search else self._of_the_run(self.runs[-1])
        figures = [run.figures for run in self.runs]
        accepted = sum(one.accepted for one in figures)
        lost = sum(one.lost for one in figures)
        open_ones = sum(one.not_ended for one in figures)
        failed = sum(one.failed for one in figures)
        again = sum(one.begun_again for one in figures)
        lines.append(
            f"Of {accepted} accepted tasks {lost} were lost, {open_ones} have not ended, "
            f"{failed} failed, {again} were begun more than once."
        )
        bad = sum(one.bad_refusals for one in figures)
        refused = sum(one.sent - one.accepted for one in figures)
        if refused:
            lines.append(
                f"{refused} requests were refused, {bad} of them otherwise than by 429 or 503 with "
                "Retry-After."
            )
        return [*lines, *([f"The search ended early: {self.note}."] if self.note else [])]

    def summary(self) -> dict[str, Any]:
        """The report as JSON's values."""
        return {
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "stack": self.stack,
            "shape": self.shape,
            "knee": self.search.knee if self.search else None,
            "verdict": self.verdict,
            "runs": [
                {
                    "pattern": run.pattern,
                    "rate": run.rate,
                    "seconds": len(run.arrivals),
                    **asdict(run.figures),
                    "limit": run.figures.limit,
                    "tenants": {name: asdict(part) for name, part in run.of_tenants().items()},
                }
                for run in self.runs
            ],
        }

    def _of_the_knee(self, search: Search) -> list[str]:
        over = search.over
        if search.knee is None:
            return ["The stack kept up with none of the rates that were tried."]
        if over is None:
            return [f"The stack kept up with every rate that was tried, up to {search.knee:g}/s."]
        knee = f"The knee is at {search.knee:.3g} tasks per second: {over.rate:.3g} were too many"
        lines = [
            f"{knee}, and {over.figures.finished_rate:.3g} per second ended.",
            f"What limits is {over.figures.limit}.",
        ]
        if search.beyond:
            beyond = search.beyond.figures
            lines.append(
                f"At twice the knee ({search.beyond.rate:.3g}/s) {beyond.accepted} tasks were "
                f"accepted, {beyond.completed} completed, {beyond.lost + beyond.not_ended} lost or "
                f"open, {beyond.sent - beyond.accepted} requests refused."
            )
        return lines

    def _of_the_run(self, run: Run) -> list[str]:
        took, rate = run.figures.end_to_end, run.figures.finished_rate
        if took.p50 is None:
            return ["No task ended."]
        within = f"Half of the tasks ended within {took.p50:.2f} s, 95 % within {took.p95:.2f} s"
        return [
            f"{within}, 99 % within {took.p99:.2f} s.",
            f"{rate:.3g} tasks per second ended. What limited is {run.figures.limit}.",
        ]


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Writes `report.html`, which needs nothing beside it, and `load.json`.

    Args:
        report: to write.
        folder: that exists.

    Returns:
        Both files.
    """
    html, data = folder / "report.html", folder / "load.json"
    data.write_text(json.dumps(report.summary(), indent=2) + "\n")
    template = files("easel_load").joinpath("report.html.j2").read_text()
    # What is printed of tasks and answers is escaped; only the plots are markup.
    page = Environment(autoescape=True).from_string(template)
    html.write_text(page.render(report=report, plots=_plots(report)))
    return html, data


def _plots(report: Report) -> list[tuple[str, str]]:
    """Titles and SVGs."""
    found = []
    if report.search and len(report.runs) > 1:
        found.append(("End to end by rate", plots.by_rate(report.runs, report.search.knee)))
    last = report.runs[-1]
    found += [
        ("Tasks per second, and tasks in the stack", plots.over_time(last)),
        ("How long tasks took, end to end", plots.distribution(report.runs)),
        ("Where the time went", plots.phases(report.runs)),
    ]
    return found
