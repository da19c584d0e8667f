"""The stacks that the tests can go against: one applied for them, one on this machine, one on AWS.

What a test asks of a stack beside its API stands here; None says what a kind of stack has not.
"""

import json
import math
import os
import secrets
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests

from easel_cli.target import Target
from easel_cli.target_source import TargetError, find_target, stack_outputs
from easel_cli.trace import COLLECTOR_VARIABLE
from easel_contract.task import RuntimeType
from easel_local.collector import CollectorServer
from easel_local.credentials import StackCredentials
from easel_local.emulator.process import Emulator
from easel_local.paths import ENVIRONMENT, HOME, ROOT
from easel_local.ports import LOOPBACK, free_port
from easel_local.presets import runtimes_of
from easel_local.processes import ManagedProcess, start
from easel_local.services import (
    agent_command,
    agent_environment,
    await_runtime,
    simulator_command,
)
from easel_local.terraform import stack_environment
from easel_packaging.package_functions import package
from easel_simulators.command_line import PATH_VARIABLE
from tests.provider_process import provider_process
from tests.root_module import AppliedModule

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

NEIGHBOUR = "neighbour"
"""Name of a second API key, and so of a second tenant, where the stack is made for the tests."""

SERVICE_SECONDS = 0.2
_AGENT_GRACE_SECONDS = 20.0
_STEPS_A_SECOND = 10
"""Of a GPU, at 512 x 512; a guess on the slow side is of no harm."""
_MOST_STEPS = {RuntimeType.SDWEBUI: 150, RuntimeType.COMFYUI: 10_000}


class Stack(ABC):
    """A stack that is up.

    Attributes:
        target: as its clients know it.
        result_seconds: within which a task has its result.
        emulator_log: of the emulator; None on AWS.
        collector: of the agents' traces; None where the stack was not made for the tests.
    """

    target: Target
    result_seconds: float = 60.0
    emulator_log: Path | None = None
    collector: CollectorServer | None = None

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """The outputs' values, by their names."""

    @abstractmethod
    def plan(self) -> tuple[int, str]:
        """The exit status of a plan (0: no change, 2: changes) and what it says."""

    def runtime_url(self, _name: str) -> str | None:
        """Where a simulated runtime answers; None for a real one."""
        return None

    def runtime_files(self, _name: str) -> Path | None:
        """The folder of what a simulated runtime keeps on disk; None for a real one."""
        return None

    def slow_down(self, name: str, seconds: float) -> dict[str, Any]:
        """Has the next task of a runtime take about so long.

        Returns:
            What that task's content (SD WebUI) or its sampler (ComfyUI) needs for it: nothing where
            the runtime is simulated, more steps where it is not.
        """
        url = self.runtime_url(name)
        if url is None:
            kind = self.target.runtimes[name].type
            steps = math.ceil(seconds * _STEPS_A_SECOND)
            most = _MOST_STEPS[kind]
            if kind is RuntimeType.COMFYUI:
                return {"steps": min(steps, most)}
            return {"steps": most, "n_iter": math.ceil(steps / most)}
        _add_fault(url, {"kind": "slow", "count": 1, "seconds": seconds})
        return {}

    def fail_once(self, name: str) -> None:
        """Has the next task of a simulated runtime fail, so that it is tried again."""
        url = self.runtime_url(name)
        if url is None:
            pytest.skip("a real runtime does not fail when it is asked to")
        _add_fault(url, {"kind": "bad_gateway", "count": 1})

    def logs_client(self) -> "CloudWatchLogsClient":
        """A client for the stack's CloudWatch Logs."""
        file = self.target.aws_credentials_file
        return boto3.client(
            "logs",
            endpoint_url=self.target.aws_endpoint_url,
            region_name=self.target.region,
            **(StackCredentials.read(file).keywords() if file else {}),
        )


