"""What goes wrong between an agent and AWS, and for how long."""

import time
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tests.aws_proxy.operations import Operation


class FaultKind(StrEnum):
    """What happens to a call."""

    UNAVAILABLE = "unavailable"
    """503 at once; AWS did nothing."""
    THROTTLE = "throttle"
    """400 at once, as DynamoDB says that it is asked too much; AWS did nothing."""
    CUT = "cut"
    """The connection is closed before AWS sees the request."""
    LOSE_ANSWER = "lose_answer"
    """AWS does it; the connection is closed in place of the answer."""
    DELAY = "delay"
    """It takes `delay_seconds` longer."""


class Fault(BaseModel):
    """One fault: what, to which calls, how many of them or for how long.

    Patterns are those of `fnmatch`, such as `DeleteMessage*`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    service: str = "*"
    operation: str = "*"
    path: str = "*"
    """Of the request; for S3 `/<bucket>/<key>`."""
    count: int | None = Field(default=None, ge=1, le=1_000_000)
    """How many calls it strikes; None means all of its time."""
    seconds: float | None = Field(default=None, gt=0, le=86_400)
    """For how long, from now on; None means until `count` is used up."""
    delay_seconds: float = Field(default=0.0, ge=0, le=600)

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.count is None and self.seconds is None:
            raise ValueError("give count, seconds or both: a fault must end")
        return self

    def strikes(self, operation: Operation) -> bool:
        """Whether it is meant for a call."""
        return (
            fnmatchcase(operation.service, self.service)
            and fnmatchcase(operation.name, self.operation)
            and fnmatchcase(operation.path, self.path)
        )


class _Active:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.count
        self.ends_at = None if fault.seconds is None else time.monotonic() + fault.seconds

    def is_over(self) -> bool:
        return self.left == 0 or (self.ends_at is not None and time.monotonic() >= self.ends_at)


class FaultPlan:
    """The faults that are on; the first that strikes a call decides. Of one thread."""

    def __init__(self) -> None:
        self._active: list[_Active] = []

    def add(self, fault: Fault) -> None:
        """Begins a fault now."""
        self._active.append(_Active(fault))

    def clear(self) -> None:
        """Ends all faults."""
        self._active.clear()

    def take(self, operation: Operation) -> Fault | None:
        """The fault that strikes this call, or None."""
        self._active = [active for active in self._active if not active.is_over()]
        for active in self._active:
            if active.fault.strikes(operation):
                if active.left is not None:
                    active.left -= 1
                return active.fault
        return None
