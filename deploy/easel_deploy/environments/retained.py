"""What goes out of Terraform's state before a destroy, and comes back before the next apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easel_deploy.environments.retained_marks import Markable

Managed = Mapping[str, Mapping[str, Any]]
"""Attributes of what the state manages, by address."""


@dataclass(frozen=True)
class Retained:
    """Something that a destroy leaves."""

    addresses: tuple[str, ...]
    """What leaves the state; none where an earlier destroy has done it."""

    things: tuple[Markable, ...]
    """What is marked before that."""

    reason: str
    """What it is, why it stays, and how to remove it for good."""


@dataclass(frozen=True)
class Import:
    """Something that is there and that the next apply would make."""

    address: str
    identity: str
    """As `terraform import` takes it."""

    thing: Markable | None = None
    """What loses its mark once it is in the state."""