class EmulatedStack(Stack):
    """envs/local, applied on an emulator of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.emulator_log = home / "emulator.log"
        self._exit = ExitStack()
        self._runtime_urls: dict[str, str] = {}

    def up(self) -> "EmulatedStack":
        try:
            self.collector = self._exit.enter_context(CollectorServer(0))
            emulator = self._exit.enter_context(
                Emulator(log_path=self.home / "emulator.log", enforce_iam=True)
            )
            self.aws_environment = emulator.environment()
            functions_package = self.home / "functions.zip"
            package("local", functions_package)
            variables = {
                "aws_endpoint_url": emulator.endpoint_url,
                "aws_credentials_file": str(emulator.credentials_path),
                "functions_package_path": str(functions_package),
                "runtimes": runtimes_of(["sdwebui", "dynamic", "comfyui"]),
                "api_keys": {"default": {}, NEIGHBOUR: {}},
            }
            environment = stack_environment(
                self.home / "terraform", self.aws_environment, variables
            )
            environment = self._exit.enter_context(
                provider_process(self.home / "provider", environment)
            )
            self.module = AppliedModule(ENVIRONMENT, environment)
            self.module.initialise()
            self.module.apply()
            self.target = Target.from_outputs(self.module.described_outputs())
            for name in self.target.runtimes:
                self._start_runtime(name)
        except BaseException:
            self._exit.close()
            raise
        return self

    def down(self) -> None:
        """Stops the processes; asserts that Terraform destroys all that it made."""
        with self._exit:
            self.module.destroy()
            state = self.home / "terraform" / "terraform.tfstate"
            left = self.module.call("state", "list", f"-state={state}")
            assert (left.returncode, left.stdout) == (0, ""), left.stderr

    def values(self) -> dict[str, Any]:
        return self.module.outputs()

    def plan(self) -> tuple[int, str]:
        return self.module.plan()

    def runtime_url(self, name: str) -> str:
        return self._runtime_urls[name]

    def runtime_files(self, name: str) -> Path:
        return self.home / "runtimes" / name

    def _start_process(
        self, name: str, command: list[str], environment: Mapping[str, str]
    ) -> ManagedProcess:
        process = start(name, command, environment, self.home / f"{name}.log")
        self._exit.callback(process.stop, _AGENT_GRACE_SECONDS)
        return process

    def _start_runtime(self, name: str) -> None:
        runtime, port = self.target.runtimes[name], free_port()
        secret = secrets.token_urlsafe(16)
        url = self._runtime_urls[name] = f"http://{LOOPBACK}:{port}/{secret}"
        files = self.runtime_files(name)
        files.mkdir(parents=True)
        command = simulator_command(runtime, port, SERVICE_SECONDS, files)
        process = self._start_process(
            f"runtime-{name}", command, {**os.environ, PATH_VARIABLE: secret}
        )
        await_runtime(process, runtime.type, url)
        environment = agent_environment(name, self.target, url, self.aws_environment, files)
        if self.collector is not None:
            environment[COLLECTOR_VARIABLE] = self.collector.url
        self._start_process(f"agent-{name}", agent_command(), environment)


class DeployedStack(Stack):
    """A stack that somebody has applied: on AWS, or by LOCAL=1 on this machine."""

    def __init__(self, env: str | None, outputs: Path | None) -> None:
        """Finds it.

        Args:
            env: folder under envs/.
            outputs: file of `terraform output -json`, in its place.
        """
        self._named = (None if outputs else env, outputs)
        try:
            self.target = find_target(*self._named)
        except TargetError as error:
            pytest.exit(str(error), pytest.ExitCode.USAGE_ERROR)
        # A deployed stack may have to start a GPU node first.
        self.result_seconds = 60.0 if self.target.aws_endpoint_url else 900.0
        home = outputs.parent if outputs else HOME / "estate" / (env or "")
        self._home = home if self.target.aws_endpoint_url else None
        if self._home is not None and (log := self._home / "logs" / "emulator.log").exists():
            self.emulator_log = log

    def values(self) -> dict[str, Any]:
        return stack_outputs(*self._named)

    def plan(self) -> tuple[int, str]:
        env, _ = self._named
        if env is None:
            pytest.skip("known by --outputs alone: there is no Terraform to ask for a plan")
        here = [sys.executable, "-m", "easel_local.estate"]
        program = here if self._home else [str(ROOT / "scripts" / "estate")]
        done = subprocess.run(
            [*program, "plan", env, "-detailed-exitcode", "-lock=false", "-no-color"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def runtime_url(self, name: str) -> str | None:
        file = self._home and self._home / "pods" / name / "url"
        return file.read_text() if file and file.exists() else None

    def runtime_files(self, name: str) -> Path | None:
        return self._home / "pods" / name / "files" if self.runtime_url(name) else None


def _add_fault(url: str, fault: dict[str, Any]) -> None:
    with requests.Session() as http:
        http.trust_env = False
        http.post(f"{url}/_sim/faults", json=fault, timeout=10).raise_for_status()


def written(values: Mapping[str, Any], file: Path) -> Path:
    """Writes outputs as `terraform output -json` prints them."""
    file.write_text(json.dumps({name: {"value": value} for name, value in values.items()}))
    return file
