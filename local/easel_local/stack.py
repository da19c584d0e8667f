"""Brings the local stack up and takes it down."""

import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_cli.trace import COLLECTOR_FILE, COLLECTOR_VARIABLE
from easel_contract.task import RuntimeType
from easel_local import interrupts
from easel_local.emulator.process import UNWANTED_VARIABLES, Emulator, EmulatorPlace
from easel_local.paths import FUNCTIONS_PACKAGE
from easel_local.ports import LOOPBACK, free_port
from easel_local.presets import runtimes_of
from easel_local.processes import ManagedProcess, start
from easel_local.services import (
    agent_command,
    agent_environment,
    await_runtime,
    simulator_command,
)
from easel_local.state import StackState, StateFile
from easel_local.terraform import Terraform, stack_environment
from easel_simulators.command_line import PATH_VARIABLE

_AGENT_GRACE_SECONDS = 15.0
_GRACE_SECONDS = 5.0
_CREDENTIALS = "credentials"
_FILES = "runtimes"
"""Folder of what simulated runtimes keep on disk."""


class StackError(Exception):
    """The stack cannot be brought up; the message says what to do."""


@dataclass(frozen=True)
class StackOptions:
    """What a user may choose.

    Attributes:
        port: of the emulator; 0 takes a free one.
        service_seconds: how long a simulated runtime takes for one task.
        runtimes: presets to deploy.
        runtime_urls: real servers to use in place of simulated ones, by type.
        traces: whether a collector takes the agents' traces.
    """

    port: int = 0
    service_seconds: float = 1.0
    runtimes: Sequence[str] = ("sdwebui",)
    runtime_urls: Mapping[RuntimeType, str] = field(default_factory=dict)
    traces: bool = False


