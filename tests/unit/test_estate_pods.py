"""The processes that stand in for the pods of an estate on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from easel_cli.target import Target
from easel_local.estate import pods as module
from easel_local.estate.pods import EstatePods
from easel_local.processes import ManagedProcess
from easel_local.services import ServiceError

pytestmark = pytest.mark.unit

DEPLOYMENT_ENVIRONMENT = {
    "EASEL_QUEUE_URL": "https://queue.of/comfy",
    "EASEL_RUNTIME_URL": "http://127.0.0.1:8188",
    "EASEL_HEALTH_HOST": "0.0.0.0",
    "EASEL_HEALTH_PORT": "9090",
    "EASEL_MODELS_DIR": "/easel/models",
    "EASEL_RUNTIME_FILES_DIR": "/var/run/easel/runtime",
}


class Kubernetes:
    """An API server with one Deployment."""

    def call(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "apis/apps/v1/namespaces/easel/deployments/comfy")
        env = [{"name": name, "value": one} for name, one in DEPLOYMENT_ENVIRONMENT.items()]
        containers = [{"name": "runtime", "env": []}, {"name": "queue-agent", "env": env}]
        pod = {"serviceAccountName": "comfy-account", "containers": containers}
        return {"spec": {"template": {"spec": pod}}}


Started = dict[str, dict[str, str]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The environments of the processes that were started, by their names."""
    environments: Started = {}

    def start(
        name: str, _command: list[str], environment: Mapping[str, str], log: Path
    ) -> ManagedProcess:
        environments[name] = dict(environment)
        return ManagedProcess(name=name, pid=1, create_time=0, log=log)

    monkeypatch.setattr(module, "start", start)
    monkeypatch.setattr(module, "await_runtime", lambda *_: None)
    return environments


@pytest.fixture
def pods(tmp_path: Path) -> EstatePods:
    queues = {"queue_url": "https://queue.of/comfy", "dead_letter_queue_url": "https://dead"}
    target = Target.model_validate(
        {
            "region": "cn-northwest-1",
            "endpoint": "http://127.0.0.1:1/api",
            "api_key_id": "key",
            "output_bucket": "outputs",
            "records_table": "records",
            "tasks_topic_arn": "tasks",
            "notifications_topic_arn": "notifications",
            "runtimes": {"comfy": {"type": "comfyui", **queues}},
            "aws_endpoint_url": "http://127.0.0.1:1",
        }
    )
    environment = {
        "PATH": "/bin",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_SHARED_CREDENTIALS_FILE": "/of/a person/the root key",
        "SECRET": "of a person",
    }
    kubernetes: Any = Kubernetes()
    return EstatePods(tmp_path, "easel", {"comfy": "easel"}, target, environment, kubernetes)


def test_an_agent_is_told_what_its_deployment_says(pods: EstatePods, started: Started) -> None:
    kept: list[ManagedProcess] = []
    pods.start("comfy", kept.append)
    assert [one.name for one in kept] == ["runtime-comfy", "agent-comfy"]
    agent = started["agent-comfy"]
    assert agent["EASEL_QUEUE_URL"] == "https://queue.of/comfy"
    # But for what is of this machine and not of a pod.
    assert agent["EASEL_RUNTIME_URL"] == pods.address_file("comfy").read_text()
    assert agent["EASEL_RUNTIME_FILES_DIR"] == str(pods.files("comfy"))
    assert agent["EASEL_HEALTH_HOST"] == "127.0.0.1"
    assert "EASEL_MODELS_DIR" not in agent
    assert "SECRET" not in agent


def test_an_agent_has_the_rights_of_its_service_account_and_not_the_emulators_own(
    pods: EstatePods, started: Started
) -> None:
    pods.start("comfy", lambda _: None)
    agent = started["agent-comfy"]
    assert agent["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & agent.keys()
    config = Path(agent["AWS_CONFIG_FILE"]).read_text()
    assert "region = cn-northwest-1\n" in config
    process = config.partition("credential_process = ")[2].strip()
    assert process.endswith(
        "easel_local.estate.pod_identity http://127.0.0.1:1 cn-northwest-1 "
        "'/of/a person/the root key' easel easel comfy-account"
    )


def test_a_runtime_that_does_not_come_up_is_known_to_whoever_stops_it(
    pods: EstatePods, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ServiceError("it did not come up")

    monkeypatch.setattr(module, "await_runtime", fail)
    kept: list[ManagedProcess] = []
    with pytest.raises(ServiceError):
        pods.start("comfy", kept.append)
    assert [one.name for one in kept] == ["runtime-comfy"] == list(started)


def test_nothing_of_an_earlier_runtime_stays_on_the_disk(
    pods: EstatePods, started: Started
) -> None:
    assert started == {}
    left = pods.files("comfy") / "output" / "a.png"
    left.parent.mkdir(parents=True)
    left.touch()
    pods.start("comfy", lambda _: None)
    assert list(pods.files("comfy").iterdir()) == []
