"""The stack that the tests talk to: known from `terraform output -json` and from nothing else.

`--env local` (the default) brings envs/local up on an emulator, with a simulated runtime and the
real queue agent, and destroys it afterwards. Any other environment is taken as it is deployed:

    pytest -m e2e --env us-east-1
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
import requests
from requests.auth import AuthBase

from easel_cli.api_authorization import ApiKey, authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.results import ResultSubscription
from easel_cli.target import Target
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import RuntimeType
from easel_local.emulator.process import Emulator
from easel_local.paths import ENVIRONMENT, ROOT
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
from tests.root_module import RootModule, terraform_with

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

LOCAL_RESULT_SECONDS = 60.0
DEPLOYED_RESULT_SECONDS = 900.0
"""A deployed stack may have to start a GPU node first."""

SERVICE_SECONDS = 0.2
AGENT_GRACE_SECONDS = 20.0


NEIGHBOUR = "neighbour"
"""Name of the local stack's second API key, and so of its second tenant."""


class EmulatedStack:
    """envs/local, applied on an emulator of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._exit = ExitStack()
        self._runtime_urls: dict[str, str] = {}

    def up(self) -> "EmulatedStack":
        try:
            self.emulator = emulator = self._exit.enter_context(
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
            self.module = RootModule(ENVIRONMENT, terraform_with(environment, self.home))
            self.module.init()
            self.module.apply()
            self.target = Target.from_outputs(self.module.outputs())
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
            assert self.module.resources(state=str(state)) == []

    def start_process(
        self, name: str, command: list[str], environment: Mapping[str, str]
    ) -> ManagedProcess:
        process = start(name, command, environment, self.home / f"{name}.log")
        self._exit.callback(process.stop, AGENT_GRACE_SECONDS)
        return process

    def logs_client(self) -> "CloudWatchLogsClient":
        """A client for the emulator's CloudWatch Logs."""
        return boto3.client(
            "logs",
            endpoint_url=self.target.aws_endpoint_url,
            region_name=self.target.region,
            **self.emulator.credentials.keywords(),
        )

    def slow_down(self, name: str, seconds: float) -> None:
        """Has the next job of a simulated runtime take so long."""
        fault = {"kind": "slow", "count": 1, "seconds": seconds}
        requests.post(f"{self._runtime_urls[name]}/_sim/faults", json=fault, timeout=10)

    def runtime_files(self, name: str) -> Path:
        """The folder of what a simulated runtime keeps on disk."""
        return self.home / "runtimes" / name

    def _start_runtime(self, name: str) -> None:
        runtime, port = self.target.runtimes[name], free_port()
        secret = secrets.token_urlsafe(16)
        url = self._runtime_urls[name] = f"http://{LOOPBACK}:{port}/{secret}"
        files = self.runtime_files(name)
        files.mkdir(parents=True)
        command = simulator_command(runtime, port, SERVICE_SECONDS, files)
        process = self.start_process(
            f"runtime-{name}", command, {**os.environ, PATH_VARIABLE: secret}
        )
        await_runtime(process, runtime.type, url)
        environment = agent_environment(name, self.target, url, self.aws_environment, files)
        self.start_process(f"agent-{name}", agent_command(), environment)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--env", default="local", help="folder under envs/ to test (default: local)")


@pytest.fixture(scope="session")
def env(request: pytest.FixtureRequest) -> str:
    name: str = request.config.getoption("--env")
    return name


@pytest.fixture(scope="session")
def local_stack(env: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedStack]:
    """The stack that is applied here; for tests of what only a local stack shows."""
    if env != "local":
        pytest.skip(f"about envs/local, not about {env}")
    stack = EmulatedStack(tmp_path_factory.mktemp("stack")).up()
    yield stack
    stack.down()


@pytest.fixture(scope="session")
def target(env: str, request: pytest.FixtureRequest) -> Target:
    if env == "local":
        stack: EmulatedStack = request.getfixturevalue("local_stack")
        return stack.target
    return Target.from_outputs(RootModule(ROOT / "envs" / env).outputs())


