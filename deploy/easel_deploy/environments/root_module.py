"""Runs Terraform in the folder of an environment."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easel_deploy.environments.foreground import run_to_its_end

_ANSWER_SECONDS = 300


class TerraformError(Exception):
    """Terraform failed; it has said why itself, or the message does."""


class RootModule:
    """A folder under envs/ that `terraform init` was run in."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """Names the folder; nothing is run yet.

        Args:
            folder: the root module.
            environment: of Terraform's processes; None: this process's own.
        """
        self.folder = folder
        self._environment = dict(os.environ if environment is None else environment)

    def outputs(self) -> dict[str, Any]:
        """Returns the outputs' values; none before the first apply.

        Raises:
            TerraformError: the state cannot be read.
        """
        outputs: dict[str, Any] = json.loads(self._answer("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def resources(self) -> list[str]:
        """Returns the addresses of all that is in the state.

        Raises:
            TerraformError: the state cannot be read.
        """
        # An empty state is no file, and that Terraform calls a failure.
        if not self._answer("state", "pull").strip():
            return []
        return self._answer("state", "list").split()

    def managed(self) -> dict[str, dict[str, Any]]:
        """Returns the attributes of what the state manages, by address; data sources are left out.

        Raises:
            TerraformError: the state cannot be read.
        """
        pulled = self._answer("state", "pull").strip()
        # An empty state is no file.
        blocks = json.loads(pulled)["resources"] if pulled else []
        return {
            _address(block, instance): instance["attributes"]
            for block in blocks
            if block["mode"] == "managed"
            for instance in block["instances"]
        }

    def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression over the variables, such as `var.name`.

        Raises:
            TerraformError: it cannot be evaluated.
        """
        answer = self._answer("console", stdin=f"jsonencode({expression})\n")
        # Before it come warnings, where something else of the configuration cannot be evaluated: a
        # destroy that broke off has left half of what it refers to.
        last = answer.strip().rpartition("\n")[2]
        try:
            return json.loads(json.loads(last))
        except (ValueError, TypeError):
            raise TerraformError(f"terraform console cannot say {expression}:\n{answer}") from None

    def run(self, *arguments: str) -> None:
        """Runs Terraform at this process's terminal.

        Raises:
            TerraformError: it failed.
            KeyboardInterrupt: it was interrupted, and has ended in its own order.
        """
        sys.stdout.flush()  # What was said before stands before what Terraform says.
        status = run_to_its_end(self._command(*arguments), self._environment)
        if status:
            raise TerraformError(f"terraform {arguments[0]} ended with status {status}")

    def _answer(self, *arguments: str, stdin: str = "") -> str:
        answer = subprocess.run(  # noqa: S603 - no shell
            self._command(*arguments),
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
        if answer.returncode:
            raise TerraformError(
                f"terraform {' '.join(arguments)} failed:\n{answer.stderr.strip()}"
            )
        return answer.stdout

    def _command(self, *arguments: str) -> list[str]:
        return ["terraform", f"-chdir={self.folder}", *arguments]


def _address(block: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    module = f"{block['module']}." if "module" in block else ""
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    return f"{module}{block['type']}.{block['name']}{index}"
