"""A probe: a message by which an apply finds out whether tasks reach a runtime's queue.

`easel_probe` publishes it with a task's attributes, `easel-deploy runtime probe` takes it out of
the queue. An agent that gets one in between does not touch the runtime. Why: docs/adr/0043.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from easel_contract.envelope import unwrap
from easel_contract.errors import ContractError
from easel_contract.identifiers import RuntimeName

MAX_PROBES_AT_ONCE = 10
"""That one call publishes."""

PROBE_LIFE_SECONDS = 60
"""For which whoever sent a probe may still be looking for it."""

MESSAGE_GROUP = "easel-probe"
"""In place of a tenant; no tenant's name: those of keys are known, those of principals are ARNs."""

_MAX_BODY_CHARACTERS = 4096

RunName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]


class Probe(BaseModel):
    """One probe of a run of `easel-deploy runtime probe`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: RuntimeName
    run: RunName
    number: int = Field(ge=1, le=1_000_000)


class ProbeMessage(BaseModel):
    """The message, as the topic gets it: nothing that a task's message has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probe: Probe


class ProbeOrder(BaseModel):
    """The request to the probe function: probes with successive numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: RuntimeName
    run: RunName
    first: int = Field(ge=1, le=1_000_000)
    count: int = Field(ge=1, le=MAX_PROBES_AT_ONCE)

    def messages(self) -> list[ProbeMessage]:
        """Returns the messages to publish, in order."""
        return [
            ProbeMessage(probe=Probe(runtime=self.runtime, run=self.run, number=number))
            for number in range(self.first, self.first + self.count)
        ]


def read_probe(body: str) -> Probe | None:
    """Reads the probe in an SQS body; None where the body is a task, or anything else."""
    # A task is not parsed for this: it may be long.
    if len(body) > _MAX_BODY_CHARACTERS or "probe" not in body:
        return None
    try:
        return ProbeMessage.model_validate(unwrap(body)).probe
    except (ContractError, ValidationError):
        return None
