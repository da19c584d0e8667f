"""Settings that an estate on this machine has beside its own, for the tests that go against it.

On AWS nobody gets them: there a second tenant and a publisher are a person's choice.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EXPRESSION = (
    "api_keys = var.api_keys, task_publishers = var.task_publishers, "
    "authorization = var.authorization"
)
"""Attributes of an object for `terraform console`: what `write_settings` builds upon."""

NEIGHBOUR = "neighbour"
"""Name of the second API key, and so of the second tenant."""

_FILE = "zz-this-machine.auto.tfvars.json"
"""Terraform takes the last of the files by name: each holds what the others say, and more."""
_ACCOUNT = "000000000000"


def remove_settings(root: Path) -> None:
    """Removes what an earlier call has written, so that Terraform tells a person's own settings.

    Args:
        root: the root module of this machine, not the checkout's.
    """
    (root / _FILE).unlink(missing_ok=True)


def write_settings(root: Path, region: str, told: Mapping[str, Any]) -> None:
    """Gives the tests a second tenant and the right to publish tasks, beside what is set.

    Args:
        root: the root module of this machine, not the checkout's.
        region: of the estate.
        told: what Terraform says of EXPRESSION.
    """
    partition = "aws-cn" if region.startswith("cn-") else "aws"
    publisher = f"arn:{partition}:iam::{_ACCOUNT}:root"  # whose key the emulator's clients have
    settings: dict[str, Any] = {
        "task_publishers": list(dict.fromkeys([*told["task_publishers"], publisher]))
    }
    if told["authorization"] == "API_KEY" and len(told["api_keys"]) == 1:
        settings["api_keys"] = {**told["api_keys"], NEIGHBOUR: {}}
    (root / _FILE).write_text(json.dumps(settings, indent=2) + "\n")
