"""The program that plans and applies a region: scripts/estate, or what takes its place."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from easel_cli.deployment.programs import Program
from easel_cli.deployment.step import StepError
from easel_cli.deployment.terraform_lines import Changes, TerraformLines

PROGRAM_VARIABLE = "EASEL_ESTATE"
"""Names another program with the verbs of scripts/estate, and with `start REGION NAME`, which
brings its AWS up and prints a JSON object: `environment`, variables that lead the AWS SDKs there;
`unset`, variables that would lead elsewhere; `outputs`, the file for `easel --outputs` that an
apply writes. `make deploy LOCAL=1` sets it."""

ROOT = Path(__file__).resolve().parents[3]

_START_SECONDS = 120
_OUTPUT_SECONDS = 600
_MEND_SECONDS = 1800

_STALE = "Saved plan is stale"
"""Summary of Terraform's error: internal/backend/local/backend_apply.go and backend_local.go."""

Progress = Callable[[str], None]


class StalePlanError(StepError):
    """The state has changed since the plan was made; nothing was applied."""


class Estate:
    """Plans and applies one region."""

    def __init__(self, region: str, program: Sequence[str] | None, logs: Path) -> None:
        """Nothing is run yet.

        Args:
            region: folder under envs/.
            program: with an AWS of its own; None: scripts/estate, and AWS.
            logs: folder for all that it prints.
        """
        self.region = region
        self._own = tuple(program or ())
        self._program = self._own or (str(ROOT / "scripts" / "estate"),)
        self.logs = logs
        self.outputs_file: Path | None = None
        """Written after an apply, where the AWS is the program's own."""

    @classmethod
    def of_environment(cls, region: str) -> "Estate":
        """Returns the one that PROGRAM_VARIABLE names."""
        named = os.environ.get(PROGRAM_VARIABLE)
        home = Path(os.environ.get("EASEL_HOME") or ROOT / ".easel")
        return cls(region, shlex.split(named) if named else None, home / "deploy" / region)

    @property
    def is_emulated(self) -> bool:
        """Whether the AWS is the program's own: no node runs, and no registry is there."""
        return bool(self._own)

    def start(self, name: str) -> None:
        """Brings the program's own AWS up and leads this process there; does nothing for AWS.

        Args:
            name: of the stack.

        Raises:
            StepError: it does not come up.
        """
        if not self._own:
            return
        answer = self._answer("start", self.region, name, seconds=_START_SECONDS)
        found = json.loads(answer.strip().rpartition("\n")[2])
        for variable in found["unset"]:
            os.environ.pop(variable, None)
        os.environ.update(found["environment"])
        self.outputs_file = Path(found["outputs"])

    def mend(self) -> str:
        """Mends what an interrupted apply has left in the state.

        Returns:
            What was mended, for people; "" where nothing was.

        Raises:
            StepError: it could not be done; the message says how to go on without.
        """
        return self._told("mend", self.region, seconds=_MEND_SECONDS).stderr.strip()

    def plan(self, progress: Progress, file: Path) -> TerraformLines:
        """Returns what an apply would change.

        Args:
            progress: is told how far it is.
            file: gets the plan, for `apply_plan`.

        Raises:
            StepError: Terraform refuses it; its own words are in the message.
        """
        lines = self._run("plan", (f"-out={file}",), progress)
        if lines.planned is None:
            lines.planned = Changes()
        return lines

    def apply_plan(self, file: Path, planned: Changes, progress: Progress) -> TerraformLines:
        """Applies a plan as it was shown.

        Args:
            file: that `plan` has written.
            planned: what it counts.
            progress: is told how far it is.

        Raises:
            StalePlanError: the state has changed since.
            StepError: it failed; Terraform's own words are in the message.
            KeyboardInterrupt: a signal came; Terraform has ended in its own order.
        """
        return self._run("apply", (str(file),), progress, planned)

    def apply_module(self, target: str, progress: Progress) -> TerraformLines:
        """Applies a module alone.

        Args:
            target: its address.
            progress: is told how far it is.

        Raises:
            StepError: it failed; Terraform's own words are in the message.
            KeyboardInterrupt: a signal came; Terraform has ended in its own order.
        """
        return self._run("apply", ("-auto-approve", f"-target={target}"), progress)

    def outputs(self) -> dict[str, Any]:
        """Returns the values of the outputs by name; none before the first apply.

        Raises:
            StepError: the state cannot be read.
        """
        answer = self._answer("output", self.region, "-json", seconds=_OUTPUT_SECONDS)
        try:
            return {name: one["value"] for name, one in json.loads(answer).items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StepError(f"the outputs of envs/{self.region} cannot be read: {error}") from error

    def _run(
        self,
        verb: str,
        options: Sequence[str],
        progress: Progress,
        planned: Changes | None = None,
    ) -> TerraformLines:
        lines = TerraformLines(planned)
        log = self.logs / f"{verb}.log"

        def on_line(line: str) -> None:
            lines.read(line)
            total = lines.planned.add + lines.planned.change if lines.planned else 0
            of = f" of {total}" if total else ""
            progress(f"{lines.ended}{of} done, {lines.working_on or verb}")

        command = [*self._program, verb, self.region, "-input=false", "-json", *options]
        try:
            status = Program(command, os.environ, log).run(on_line)
        except OSError as error:
            raise StepError(f"{shlex.join(command)} cannot be run: {error.strerror}") from error
        if status and any(one.startswith(_STALE) for one in lines.errors):
            raise StalePlanError(lines.why)
        if status:
            raise StepError(f"{verb} ended with status {status} (all of it: {log}):\n{lines.why}")
        return lines

    def _answer(self, *words: str, seconds: float) -> str:
        return self._told(*words, seconds=seconds).stdout

    def _told(self, *words: str, seconds: float) -> "subprocess.CompletedProcess[str]":
        command = [*self._program, *words]
        try:
            done = subprocess.run(  # noqa: S603 - no shell
                command,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StepError(f"{shlex.join(command)} cannot be run: {error}") from error
        if done.returncode:
            raise StepError(f"{shlex.join(command)} failed:\n{done.stderr.strip()}")
        return done
