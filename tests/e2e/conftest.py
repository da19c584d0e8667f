"""The stack that the tests talk to, and what they share.

`--env local` (the default) brings envs/local up on an emulator, with a simulated runtime and the
real queue agent, and destroys it afterwards. Any other environment is taken as it is applied, on
AWS or by LOCAL=1 on this machine (`conftest.py` of the checkout has the options):

    pytest -m e2e --env us-east-1
"""

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.auth import AuthBase

from easel_cli.api_authorization import ApiKey, authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.download import file_name_of
from easel_cli.results import ResultSubscription
from easel_cli.target import Target
from easel_contract.record import END_STATUSES
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import RuntimeType
from easel_contract.tasks_api import TaskView

from .input_pictures import InputPictures, on_this_machine, uploaded
from .stacks import DeployedStack, EmulatedStack, Stack

ID_PREFIX = "e2e-"


@pytest.fixture(scope="session")
def env(request: pytest.FixtureRequest) -> str:
    """Folder under envs/; "outputs" where a file names the stack."""
    name: str = request.config.getoption("--env")
    return "outputs" if request.config.getoption("--outputs") else name


@pytest.fixture(scope="session")
def stack(
    env: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The stack under test."""
    if env == "local":
        emulated = EmulatedStack(tmp_path_factory.mktemp("stack")).up()
        yield emulated
        emulated.down()
    else:
        yield DeployedStack(env, request.config.getoption("--outputs"))


@pytest.fixture(scope="session")
def target(stack: Stack) -> Target:
    return stack.target


@pytest.fixture(scope="session")
def clients(target: Target) -> AwsClients:
    return AwsClients(target)


@pytest.fixture(scope="session")
def authorization(target: Target, clients: AwsClients) -> AuthBase:
    """What the stack asks its callers for: its key, or a signature."""
    return authorization_of(target, clients)


@pytest.fixture(scope="session")
def api_key(target: Target, clients: AwsClients) -> str:
    if target.api_key_id is None:
        pytest.skip("the stack has no API key: requests are signed")
    return clients.api_key(target.api_key_id)


class SendingApi(ApiClient):
    """The API, which remembers the tasks that were sent.

    Attributes:
        wait_seconds: within which a task comes into a state.
    """

    def __init__(self, endpoint: str, authorization: AuthBase, wait_seconds: float) -> None:
        super().__init__(endpoint, authorization)
        self.wait_seconds = wait_seconds
        self._uids: list[str] = []

    def post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> requests.Response:
        answer = super().post(path, body, headers)
        if answer.ok and "tasks/" not in path:
            self._uids.append(answer.json()["uid"])
        return answer

    def tidy_up(self, clients: AwsClients, bucket: str) -> None:
        """Cancels the tasks that have not ended, and deletes what the others have stored."""
        for uid in dict.fromkeys(self._uids):
            answer = self.get(f"v1alpha2/tasks/{uid}")
            if not answer.ok:
                continue
            task = TaskView.model_validate_json(answer.content)
            if task.status not in END_STATUSES:
                self.post(f"v1alpha2/tasks/{uid}/cancel", {})
            stored = [*task.pictures, *([task.answer] if task.answer else [])]
            _delete(clients, bucket, [one.uri for one in stored])


@pytest.fixture(scope="session")
def api(
    env: str, stack: Stack, authorization: AuthBase, clients: AwsClients
) -> Iterator[SendingApi]:
    with SendingApi(stack.target.endpoint, authorization, stack.result_seconds) as client:
        yield client
        if env != "local":
            client.tidy_up(clients, stack.target.output_bucket)


@pytest.fixture(scope="session")
def neighbours_api(env: str, stack: Stack, clients: AwsClients) -> Iterator[SendingApi]:
    """The API as another tenant of the same stack has it."""
    others = {
        name: key
        for name, key in (stack.values().get("api_key_ids") or {}).items()
        if key != stack.target.api_key_id
    }
    if not others:
        pytest.skip("the stack has no second API key, and so no second tenant")
    key = ApiKey(clients.api_key(next(iter(others.values()))))
    with SendingApi(stack.target.endpoint, key, stack.result_seconds) as client:
        yield client
        if env != "local":
            client.tidy_up(clients, stack.target.output_bucket)


@pytest.fixture(scope="session")
def sdwebui(target: Target) -> str:
    """Name of a runtime of type sdwebui that serves one checkpoint."""
    return named(target, "a static runtime of type sdwebui", RuntimeType.SDWEBUI, dynamic=False)


@pytest.fixture(scope="session")
def dynamic(target: Target) -> str:
    """Name of a runtime of type sdwebui that loads what a task names."""
    return named(target, "a dynamic runtime of type sdwebui", RuntimeType.SDWEBUI, dynamic=True)


@pytest.fixture(scope="session")
def comfyui(target: Target) -> str:
    """Name of a runtime of type comfyui."""
    return named(target, "a runtime of type comfyui", RuntimeType.COMFYUI, dynamic=False)


def named(target: Target, what: str, runtime_type: RuntimeType, *, dynamic: bool) -> str:
    for name, runtime in target.runtimes.items():
        if (runtime.type, runtime.dynamic_model) == (runtime_type, dynamic):
            return name
    pytest.skip(f"the stack does not have {what}")


@pytest.fixture(scope="session")
def pictures(env: str, target: Target, clients: AwsClients) -> Iterator[InputPictures]:
    """Pictures that tasks may begin with, where the stack's agents reach them."""
    here = on_this_machine() if env == "local" else uploaded(clients, target.output_bucket)
    with here as found:
        yield found


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

    def stored(self) -> list[str]:
        """S3 URIs of what the tasks with the tests' own ids have stored."""
        ours = [one for one in self._seen if one.id.startswith(ID_PREFIX)]
        return [uri for one in ours for uri in (*one.image_url, one.output_url) if uri]

    def _final(self, name: str) -> list[TaskResult]:
        return [
            result
            for result in self._seen
            if name in (result.id, result.uid) and result.status is not ResultStatus.RUNNING
        ]


@pytest.fixture(scope="session")
def results(env: str, stack: Stack, clients: AwsClients) -> Iterator[Results]:
    topic = stack.target.notifications_topic_arn
    with ResultSubscription(clients, topic) as subscription:
        results = Results(subscription, stack.result_seconds)
        yield results
        if env != "local":
            _delete(clients, stack.target.output_bucket, results.stored())


@pytest.fixture
def task_id() -> str:
    """An id that no other run has used."""
    return f"{ID_PREFIX}{secrets.token_hex(6)}"


@pytest.fixture
def picture_of(request: pytest.FixtureRequest, clients: AwsClients) -> Callable[[str], bytes]:
    """Reads a picture by its S3 URI, and leaves it in the folder of `--artifacts`."""
    artifacts: Path | None = request.config.getoption("--artifacts")

    def read(uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        data = clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if artifacts is not None:
            folder = artifacts / file_name_of(request.node.name)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file_name_of(key)).write_bytes(data)
        return data

    return read


def _delete(clients: AwsClients, bucket: str, uris: list[str]) -> None:
    """Deletes what the tests have had made, of their own stack's bucket alone."""
    for uri in uris:
        if uri.startswith(f"s3://{bucket}/"):
            clients.s3.delete_object(Bucket=bucket, Key=uri.removeprefix(f"s3://{bucket}/"))
