"""A check: a name, and a way to find out. No check raises."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from easel_doctor.excuses import excuse
from easel_doctor.finding import Finding, found, unchecked

LIMIT_SECONDS = 60.0
"""A check takes a few calls, which end by themselves; this is for what hangs all the same."""


class Phase(StrEnum):
    """What a check is about."""

    BEFORE = "before"
    """What an apply needs."""
    AFTER = "after"
    """How a stack that was applied is doing."""


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    Attributes:
        name: a word or two, for reports and scripts; it does not change.
        phase: when it makes sense.
        look: finds out; it may raise whatever AWS, the cluster or the network do.
        limit_seconds: for all of it.
    """

    name: str
    phase: Phase
    look: Callable[[], Finding]
    limit_seconds: float = LIMIT_SECONDS

    def run(self) -> Finding:
        """Looks; what keeps it from looking is what it finds."""
        try:
            return self.look()
        except Exception as error:  # noqa: BLE001 - one check must not end the others
            text, remedy = excuse(error)
            return found("could not be looked at", [unchecked(text, remedy)])
