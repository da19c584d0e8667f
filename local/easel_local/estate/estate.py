"""Plans, applies and destroys a region's environment on this machine."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from easel_cli.target import Target
from easel_deploy.environments.broken_off import THOROUGH
from easel_deploy.environments.destroy import EMULATED_VARIABLE
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.environments.terraform_options import is_saved_plan, is_targeted
from easel_deploy.exit_status import ExitStatus
from easel_local import interrupts
from easel_local.emulator.process import UNWANTED_VARIABLES
from easel_local.estate.folder import root_folder
from easel_local.estate.pods import EstatePods, stop_pods
from easel_local.estate.services import (
    EstateServices,
    program_environment,
    stop_processes,
    terraform_environment,
    write_target,
)
from easel_local.estate.state import EstateState
from easel_local.estate.testers import EXPRESSION, remove_settings, write_settings
from easel_local.paths import FUNCTIONS_PACKAGE, ROOT
from easel_local.processes import ManagedProcess

_NAME = re.compile(r"[a-z0-9-]+")


class EstateError(Exception):
    """It cannot be done; the message says what to do."""


class Estate:
    """One environment's estate on this machine."""

    def __init__(self, environment: str, home: Path) -> None:
        """Names it; nothing is run yet.

        Args:
            environment: folder under envs/ with a terraform.tfvars.
            home: for state, logs and processes of this estate alone.

        Raises:
            EstateError: there is no such environment.
        """
        settings = ROOT / "envs" / environment / "terraform.tfvars"
        if not _NAME.fullmatch(environment) or not settings.is_file():
            raise EstateError(_unknown(environment))
        if environment == "local":
            raise EstateError("envs/local has its own verbs: make up, make status, make down.")
        if not FUNCTIONS_PACKAGE.is_file():
            raise EstateError("The intake function's zip is missing: run `make package` first.")
        self._environment = environment
        self._home = home
        self._root: Path = home / "envs" / environment

    def plan(self, options: Sequence[str]) -> int:
        """Shows what an apply would change; nothing is left running that was not.

        Args:
            options: of `terraform plan`.

        Returns:
            Terraform's exit status.

        Raises:
            EstateError: `terraform init` failed.
        """
        with ExitStack() as stack:
            state = self._whole_state()
            if state is None:
                state = self._initialised()
                services = EstateServices.start(state, self._home)
                stack.callback(services.stop)
            else:
                self._initialised()
            return self._terraform(state, "plan", *options)

    def apply(self, options: Sequence[str]) -> int:
        """Makes it so, and leaves emulator, API server, runtimes and queue agents running.

        Args:
            options: of `terraform apply`.

        Returns:
            Terraform's exit status.

        Raises:
            EstateError: `terraform init` failed.
            easel_local.services.ServiceError: a runtime did not come up.
        """
        state = self._whole_state()
        if state is None:
            state = self._initialised()
            EstateServices.start(state, self._home)
            state.write(self._home)
        else:
            self._initialised()
        self._write_environment(state)
        if not is_saved_plan(options) and (status := self._mend(state)):
            return status
        status = self._terraform(state, "apply", *options)
        if status == 0:
            values = RootModule(self._root, program_environment(state.environment)).outputs()
            target = self._write_target(state, values)
            if target is not None:
                self._start_pods(state, target, values)
            sys.stdout.write(self._how_to_use(state, target))
        else:
            sys.stdout.write(
                f"\nEmulator and API server still run: apply again, or take them down with "
                f"make destroy ENV={self._environment} LOCAL=1\n"
            )
        return status

    def output(self, options: Sequence[str]) -> int:
        """Prints the outputs.

        Args:
            options: of `terraform output`.

        Returns:
            Terraform's exit status.

        Raises:
            EstateError: nothing is up.
        """
        state = self._needed_state()
        if not self._root.is_dir():  # its AWS was started, and nothing applied
            self._initialised()
        return self._terraform(state, "output", *options)

    def destroy(self, options: Sequence[str]) -> int:
        """Destroys what was applied, in the order that a destroy on AWS has; stops all processes.

        Args:
            options: of `terraform destroy`.

        Returns:
            0 destroyed, 1 failed, 3 not agreed to.

        Raises:
            EstateError: nothing is up.
        """
        state = self._needed_state()
        command = [
            sys.executable,
            "-m",
            "easel_deploy.environments.destroy",
            str(self._root),
            *options,
        ]
        environment = program_environment({**state.environment, EMULATED_VARIABLE: "1"})
        status = _to_its_end(partial(subprocess.call, command, env=environment))
        if status == 0 and not is_targeted(options):
            self._forget(state)
            sys.stdout.write(
                "easel: all of this was on this machine's emulator, which has ended: nothing is "
                "kept, no picture\n  either. The next apply begins anew.\n"
            )
        return status

    def _whole_state(self) -> EstateState | None:
        state = EstateState.read(self._home)
        if state is None or state.is_whole():
            return state
        # What was applied lived in those processes.
        sys.stdout.write("easel: what was applied before is gone, as its processes have ended.\n")
        self._forget(state)
        return None

    def _needed_state(self) -> EstateState:
        state = self._whole_state()
        if state is None:
            raise EstateError(
                f"Nothing of {self._environment} is up on this machine: "
                f"make apply ENV={self._environment} LOCAL=1"
            )
        return state

    def _forget(self, state: EstateState) -> None:
        stop_processes(state)
        shutil.rmtree(self._home, ignore_errors=True)

    def _initialised(self) -> EstateState:
        root_folder(self._environment, self._home)
        state = EstateState(name="", region="", started_at=datetime.now(UTC))
        module = RootModule(self._root, program_environment(terraform_environment()))
        try:
            module.initialise("-lockfile=readonly")
        except TerraformError as error:
            raise EstateError(str(error)) from error
        remove_settings(self._root)
        stack = module.evaluate(f"{{ name = var.name, region = var.region, {EXPRESSION} }}")
        state.name, state.region = stack["name"], stack["region"]
        write_settings(self._root, state.region, stack)
        return state

    def mend(self, _: Sequence[str]) -> int:
        """Mends what an interrupted apply has left; nothing where nothing was applied.

        Returns:
            0, or 1 where it could not be done.

        Raises:
            EstateError: `terraform init` failed.
        """
        state = self._whole_state()
        if state is None:
            return ExitStatus.COMPLETED
        self._initialised()
        return self._mend(state, THOROUGH)

    def _mend(self, state: EstateState, *options: str) -> int:
        # A process of its own: this one's variables do not lead to the emulator.
        return subprocess.run(  # noqa: S603 - no shell
            [
                sys.executable,
                "-m",
                "easel_deploy.environments.broken_off",
                str(self._root),
                *options,
            ],
            env=program_environment(state.environment),
            check=False,
        ).returncode

    def _terraform(self, state: EstateState, verb: str, *options: str) -> int:
        module = RootModule(self._root, program_environment(state.environment))
        return _to_its_end(partial(module.show, verb, *options))

    def _write_environment(self, state: EstateState) -> None:
        # For a person's own `terraform`, `aws` and `easel`.
        lines = [f"export {name}={shlex.quote(value)}" for name, value in state.environment.items()]
        lines += [f"unset {' '.join(UNWANTED_VARIABLES)}"]
        (self._home / "environment").write_text("\n".join(lines) + "\n")

    def _write_target(self, state: EstateState, values: Mapping[str, Any]) -> Target | None:
        outputs = {name: {"value": one} for name, one in values.items()}
        url = state.environment["AWS_ENDPOINT_URL"]
        credentials = state.environment["AWS_SHARED_CREDENTIALS_FILE"]
        return write_target(outputs, url, credentials, self._home / "outputs.json")

    def _start_pods(self, state: EstateState, target: Target, values: Mapping[str, Any]) -> None:
        # Those of an earlier apply were told what this one may have changed.
        stop_pods(state.pods)
        state.pods = []
        state.write(self._home)

        def keep(process: ManagedProcess) -> None:
            state.pods.append(process)
            state.write(self._home)

        pods = EstatePods.of_outputs(self._home, target, values, state.environment)
        for name in target.runtimes:
            pods.start(name, keep)

    def _how_to_use(self, state: EstateState, target: Target | None) -> str:
        env = self._environment
        # An apply of a part of it (-target) may have made no API.
        here = target.endpoint if target else "none yet"
        use = f"""
see it work      .venv/bin/easel verify --env {env}
send a task      .venv/bin/easel submit --env {env} --prompt "A dog"
test it          make test PYTEST_ARGS="-m e2e --env {env}\""""
        return f"""
{state.name} in {state.region} is up on this machine. No node and no pod runs: a simulated runtime
and a queue agent, as processes, stand in for each runtime's pods.

endpoint here    {here}
AWS here         {state.environment["AWS_ENDPOINT_URL"]}{use if target else ""}
in a shell       . {_shown(self._home / "environment")}
                 terraform -chdir={_shown(self._root)} state list
again            make plan ENV={self._environment} LOCAL=1
take it down     make destroy ENV={self._environment} LOCAL=1
"""


def _to_its_end(program: Callable[[], int]) -> int:
    """A Ctrl-C reaches the program, too, which ends what it does in its own order."""
    try:
        with interrupts.deferred():
            return program()
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED


def _shown(path: Path) -> Path:
    """A path as it is typed in the checkout, where make runs."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _unknown(environment: str) -> str:
    found = sorted(path.parent.name for path in (ROOT / "envs").glob("*/terraform.tfvars"))
    known = ", ".join(name for name in found if name != "local")
    return (
        f"ENV={environment} is no folder of envs/ with a terraform.tfvars. There are: {known}. "
        "Another region: .venv/bin/easel env new us-west-2"
    )
