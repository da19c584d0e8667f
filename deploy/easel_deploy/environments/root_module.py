"""Runs Terraform in the folder of a root module: all of easel's own calls of Terraform are here.

Docs: ADR 6 (what the tests run Terraform with).
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from easel_deploy.environments.foreground import run_to_its_end

_ANSWER_SECONDS = 300
_INIT_SECONDS = 600
_TAIL_LINES = 15
_LOCKED = "Error acquiring the state lock"
_LOCKED_SECONDS, _LOCKED_PAUSE_SECONDS = 30.0, 1.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""Of an output that is no terminal: `terraform console` and `state` have no -no-color."""


class TerraformError(Exception):
    """Terraform failed; it has said why itself, or the message does."""


class RootModule:
    """A folder with a root module, such as envs/us-east-1."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """Names the folder; nothing is run yet.

        Args:
            folder: the root module.
            environment: of Terraform's processes; None: this process's own.
        """
        self.folder = folder
        self._environment = dict(os.environ if environment is None else environment)

    def initialise(self, *options: str) -> None:
        """Fetches modules and providers, and connects the backend.

        Args:
            options: further arguments of `terraform init`.

        Raises:
            TerraformError: init failed; the message has what Terraform printed.
        """
        try:
            answer = self.call("init", "-input=false", "-no-color", *options, seconds=_INIT_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            raise TerraformError(f"terraform cannot be run: {error}") from error
        if answer.returncode:
            printed = (answer.stdout + answer.stderr).strip()
            raise TerraformError(f"terraform init failed:\n{printed}")

    def outputs(self) -> dict[str, Any]:
        """Returns the outputs' values; none before the first apply.

        Raises:
            TerraformError: the state cannot be read.
        """
        outputs = _parsed(self._answer("output", "-json"), "outputs")
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

    def state(self) -> dict[str, Any]:
        """Returns the state as Terraform keeps it; an empty one has no keys.

        Raises:
            TerraformError: the state cannot be read.
        """
        pulled = self._answer("state", "pull").strip()
        # An empty state is no file.
        return _parsed(pulled, "state") if pulled else {}

    def read(self, *arguments: str) -> str:
        """Returns what Terraform prints.

        Args:
            arguments: verb and options.

        Raises:
            TerraformError: Terraform failed.
        """
        return self._answer(*arguments)

    def managed(self) -> dict[str, dict[str, Any]]:
        """Returns the attributes of what the state manages, by address; data sources are left out.

        Raises:
            TerraformError: the state cannot be read.
        """
        return {
            address_of(block, instance): instance["attributes"]
            for block in self.state().get("resources", [])
            if block["mode"] == "managed"
            for instance in block["instances"]
        }

    def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression over the variables, such as `var.name`.

        Raises:
            TerraformError: it cannot be evaluated.
        """
        answer = self._unlocked("console", stdin=f"jsonencode({expression})\n")
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

    def show(self, verb: str, *options: str) -> int:
        """Runs a verb at this process's terminal, in colours only where that is one.

        Args:
            verb: such as "plan".
            options: its further arguments.

        Returns:
            Terraform's exit status.

        Raises:
            KeyboardInterrupt: Terraform was interrupted, and has ended in its own order.
        """
        sys.stdout.flush()
        return run_to_its_end(self._shown(verb, *options), self._environment)

    def become(self, verb: str, *options: str) -> NoReturn:
        """Replaces this process by Terraform: signals and exit status are Terraform's own.

        Args:
            verb: such as "plan"; in colours only where standard output is a terminal.
            options: its further arguments.

        Raises:
            TerraformError: there is no Terraform.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        command = self._shown(verb, *options)
        try:
            os.execvpe(command[0], command, self._environment)  # noqa: S606 - no shell wanted
        except OSError as error:
            raise TerraformError(f"terraform cannot be run: {error}") from error

    def lines(self, log: Path, *arguments: str) -> Iterator[str]:
        """Yields what Terraform prints, line by line as it comes.

        Terraform ends with the iterator: a caller that is interrupted takes it down at once, and
        its providers with it.

        Args:
            log: file that all lines are added to.
            arguments: verb and options.

        Raises:
            TerraformError: Terraform failed; the message has its last lines.
        """
        command = self._command(*arguments)
        process = subprocess.Popen(  # noqa: S603 - no shell, our own arguments
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Its providers are its children: interrupted, the whole session goes.
            start_new_session=True,
        )
        printed: list[str] = []
        with log.open("a") as file, _killed_on_exit(process):
            for line in process.stdout or ():
                file.write(line)
                printed.append(line)
                yield line
        if process.returncode:
            tail = "".join(printed[-_TAIL_LINES:]).strip()
            raise TerraformError(f"`{' '.join(command[:3])}` failed:\n{tail}\n(log: {log})")

    def call(
        self, *arguments: str, stdin: str = "", seconds: float = _ANSWER_SECONDS
    ) -> "subprocess.CompletedProcess[str]":
        """Runs Terraform out of sight.

        Args:
            arguments: verb and options.
            stdin: what Terraform reads.
            seconds: how long Terraform may take.

        Returns:
            The ended process, whatever its exit status, with what it printed.

        Raises:
            OSError: Terraform cannot be started: FileNotFoundError where there is none.
            subprocess.TimeoutExpired: Terraform took longer, and was killed.
        """
        return subprocess.run(  # noqa: S603 - no shell
            self._command(*arguments),
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def _unlocked(self, *arguments: str, stdin: str) -> str:
        """Answers a verb that locks the state and has no option not to, though it only reads."""
        deadline = time.monotonic() + _LOCKED_SECONDS
        while True:
            try:
                return self._answer(*arguments, stdin=stdin)
            except TerraformError as error:
                if _LOCKED not in str(error):
                    raise
                if time.monotonic() > deadline:
                    raise TerraformError(
                        f"another command is at work on {self.folder}, and its state is locked: "
                        "try again when that has ended"
                    ) from error
            time.sleep(_LOCKED_PAUSE_SECONDS)

    def _answer(self, *arguments: str, stdin: str = "") -> str:
        answer = self.call(*arguments, stdin=stdin)
        if answer.returncode:
            said = _COLOURS.sub("", answer.stderr).strip()
            raise TerraformError(f"terraform {' '.join(arguments)} failed:\n{said}")
        return answer.stdout

    def _shown(self, verb: str, *options: str) -> list[str]:
        # Terraform colours what it writes into a file, too.
        plain = () if sys.stdout.isatty() else ("-no-color",)
        return self._command(verb, *plain, *options)

    def _command(self, *arguments: str) -> list[str]:
        return ["terraform", f"-chdir={self.folder}", *arguments]


@contextlib.contextmanager
def _killed_on_exit(process: "subprocess.Popen[str]") -> Iterator[None]:
    try:
        yield
        process.wait()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _parsed(printed: str, subject: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(printed)
    except ValueError as error:
        raise TerraformError(f"terraform's {subject} cannot be read: {error}") from error
    return value


def address_of(block: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    """Returns the address of an instance, as the state's blocks hold both."""
    module = f"{block['module']}." if "module" in block else ""
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    return f"{module}{block['type']}.{block['name']}{index}"
