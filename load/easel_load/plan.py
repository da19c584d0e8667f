"""What the sending process is told, in a file, and what it tells of each request."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from easel_contract.task import TaskType

PLAN_VARIABLE = "EASEL_LOAD_PLAN"
"""Names the plan's file."""
KEYS_VARIABLE = "EASEL_LOAD_KEYS"
"""Holds the API keys, a JSON object by tenant: arguments and files can be read by others."""


_RATE_PER_USER = 0.2
_MOST_USERS = 500


class PlannedShare(BaseModel):
    """One kind of request; see `easel_load.mix.Share`."""

    model_config = ConfigDict(frozen=True)

    runtime: str
    tasktype: TaskType
    content: dict[str, Any]
    weight: int


class Plan(BaseModel):
    """One run of the sender.

    Attributes:
        target: of the stack, as JSON.
        rates: tasks per second, for each second.
        shares: of the mix.
        tenants: weights of the API keys, by tenant; none where requests are signed.
        prefix: folder in the output bucket.
        deadline_seconds: of each task.
        max_tasks: after which nothing more is sent.
        sent: file that gets a line of JSON for each request (`Sent`).
    """

    model_config = ConfigDict(frozen=True)

    target: str
    rates: list[float]
    shares: list[PlannedShare]
    tenants: dict[str, int]
    prefix: str
    deadline_seconds: int
    max_tasks: int
    sent: Path

    @property
    def rate_per_user(self) -> float:
        """Tasks a second of one of Locust's users.

        So small that a slow answer hardly delays the user's next task: arrivals do not slow down
        with the stack (an open model).
        """
        lowest = min((rate for rate in self.rates if rate > 0), default=_RATE_PER_USER)
        return max(min(_RATE_PER_USER, lowest), max(self.rates, default=0.0) / _MOST_USERS)


class Sent(BaseModel):
    """One request and its answer.

    Attributes:
        at: when it was sent, in seconds since 1970.
        seconds: until the answer.
        status: of the answer; 0 where none came.
        uid: of the task; None where none was made.
        runtime: that it is for.
        tasktype: that it asks for.
        tenant: whose key it carried; "" where requests are signed.
        says_when: whether a refusal had the header Retry-After.
        error: the code of a refusal, or why no answer came.
    """

    model_config = ConfigDict(frozen=True)

    at: float
    seconds: float
    status: int
    uid: str | None = None
    runtime: str
    tasktype: TaskType
    tenant: str = ""
    says_when: bool = False
    error: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether it became a task."""
        return self.uid is not None
