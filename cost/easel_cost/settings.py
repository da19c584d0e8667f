"""What of a stack's settings costs money, read from an environment by Terraform itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from easel_cost.errors import CostError
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.environments.variables import evaluate_variables
from easel_deploy.pins import KUBERNETES, KUBERNETES_VERSIONS

_EXPRESSION = """{
  region = var.region, name = var.name, zones = var.availability_zones,
  own_network = var.existing_vpc != null,
  nat_gateways = var.vpc.nat_gateways, interface_endpoints = var.vpc.interface_endpoints,
  kubernetes_version = var.cluster.kubernetes_version, system_nodes = var.system_nodes,
  insights = !contains(var.addons_left_out, "amazon-cloudwatch-observability"),
  log_retention_days = var.log_retention_days, task_retention_days = var.task_retention_days,
  runtimes = { for name, one in var.runtimes : name => {
    instance_types = one.nodes.instance_types, capacity_types = one.nodes.capacity_types,
    data_volume_gib = one.nodes.data_volume_gib, min_pods = one.scaling.min_replica_count,
    max_pods = one.scaling.max_replica_count } }
}"""

# The defaults of the modules and of the chart; tests/unit/test_cost_settings.py holds them there.
ZONES = 3
SYSTEM_TYPES = {"arm64": "m7g.large", "x86_64": "m6i.large"}
SYSTEM_ARCHITECTURE = "arm64"
SYSTEM_NODES = 2
SYSTEM_DISK_GIB = 30
OS_DISK_GIB = 4
"""Bottlerocket's own volume, of system nodes and of GPU nodes."""
DATA_VOLUME_GIB = 80
INSTANCE_TYPES = (
    "g5.xlarge",
    "g5.2xlarge",
    "g6.xlarge",
    "g6.2xlarge",
    "g4dn.xlarge",
    "g4dn.2xlarge",
)
CAPACITY_TYPES = ("spot", "on-demand")


@dataclass(frozen=True)
class RuntimeSettings:
    """What of one runtime costs money.

    Attributes:
        instance_types: of its nodes.
        capacity_types: spot, on-demand or both.
        data_volume_gib: of each node.
        min_pods: that always run; each has a node.
        max_pods: at most.
    """

    instance_types: tuple[str, ...] = INSTANCE_TYPES
    capacity_types: tuple[str, ...] = CAPACITY_TYPES
    data_volume_gib: int = DATA_VOLUME_GIB
    min_pods: int = 0
    max_pods: int = 5


@dataclass(frozen=True)
class StackSettings:
    """What of a stack costs money; the defaults are the modules'.

    Attributes:
        region: AWS's name.
        name: of the stack.
        zones: how many availability zones.
        nat_gateways: how many; 0 with a network of others.
        interface_endpoints: how many services, each in every zone.
        makes_network: whether the network is the stack's, with flow logs and a key.
        system_nodes: how many.
        system_type: their instance type.
        system_disk_gib: of each, for images and pods.
        extended_support: whether the Kubernetes version has left standard support.
        insights: whether logs and metrics of the cluster go to CloudWatch.
        log_retention_days: of all log groups.
        task_retention_days: of tasks' records.
        runtimes: by name.
    """

    region: str
    name: str = "easel"
    zones: int = ZONES
    nat_gateways: int = ZONES
    interface_endpoints: int = 0
    makes_network: bool = True
    system_nodes: int = SYSTEM_NODES
    system_type: str = SYSTEM_TYPES[SYSTEM_ARCHITECTURE]
    system_disk_gib: int = SYSTEM_DISK_GIB
    extended_support: bool = False
    insights: bool = True
    log_retention_days: int = 365
    task_retention_days: int = 30
    runtimes: Mapping[str, RuntimeSettings] = field(
        default_factory=lambda: {"sdruntime": RuntimeSettings()}
    )


def read_settings(folder: Path, today: date) -> StackSettings:
    """Reads the settings of an environment as `make plan` would.

    Args:
        folder: the root module, such as envs/us-east-1.
        today: decides whether the Kubernetes version is in extended support.

    Raises:
        CostError: there is no such environment, or Terraform does not tell.
    """
    if not (folder / "terraform.tfvars").is_file():
        raise CostError(
            f"{folder} is no environment: there is no terraform.tfvars in it. Leave --env out for "
            "the defaults of a region, or make the folder: easel env new REGION"
        )
    try:
        return settings_of(evaluate_variables(folder, _EXPRESSION), today)
    except TerraformError as error:
        raise CostError(f"{folder}: {error}") from error


def settings_of(found: Mapping[str, Any], today: date) -> StackSettings:
    """Sorts what Terraform has told.

    Args:
        found: values of the expression.
        today: decides whether the Kubernetes version is in extended support.
    """
    zones = len(found["zones"]) if found["zones"] else ZONES
    nodes = found["system_nodes"]
    architecture = nodes["architecture"] or SYSTEM_ARCHITECTURE
    types = nodes["instance_types"] or [SYSTEM_TYPES[architecture]]
    return StackSettings(
        region=found["region"],
        name=found["name"],
        zones=zones,
        nat_gateways=_nat_gateways(found, zones),
        # A network of others has its own endpoints.
        interface_endpoints=0 if found["own_network"] else len(found["interface_endpoints"]),
        makes_network=not found["own_network"],
        system_nodes=_number(nodes["desired"], SYSTEM_NODES),
        system_type=types[0],
        system_disk_gib=_number(nodes["disk_gib"], SYSTEM_DISK_GIB),
        extended_support=is_extended(found["kubernetes_version"], today),
        insights=found["insights"],
        log_retention_days=found["log_retention_days"],
        task_retention_days=found["task_retention_days"],
        runtimes={name: _runtime(one) for name, one in found["runtimes"].items()},
    )


def is_extended(version: str | None, today: date) -> bool:
    """Returns whether a Kubernetes version has left EKS's standard support.

    Args:
        version: such as 1.35; None: the one that easel pins.
        today: compared with the pinned calendar. A version that is older than all in it has left.
    """
    version = version or KUBERNETES
    if version in KUBERNETES_VERSIONS:
        return today > KUBERNETES_VERSIONS[version]
    return _minor(version) < min(map(_minor, KUBERNETES_VERSIONS))


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def _nat_gateways(found: Mapping[str, Any], zones: int) -> int:
    if found["own_network"]:
        return 0
    return 1 if found["nat_gateways"] == "one" else zones


def _runtime(found: Mapping[str, Any]) -> RuntimeSettings:
    return RuntimeSettings(
        instance_types=tuple(found["instance_types"] or INSTANCE_TYPES),
        capacity_types=tuple(found["capacity_types"] or CAPACITY_TYPES),
        data_volume_gib=_number(found["data_volume_gib"], DATA_VOLUME_GIB),
        min_pods=_number(found["min_pods"], 0),
        max_pods=_number(found["max_pods"], 5),
    )


def _number(value: float | None, default: int) -> int:
    return default if value is None else int(value)
