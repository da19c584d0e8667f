"""A step of a deployment, and how a step ends."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from easel_cli.deployment.deployment import Deployment


class StepError(Exception):
    """A step cannot be done; the message says what is wrong, where, and what to do."""


class State(StrEnum):
    """How a step ended well."""

    DONE = "done"
    """Something was made or looked at now."""
    FOUND = "found"
    """All that the step would make was there."""
    LEFT_OUT = "left out"
    """The step does not apply here; its detail says why."""
    AGAINST = "stopped"
    """A person said no, or the dry run ends here: no later step is taken."""


@dataclass(frozen=True)
class Outcome:
    """What came of a step.

    Attributes:
        state: how the step ended.
        detail: one line for a person.
        notes: what a person should know besides, one sentence each.
    """

    state: State
    detail: str
    notes: Sequence[str] = field(default=())


class Told(Protocol):
    """What a step may show and ask while it runs."""

    def progress(self, text: str) -> None:
        """Says how far the step is; shown now and then only."""

    def say(self, text: str) -> None:
        """Shows a line, or several, that stay."""

    def aside(self) -> AbstractContextManager[None]:
        """Leaves the terminal to somebody else while the block runs."""

    def ask(self, question: str) -> str | None:
        """Returns a person's answer; None where nobody can be asked."""


@dataclass(frozen=True)
class Step:
    """One line of the list.

    Attributes:
        name: one or two words.
        run: does the step; whatever is there already is found, and not made again.
    """

    name: str
    run: Callable[["Deployment", Told], Outcome]
