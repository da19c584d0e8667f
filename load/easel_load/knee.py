"""Finds the highest rate at which a stack keeps up: the knee."""

from collections.abc import Callable
from dataclasses import dataclass

from easel_load.figures import Figures

_KEPT_UP = 0.9
_REFUSED = 0.01
_GROWTH = 1.5
_MAX_STEPS = 16


@dataclass(frozen=True)
class Step:
    """One rate that was tried.

    Attributes:
        rate: tasks per second.
        figures: that it showed.
        keeps_up: whether the stack did; see `keeps_up`.
    """

    rate: float
    figures: Figures
    keeps_up: bool


@dataclass(frozen=True)
class Search:
    """All steps of a search, in the order in which they were made.

    Attributes:
        steps: with rising rates until one failed, then between.
        beyond: the one at twice the knee; None where no knee was found.
    """

    steps: tuple[Step, ...]
    beyond: Step | None = None

    @property
    def knee(self) -> float | None:
        """The highest rate that was kept up, in tasks per second; None where none was."""
        kept = [step.rate for step in self.steps if step.keeps_up]
        return max(kept) if kept else None

    @property
    def over(self) -> Step | None:
        """The lowest rate that was too high; None where the search ended before one."""
        failed = [step for step in self.steps if not step.keeps_up]
        return min(failed, key=lambda step: step.rate) if failed else None


def keeps_up(figures: Figures) -> bool:
    """Whether a stack keeps up with a rate.

    It does where it refuses at most 1 % and ends its tasks at 90 % of the rate at least at which
    they came: no line of waiting tasks is left that grows with the length of the run. What the
    last task takes by itself is not the line's fault, and not counted.
    """
    if not figures.accepted or figures.refused_share > _REFUSED or figures.not_ended:
        return False
    ending = figures.total_seconds - figures.send_seconds - figures.phases.own_seconds
    return figures.send_seconds >= _KEPT_UP * (figures.send_seconds + max(0.0, ending))


def find_knee(
    run: Callable[[float], Figures],
    *,
    first_rate: float,
    most_rate: float,
    halvings: int,
    told: Callable[[Step], None] = lambda _: None,
) -> Search:
    """Raises the rate until the stack does not keep up, then looks between the last two.

    Args:
        run: sends at a rate, waits for all ends and returns the figures.
        first_rate: to begin with; lowered where the stack does not keep up with it.
        most_rate: that is not exceeded.
        halvings: how often the interval between kept up and not is halved.
        told: called with each step.
    """
    steps: list[Step] = []

    def attempt(rate: float) -> bool:
        step = _step(run, rate)
        steps.append(step)
        told(step)
        return step.keeps_up

    kept, failed = _bracket(attempt, first_rate, most_rate)
    for _ in range(halvings if kept and failed else 0):
        middle = ((kept or 0.0) + (failed or 0.0)) / 2
        kept, failed = (middle, failed) if attempt(middle) else (kept, middle)
    search = Search(tuple(steps))
    if not search.knee or search.over is None:
        return search
    beyond = _step(run, 2 * search.knee)
    told(beyond)
    return Search(search.steps, beyond)


def _step(run: Callable[[float], Figures], rate: float) -> Step:
    figures = run(rate)
    return Step(rate, figures, keeps_up(figures))


def _bracket(
    attempt: Callable[[float], bool], rate: float, most: float
) -> tuple[float | None, float | None]:
    """Returns a rate that is kept up and one that is not, None where there is none."""
    kept = failed = None
    for _ in range(_MAX_STEPS):
        if attempt(rate):
            kept = rate
            if failed is not None or rate >= most:
                break
            rate = min(most, rate * _GROWTH)
        else:
            failed = rate
            if kept is not None:
                break
            rate /= _GROWTH
    return kept, failed
