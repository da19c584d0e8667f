"""Environments for the tests of easel doctor's checks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easel_doctor.finding import Finding
from easel_doctor.settings import Settings, settings_of
from easel_doctor.subject import Subject
from easel_local.kubernetes import ObjectStore
from easel_snapshot.aws import Aws
from tests.stubbed_aws import stubbed_client

REGIONS = ("us-east-1", "cn-northwest-1")
ACCOUNT = "000000000000"

TOLD: dict[str, Any] = {
    "region": "us-east-1",
    "name": "easel",
    "existing_subnet_ids": None,
    "private_blocks": [],
    "own_block": "10.0.0.0/16",
    "public_access_cidrs": [],
    "availability_zones": None,
    "nat_gateways": "one_per_zone",
    "makes_model_bucket": False,
    "model_bucket_arn": None,
    "agent_image": {"repository": "easel/queue-agent", "tag": "0.1.0", "digest": None},
    "mirrored_images": {},
    "request_rates": [None],
    "default_rate": None,
    "signs_requests": False,
    "tenants": ["default"],
    "shared_tasks": False,
    "mirror_prefix": None,
    "karpenter_version": None,
    "keda_version": None,
    "system_architecture": None,
}
"""As Terraform tells it of envs/us-east-1, without runtimes."""


def runtime(**more: Any) -> dict[str, Any]:
    """A runtime as Terraform tells it."""
    return {
        "type": "sdwebui",
        "model_filename": "sd15.safetensors",
        "model_prefix": None,
        "values_file": None,
        "image": {"repository": "easel/sd-webui", "tag": "1.8.0", "digest": None},
        "scaling": {"max_replica_count": 5},
        "nodes": {"instance_types": ["g5.xlarge", "g4dn.xlarge"], "capacity_types": ["spot"]},
        **more,
    }


def settings(**told: Any) -> Settings:
    """Settings of an environment with one runtime, unless `runtimes` says otherwise."""
    return settings_of(Path("envs/test"), {**TOLD, "runtimes": {"sd": runtime()}, **told})


class Clients:
    """Clients of AWS, each made once; those that nobody has put here can ask nobody."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._clients: dict[str, Any] = {}

    def __getitem__(self, service: str) -> Any:
        return self(service, self.region)

    def __setitem__(self, service: str, client: Any) -> None:
        self._clients[service] = client

    def __call__(self, service: str, region: str) -> Any:
        if service not in self._clients:
            self._clients[service] = stubbed_client(service, region)
        return self._clients[service]


def subject(
    clients: Clients, told: Settings | None = None, outputs: Mapping[str, Any] | None = None
) -> Subject:
    """An environment that asks these clients."""
    return Subject(
        Path("envs") / clients.region,
        told or settings(region=clients.region),
        outputs or {},
        Aws(clients.region, clients),
    )


def problems(finding: Finding) -> str:
    """State, text and remedy of every problem, a line each."""
    return "\n".join(f"{one.state}: {one.text} -> {one.remedy}" for one in finding.problems)


def custom_kinds(store: ObjectStore) -> dict[str, str]:
    """Has an API server know Karpenter's and KEDA's kinds; gives paths of lists and kinds."""
    namespaced = "namespaces/easel-sd/"
    paths = {}
    for group, version, kind, where in (
        ("keda.sh", "v1alpha1", "ScaledObject", namespaced),
        ("karpenter.sh", "v1", "NodePool", ""),
        ("karpenter.sh", "v1", "NodeClaim", ""),
    ):
        plural = f"{kind.lower()}s"
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced" if where else "Cluster",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [{"name": version, "served": True, "storage": True}],
            },
        }
        path = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        store.create(f"{path}/{plural}.{group}", definition)
        paths[f"apis/{group}/{version}/{where}{plural}"] = kind
    return paths