@pytest.fixture(scope="session")
def clients(target: Target) -> AwsClients:
    return AwsClients(target)


@pytest.fixture(scope="session")
def authorization(target: Target, clients: AwsClients) -> AuthBase:
    """What the stack asks its callers for: its key, or a signature."""
    return authorization_of(target, clients)


@pytest.fixture(scope="session")
def api_key(local_stack: EmulatedStack, clients: AwsClients) -> str:
    return clients.api_key(local_stack.target.known_api_key_id)


@pytest.fixture(scope="session")
def api(target: Target, authorization: AuthBase) -> Iterator[ApiClient]:
    with ApiClient(target.endpoint, authorization) as client:
        yield client


@pytest.fixture(scope="session")
def neighbours_api(local_stack: EmulatedStack, clients: AwsClients) -> Iterator[ApiClient]:
    """The API as another tenant of the same stack has it."""
    key_id = local_stack.module.outputs()["api_key_ids"]["value"][NEIGHBOUR]
    with ApiClient(local_stack.target.endpoint, ApiKey(clients.api_key(key_id))) as client:
        yield client


@pytest.fixture(scope="session")
def sdwebui(target: Target) -> str:
    """Name of a runtime of type sdwebui that serves one checkpoint."""
    return _named(target, "a static runtime of type sdwebui", RuntimeType.SDWEBUI, dynamic=False)


@pytest.fixture(scope="session")
def dynamic(target: Target) -> str:
    """Name of a runtime of type sdwebui that loads what a task names."""
    return _named(target, "a dynamic runtime of type sdwebui", RuntimeType.SDWEBUI, dynamic=True)


@pytest.fixture(scope="session")
def comfyui(target: Target) -> str:
    """Name of a runtime of type comfyui."""
    return _named(target, "a runtime of type comfyui", RuntimeType.COMFYUI, dynamic=False)


def _named(target: Target, what: str, runtime_type: RuntimeType, *, dynamic: bool) -> str:
    for name, runtime in target.runtimes.items():
        if (runtime.type, runtime.dynamic_model) == (runtime_type, dynamic):
            return name
    pytest.skip(f"the stack does not have {what}")


class Results:
    """Every result that the stack has published since the tests began."""

    def __init__(self, subscription: ResultSubscription, timeout_seconds: float) -> None:
        self._subscription = subscription
        self._timeout_seconds = timeout_seconds
        self._seen: list[TaskResult] = []

    def of(self, name: str) -> TaskResult:
        """Waits for the final result of a task, by its id or uid."""
        deadline = time.monotonic() + self._timeout_seconds
        found = self._final(name)
        incoming = self._subscription.results(deadline)
        while not found:
            try:
                self._seen.append(next(incoming))
            except StopIteration:
                pytest.fail(f"no result of {name} within {self._timeout_seconds:g} s")
            found = self._final(name)
        return found[0]

    def all_of(self, uid: str) -> list[TaskResult]:
        """All callbacks of a task that have come so far, in the order of their arrival."""
        return [result for result in self._seen if result.uid == uid]

    def _final(self, name: str) -> list[TaskResult]:
        return [
            result
            for result in self._seen
            if name in (result.id, result.uid) and result.status is not ResultStatus.RUNNING
        ]


@pytest.fixture(scope="session")
def results(env: str, target: Target, clients: AwsClients) -> Iterator[Results]:
    seconds = LOCAL_RESULT_SECONDS if env == "local" else DEPLOYED_RESULT_SECONDS
    with ResultSubscription(clients, target.notifications_topic_arn) as subscription:
        yield Results(subscription, seconds)


@pytest.fixture
def task_id() -> str:
    """An id that no other run has used."""
    return f"e2e-{secrets.token_hex(6)}"


@pytest.fixture
def picture_of(clients: AwsClients) -> Callable[[str], bytes]:
    """Reads a picture by its S3 URI."""

    def read(uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    return read
