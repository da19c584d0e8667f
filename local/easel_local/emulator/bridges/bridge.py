"""What a bridge is: one function of ministack that is wrapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Response = tuple[int, dict[str, str], bytes]
"""Status, headers and body, as ministack's handlers give them."""


@dataclass(frozen=True)
class Bridge:
    """One replaced function.

    Attributes:
        owner: the module, class or table that holds the function.
        name: of the function there.
        wrap: makes the replacement from the function; of a table, from None where it has none.
    """

    owner: ModuleType | type | dict[str, Any]
    name: str
    wrap: Callable[[Any], Any]

    def build(self) -> None:
        """Puts the replacement in place."""
        if isinstance(self.owner, dict):
            self.owner[self.name] = self.wrap(self.owner.get(self.name))
        else:
            setattr(self.owner, self.name, self.wrap(getattr(self.owner, self.name)))
