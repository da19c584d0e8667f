"""What stands in for the pods of an estate on this machine: simulated runtimes, real queue agents.

The API server in memory starts no pod. Here each runtime's Deployment is asked what its queue agent
is told, and an agent runs with just that and with the rights of the pod's service account. The
runtime beside it is simulated.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easel_cli.target import Target
from easel_contract.task import RuntimeType
from easel_local import interrupts
from easel_local.estate.pod_identity import ServiceAccount, write_aws_config
from easel_local.kubernetes import KubernetesApi
from easel_local.ports import LOOPBACK, free_port
from easel_local.processes import ManagedProcess, start
from easel_local.services import (
    IMAGE_ENVIRONMENT,
    agent_command,
    await_runtime,
    simulator_command,
)
from easel_simulators.command_line import PATH_VARIABLE

SERVICE_SECONDS = 0.5
"""How long a simulated runtime takes for one task."""
_GRACE_SECONDS = 15.0
_AGENT = "queue-agent"
"""Name of the container."""
_OF_THIS_MACHINE = ("PATH", "HOME", "AWS_ENDPOINT_URL", "NO_PROXY", "no_proxy")
_OF_THE_POD_ALONE = ("EASEL_MODELS_DIR", "EASEL_RUNTIME_FILES_DIR")
"""Paths of mounts, which this machine has not."""


@dataclass(frozen=True)
class EstatePods:
    """The pods of one estate that is applied.

    Attributes:
        home: of the estate.
        cluster: name of the EKS cluster.
        namespaces: of the runtimes, by their names.
        target: the stack, as a client on this machine reaches it.
        environment: of the emulator, for a program.
        kubernetes: the API server.
    """

    home: Path
    cluster: str
    namespaces: Mapping[str, str]
    target: Target
    environment: Mapping[str, str]
    kubernetes: KubernetesApi

    @classmethod
    def of_outputs(
        cls,
        home: Path,
        target: Target,
        values: Mapping[str, Any],
        environment: Mapping[str, str],
    ) -> "EstatePods":
        """Describes the pods of what was applied.

        Args:
            home: of the estate, whose API server runs.
            target: the stack, as a client on this machine reaches it.
            values: of the root module's outputs.
            environment: of the emulator, for a program.

        Raises:
            easel_local.server_process.ServerProcessError: no API server was started.
        """
        cluster = values["cluster_name"]
        kubernetes = KubernetesApi(
            cluster, folder=home / "kubernetes", log_path=home / "logs" / "kubernetes.log"
        )
        kubernetes.attach()
        namespaces = {name: one["namespace"] for name, one in values["runtimes"].items()}
        return cls(home, cluster, namespaces, target, environment, kubernetes)

    def start(
        self,
        name: str,
        keep: Callable[[ManagedProcess], None],
        service_seconds: float = SERVICE_SECONDS,
    ) -> None:
        """Starts a simulated runtime and its queue agent.

        Args:
            name: of the runtime.
            keep: told of each process at once, so that none is left that nothing knows of.
            service_seconds: how long the runtime takes for one task.

        Raises:
            easel_local.services.ServiceError: the runtime did not come up.
            requests.RequestException: the cluster has no Deployment of the runtime.
        """
        files = self.files(name)
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir(parents=True)
        port, secret = free_port(), secrets.token_urlsafe(16)
        url = f"http://{LOOPBACK}:{port}/{secret}"
        runtime = self.target.runtimes[name]
        command = simulator_command(runtime, port, service_seconds, files)
        simulator = self._start(
            f"runtime-{name}", command, {**os.environ, PATH_VARIABLE: secret}, keep
        )
        await_runtime(simulator, runtime.type, url)
        # For who wants to speak to it: the address is a secret, as the files' folder is.
        self.address_file(name).write_text(url)
        self._start(f"agent-{name}", agent_command(), self._agent_environment(name, url), keep)

    def files(self, name: str) -> Path:
        """The folder of what a simulated runtime keeps on disk."""
        return self._folder(name) / "files"

    def address_file(self, name: str) -> Path:
        """The file that holds a simulated runtime's URL."""
        return self._folder(name) / "url"

    def _folder(self, name: str) -> Path:
        return self.home / "pods" / name

    def _agent_environment(self, name: str, url: str) -> dict[str, str]:
        namespace = self.namespaces[name]
        path = f"apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        pod = self.kubernetes.call("GET", path)["spec"]["template"]["spec"]
        told = _environment_of(pod)
        account = ServiceAccount(self.cluster, namespace, pod["serviceAccountName"])
        config = self._folder(name) / "aws-config"
        endpoint = self.environment["AWS_ENDPOINT_URL"]
        key = Path(self.environment["AWS_SHARED_CREDENTIALS_FILE"])
        write_aws_config(config, account, endpoint, self.target.region, key)
        comfyui = self.target.runtimes[name].type is RuntimeType.COMFYUI
        return {
            **{one: value for one, value in told.items() if one not in _OF_THE_POD_ALONE},
            **{one: self.environment[one] for one in _OF_THIS_MACHINE if one in self.environment},
            **IMAGE_ENVIRONMENT,
            "AWS_CONFIG_FILE": str(config),
            # The emulator's own key stays out: it may do everything.
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "EASEL_RUNTIME_URL": url,
            "EASEL_HEALTH_HOST": LOOPBACK,
            "EASEL_HEALTH_PORT": "0",
            # A task's picture may come from a server on this machine, such as the emulator's S3.
            "EASEL_INPUT_ALLOWED_HOSTS": LOOPBACK,
            **({"EASEL_RUNTIME_FILES_DIR": str(self.files(name))} if comfyui else {}),
        }

    def _start(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        keep: Callable[[ManagedProcess], None],
    ) -> ManagedProcess:
        with interrupts.deferred():
            process = start(name, command, environment, self.home / "logs" / f"{name}.log")
            keep(process)
        return process


def stop_pods(pods: list[ManagedProcess]) -> None:
    """Stops what `EstatePods.start` has started, the agents first: they end their task."""
    with interrupts.deferred():
        for process in reversed(pods):
            process.stop(_GRACE_SECONDS)


def _environment_of(pod: Mapping[str, Any]) -> dict[str, str]:
    (agent,) = (one for one in pod["containers"] if one["name"] == _AGENT)
    return {one["name"]: one["value"] for one in agent["env"]}
