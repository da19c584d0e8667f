"""What a task took of a runtime: in its record and in its callback."""

from pydantic import BaseModel, ConfigDict


class Usage(BaseModel):
    """What a task took, all tries together."""

    model_config = ConfigDict(frozen=True)

    gpu_seconds: float = 0.0
    """Seconds that the runtime worked on the task."""
    pictures: int = 0
    """Stored outputs."""
    cost: float | None = None
    """`gpu_seconds` at the runtime's price per hour; null where the runtime has no price."""
    currency: str | None = None
    """Of the cost, such as USD or CNY (ISO 4217)."""
