"""The cost of a task, by the price of its runtime."""

from dataclasses import dataclass

from easel_contract.usage import Usage

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Pricing:
    """The price of a pod of a runtime.

    Attributes:
        per_hour: in the currency; None where no price is set.
        currency: ISO 4217.
    """

    per_hour: float | None
    currency: str

    def priced(self, usage: Usage) -> Usage:
        """Returns a usage with its cost."""
        if self.per_hour is None:
            return usage
        cost = round(usage.gpu_seconds * self.per_hour / _SECONDS_PER_HOUR, 8)
        return usage.model_copy(update={"cost": cost, "currency": self.currency})
