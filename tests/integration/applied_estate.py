"""A region's environment, applied on this machine; what tests ask of it and do to it."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from easel_cli.target import Target
from easel_local.emulator.call_log import Call, read_calls
from easel_local.estate import EstateServices, root_folder
from easel_local.estate.pods import EstatePods, stop_pods
from easel_local.estate.services import as_target_outputs, program_environment
from easel_local.estate.state import EstateState
from easel_local.processes import ManagedProcess
from tests.integration.inventory import Inventory, inventory
from tests.integration.pod_session import pod_clients
from tests.root_module import AppliedModule

Client = Callable[..., Any]

NAME = "easel"
"""Of the stack and its cluster, in both regions."""

CALLS = "calls.jsonl"

NAMESPACE = "easel"
"""Of the runtimes' releases."""

DEPLOYER = "easel-deployer"
"""In the user agent of what applies and destroys, but not of tests and pods."""


@dataclass
class AppliedEstate:
    """One environment, applied; and what it was applied to."""

    region: str
    home: Path
    services: EstateServices
    environment: dict[str, str]
    module: AppliedModule
    before: Inventory
    """What the account had before the apply."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """As `terraform output -json` says them."""

    @classmethod
    def start(cls, region: str, home: Path) -> "AppliedEstate":
        """Starts emulator, API server and registry; applies nothing."""
        state = EstateState(name=NAME, region=region, started_at=datetime.now(UTC))
        services = EstateServices.start(state, home, home / CALLS)
        environment = program_environment(state.environment) | {
            "AWS_SDK_UA_APP_ID": DEPLOYER,
            "TF_APPEND_USER_AGENT": DEPLOYER,
        }
        module = AppliedModule(root_folder(region, home), environment)
        before = inventory(_clients(services, region))
        return cls(region, home, services, environment, module, before)

    def apply(self) -> None:
        """Applies envs/<region> as it is."""
        self.module.initialise()
        self.module.apply()
        self.outputs = self.module.described_outputs()

    def deployers_calls(self) -> list[Call]:
        """What applies and destroys have asked the emulator for."""
        return [call for call in read_calls(self.home / CALLS) if DEPLOYER in call.user_agent]

    @property
    def partition(self) -> str:
        """Of the region."""
        return "aws-cn" if self.region.startswith("cn-") else "aws"

    @property
    def values(self) -> dict[str, Any]:
        """The outputs' values."""
        return {name: output["value"] for name, output in self.outputs.items()}

    @property
    def target(self) -> Target:
        """The stack, as a client on this machine reaches it."""
        emulator = self.services.emulator
        file = str(emulator.credentials_path)
        return Target.from_outputs(as_target_outputs(self.outputs, emulator.endpoint_url, file))

    def client(self, service: str, **keys: str) -> Any:
        """A client of the emulator; as the account's root unless keys are given."""
        return _clients(self.services, self.region)(service, **keys)

    def pod(self, namespace: str, service_account: str) -> Client:
        """Clients with the rights of a service account's pods."""
        return pod_clients(self.client, NAME, namespace, service_account)

    def kubernetes(self, path: str) -> dict[str, Any]:
        """An object, or a list of them, from the cluster."""
        return self.services.kubernetes.call("GET", path)

    def releases(self) -> dict[str, list[dict[str, Any]]]:
        """Helm's releases by their names: all kept revisions, the first one first."""
        found: dict[str, list[dict[str, Any]]] = {}
        secrets = self.kubernetes("api/v1/secrets")["items"]
        for secret in secrets:
            if secret.get("type") == "helm.sh/release.v1":
                release = _release(secret)
                found.setdefault(release["name"], []).append(release)
        return {
            name: sorted(kept, key=lambda one: int(one["version"])) for name, kept in found.items()
        }

    @contextmanager
    def working_pod(self, runtime: str) -> Iterator[None]:
        """The queue agent as the runtime's Deployment has it, beside a simulated runtime."""
        pods = EstatePods.of_outputs(self.home, self.target, self.values, self.environment)
        processes: list[ManagedProcess] = []
        try:
            pods.start(runtime, processes.append, service_seconds=0.2)
            yield
        finally:
            stop_pods(processes)


def _clients(services: EstateServices, region: str) -> Client:
    connect: Any = boto3.client
    root = services.emulator.credentials.keywords()

    def client(service: str, **keys: str) -> Any:
        url = services.emulator.endpoint_url
        return connect(service, endpoint_url=url, region_name=region, **(keys or root))

    return client


def _release(secret: Mapping[str, Any]) -> dict[str, Any]:
    # Base64 by Kubernetes, base64 by Helm, gzip by Helm.
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    release: dict[str, Any] = json.loads(gzip.decompress(packed))
    return release
