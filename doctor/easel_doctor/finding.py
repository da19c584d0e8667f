"""What a check has found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something stands."""

    OK = "ok"
    NOT_CHECKED = "not checked"
    """Nobody could look: there is no right, no network, or not enough time."""
    WARN = "warn"
    """The stack works, and not as well or as long as it is meant to."""
    FAIL = "fail"
    """Something will not work, or does not."""


_BY_WEIGHT = list(State)


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        state: WARN, FAIL or NOT_CHECKED.
        text: what is wrong, and where.
        remedy: what to do; mostly a command.
    """

    state: State
    text: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """What one check has found.

    Attributes:
        summary: what was looked at, in one line.
        problems: all of them.
    """

    summary: str
    problems: tuple[Problem, ...] = ()

    @property
    def state(self) -> State:
        """The worst of its problems; OK without any."""
        return max((one.state for one in self.problems), key=_BY_WEIGHT.index, default=State.OK)


def found(summary: str, problems: Iterable[Problem] = ()) -> Finding:
    """Makes a finding.

    Args:
        summary: what was looked at, in one line.
        problems: what is wrong with it; none: it is ok.
    """
    return Finding(summary, tuple(problems))


def warn(text: str, remedy: str) -> Problem:
    """Makes a problem that a stack works with."""
    return Problem(State.WARN, text, remedy)


def fail(text: str, remedy: str) -> Problem:
    """Makes a problem that a stack does not work with."""
    return Problem(State.FAIL, text, remedy)


def unchecked(text: str, remedy: str) -> Problem:
    """Makes a note that something could not be looked at."""
    return Problem(State.NOT_CHECKED, text, remedy)