class LocalStack:
    """The one stack of a home folder: emulator, infrastructure, runtimes, agents."""

    def __init__(self, home: Path, progress: Progress) -> None:
        self.home = home
        self.logs = home / "logs"
        self.state_file = StateFile(home)
        self._progress = progress

    def up(self, options: StackOptions) -> Target:
        """Starts everything; what was started is stopped again where something fails.

        Returns:
            The stack that is up.

        Raises:
            StackError: one is up already.
            easel_local.presets.UnknownRuntimeError: there is no such preset.
            easel_local.ports.PortTakenError: the wanted port is taken.
            easel_local.emulator.process.EmulatorError: the emulator did not start.
            easel_deploy.environments.root_module.TerraformError: Terraform did not apply.
            easel_local.services.ServiceError: a runtime or agent did not come up.
        """
        running = self.state_file.read()
        if running is not None and running.is_running():
            raise StackError(
                f"A stack is already up since {running.started_at:%Y-%m-%d %H:%M:%S} UTC. "
                "`make status` shows it, `make down` takes it down."
            )
        runtimes_of(options.runtimes)  # a wrong name is said before anything is started
        port = free_port(options.port)
        state = StackState(started_at=datetime.now(UTC))
        try:
            return self._up(state, port, options)
        except BaseException:
            self.down()
            raise

    def down(self) -> bool:
        """Stops everything and removes its state; logs and caches stay.

        Returns:
            False where nothing was up.
        """
        state = self.state_file.read()
        if state is None:
            return False
        # A second Ctrl-C must not leave half of it running.
        with self._progress.step("stopping"), interrupts.deferred():
            # Agents first: they finish their task while runtime and AWS are still there.
            for process in reversed(state.processes):
                is_agent = process.name.startswith("agent-")
                process.stop(_AGENT_GRACE_SECONDS if is_agent else _GRACE_SECONDS)
        for folder in ("terraform", "emulator", _FILES):
            shutil.rmtree(self.home / folder, ignore_errors=True)
        for file in ("environment", "outputs.json", COLLECTOR_FILE, _CREDENTIALS):
            (self.home / file).unlink(missing_ok=True)
        self.state_file.remove()
        return True

    def _up(self, state: StackState, port: int, options: StackOptions) -> Target:
        shutil.rmtree(self.logs, ignore_errors=True)
        # Of a stack that was not taken down: every stack has a key of its own.
        (self.home / _CREDENTIALS).unlink(missing_ok=True)
        self.logs.mkdir(parents=True)
        emulator = self._start_emulator(state, port)
        environment = stack_environment(
            self.home / "terraform",
            emulator.environment(),
            {
                "aws_endpoint_url": emulator.endpoint_url,
                "aws_credentials_file": str(emulator.credentials_path),
                "functions_package_path": str(FUNCTIONS_PACKAGE),
                "runtimes": runtimes_of(options.runtimes),
            },
        )
        self._write_environment(environment)
        terraform = Terraform(environment, self.logs / "terraform.log")
        with self._progress.step("terraform init"):
            terraform.init()
        with self._progress.step("terraform apply") as update:
            terraform.apply(update)
        outputs = terraform.outputs()
        state.target = Target.from_outputs(outputs)
        (self.home / "outputs.json").write_text(json.dumps(outputs, indent=2))
        self.state_file.write(state)
        tracing = self._start_collector(state) if options.traces else {}
        with self._progress.step("runtimes and queue agents"):
            for name in state.target.runtimes:
                type_ = state.target.runtimes[name].type
                files = None if type_ in options.runtime_urls else self._runtime_files(name)
                url = self._runtime_url(state, state.target, name, options, files)
                environment = agent_environment(
                    name, state.target, url, emulator.environment(), files
                )
                self._start(state, f"agent-{name}", agent_command(), {**environment, **tracing})
        return state.target

    def _start_collector(self, state: StackState) -> dict[str, str]:
        """Starts a collector; returns what tells agents, and `easel trace`, of it."""
        port = free_port()
        program = [sys.executable, "-m", "easel_local.collector", "--port", str(port)]
        self._start(state, "collector", program, os.environ)
        tracing = {COLLECTOR_VARIABLE: f"http://{LOOPBACK}:{port}"}
        (self.home / COLLECTOR_FILE).write_text(tracing[COLLECTOR_VARIABLE])
        return tracing

    def _runtime_files(self, name: str) -> Path:
        folder = self.home / _FILES / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _runtime_url(
        self,
        state: StackState,
        target: Target,
        name: str,
        options: StackOptions,
        files: Path | None,
    ) -> str:
        runtime = target.runtimes[name]
        if files is None:
            return options.runtime_urls[runtime.type]
        port, secret = free_port(), secrets.token_urlsafe(16)
        url = f"http://{LOOPBACK}:{port}/{secret}"
        command = simulator_command(runtime, port, options.service_seconds, files)
        environment = {**os.environ, PATH_VARIABLE: secret}
        process = self._start(state, f"runtime-{name}", command, environment)
        await_runtime(process, runtime.type, url)
        return url

    def _start_emulator(self, state: StackState, port: int) -> Emulator:
        with self._progress.step("AWS emulator"), interrupts.deferred():
            log = self.logs / "emulator.log"
            emulator = Emulator(
                log_path=log,
                place=EmulatorPlace(port, self.home / _CREDENTIALS),
                enforce_iam=True,
            )
            emulator.start()
            self._keep(state, ManagedProcess.of_pid("emulator", emulator.pid, log))
        return emulator

    def _start(
        self, state: StackState, name: str, command: list[str], environment: Mapping[str, str]
    ) -> ManagedProcess:
        with interrupts.deferred():
            process = start(name, command, environment, self.logs / f"{name}.log")
            self._keep(state, process)
        return process

    def _keep(self, state: StackState, process: ManagedProcess) -> None:
        # At once: a command that dies here must not leave a process that nothing knows of.
        state.processes.append(process)
        self.state_file.write(state)

    def _write_environment(self, environment: Mapping[str, str]) -> None:
        # For a person's own `terraform` and `aws`: what differs from the shell they are in.
        lines = [
            f"export {name}={shlex.quote(value)}"
            for name, value in sorted(environment.items())
            if name.startswith(("AWS_", "TF_")) and os.environ.get(name) != value
        ]
        lines += [f"unset {' '.join(UNWANTED_VARIABLES)}"]
        (self.home / "environment").write_text("\n".join(lines) + "\n")
