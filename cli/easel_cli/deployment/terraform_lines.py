"""What Terraform says with -json, a line each.

Format: https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

import json
from dataclasses import dataclass, field
from typing import Any

_SHOWN_LINES = 25


@dataclass(frozen=True)
class Changes:
    """How many resources a plan changes.

    Attributes:
        add: that are made.
        change: that are changed in place.
        remove: that are destroyed, also where another takes their place.
        takes_over: that are imported.
    """

    add: int = 0
    change: int = 0
    remove: int = 0
    takes_over: int = 0

    def __str__(self) -> str:
        taken = f", {self.takes_over} to take over" if self.takes_over else ""
        return f"{self.add} to add, {self.change} to change, {self.remove} to destroy{taken}"


@dataclass
class TerraformLines:
    """Reads the lines of one run.

    Attributes:
        planned: of the plan; None before it is told.
        errors: what stopped the run.
        warnings: what did not.
        ended: how many resources were made, changed or destroyed by now.
        working_on: address of the resource that was told of last.
    """

    planned: Changes | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ended: int = 0
    working_on: str = ""
    _plain: list[str] = field(default_factory=list)

    def read(self, line: str) -> None:
        """Takes a line; what is no JSON is what easel says around Terraform."""
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict) or "type" not in message:
            if line.strip():
                self._plain = [*self._plain, line][-_SHOWN_LINES:]
            return
        kind = message["type"]
        if kind == "change_summary":
            self._summary(message.get("changes") or {})
        elif kind == "diagnostic":
            self._diagnostic(message.get("diagnostic") or {})
        elif kind in ("apply_start", "apply_progress", "apply_complete", "provision_progress"):
            hook = message.get("hook") or {}
            self.working_on = str((hook.get("resource") or {}).get("addr", ""))
            # What is only read is no change, and the plan has not counted it.
            self.ended += kind == "apply_complete" and hook.get("action") != "read"

    @property
    def why(self) -> str:
        """What a person is told where the run failed."""
        return "\n".join(self.errors or self._plain or ["it said nothing"])

    def _summary(self, changes: dict[str, Any]) -> None:
        if changes.get("operation", "plan") == "plan":
            self.planned = Changes(
                *(int(changes.get(name, 0)) for name in ("add", "change", "remove", "import"))
            )

    def _diagnostic(self, found: dict[str, Any]) -> None:
        where = f" ({found['address']})" if found.get("address") else ""
        detail = f": {found['detail']}" if found.get("detail") else ""
        told = f"{found.get('summary', '')}{detail}{where}"
        (self.errors if found.get("severity") == "error" else self.warnings).append(told)
