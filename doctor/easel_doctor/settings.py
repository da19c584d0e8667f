"""What an environment's settings will ask AWS for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from easel_contract.record import DIRECT_TENANT, SHARED_SCOPE
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.environments.variables import evaluate_variables

_EXPRESSION = """{
  region = var.region, name = var.name,
  existing_subnet_ids = var.existing_vpc == null ? null : var.existing_vpc.subnet_ids,
  private_blocks = var.cluster.private_access_cidrs != null ? var.cluster.private_access_cidrs :
    var.existing_vpc != null ? var.existing_vpc.cidr_blocks : [],
  own_block = var.vpc.cidr_block,
  public_access_cidrs = var.cluster.public_access_cidrs,
  availability_zones = var.availability_zones, nat_gateways = var.vpc.nat_gateways,
  makes_model_bucket = var.model_bucket != null, model_bucket_arn = var.model_bucket_arn,
  agent_image = var.agent_image, mirrored_images = var.mirrored.images, runtimes = var.runtimes,
  request_rates = var.authorization == "API_KEY" ?
    [for key in values(var.api_keys) : key.rate_limit_per_second] : [null],
  default_rate = var.throttle.rate_limit_per_second,
  signs_requests = var.authorization == "AWS_IAM",
  tenants = keys(var.api_keys), shared_tasks = var.shared_tasks,
  mirror_prefix = var.mirror_prefix, karpenter_version = var.karpenter_version,
  keda_version = var.keda_version, system_architecture = var.system_nodes.architecture
}"""
_CHART_VALUES = Path(__file__).resolve().parents[2] / "charts" / "sd-runtime" / "values.yaml"
_MAX_VALUES_BYTES = 1024 * 1024
_API_RATE = 30.0
"""Requests per second where nothing says: modules/api-fanout, `throttle`."""


class Image(BaseModel):
    """An image as settings name it; a repository without a registry is one of the account's ECR."""

    model_config = ConfigDict(frozen=True)

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """As a pod names it, and as `mirrored` does."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


class Runtime(BaseModel):
    """A runtime, with the chart's defaults where settings say nothing.

    Attributes:
        type: sdwebui or comfyui.
        model_filename: checkpoint that is loaded; None: whichever the runtime takes.
        model_prefix: folder of the model bucket; None: all of it.
        image: None where nothing names one.
        instance_types: that nodes may be.
        capacity_types: spot, on-demand or both.
        max_replica_count: pods at most.
        snapshot_id: of the nodes' volumes; None: they pull their images.
        data_volume_gib: size of those volumes.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    type: str
    model_filename: str | None
    model_prefix: str | None
    image: Image | None
    instance_types: tuple[str, ...]
    capacity_types: tuple[str, ...]
    max_replica_count: int
    snapshot_id: str | None
    data_volume_gib: int


class Settings(BaseModel):
    """What of an environment the checks look at.

    Attributes:
        region: of the stack.
        name: of the stack and of its cluster.
        existing_subnet_ids: of a network that is there; None: the apply makes one.
        private_blocks: CIDR blocks that the cluster's private endpoint is told to let in.
        own_block: CIDR block of the network that the apply makes.
        public_access_cidrs: CIDR blocks that its public endpoint lets in.
        availability_zones: None: the region's first three.
        nat_gateways: one or one_per_zone.
        makes_model_bucket: whether the apply makes the model bucket.
        model_bucket_arn: of a bucket that is there; None: named after the account.
        agent_image: None where every runtime's values name one.
        mirrored_images: copies in the account's ECR, by the image's name.
        runtimes: by name.
        requests_per_second: that all callers together may send.
        scopes: whose tasks there are, where keys name the tenants: these, or one for all.
        signs_requests: whether callers are known by their signatures, and not by keys.
        mirror_prefix: of the copies of others' charts and images in the account's ECR; None: they
            come from their makers.
        karpenter_version: None: easel's pin.
        keda_version: None: easel's pin.
        system_architecture: of the nodes that these run on, x86_64 or arm64; None: the default's.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    region: str
    name: str
    existing_subnet_ids: tuple[str, ...] | None
    private_blocks: tuple[str, ...]
    own_block: str
    public_access_cidrs: tuple[str, ...]
    availability_zones: tuple[str, ...] | None
    nat_gateways: str
    makes_model_bucket: bool
    model_bucket_arn: str | None
    agent_image: Image | None
    mirrored_images: dict[str, Image]
    runtimes: dict[str, Runtime]
    requests_per_second: float
    scopes: tuple[str, ...]
    signs_requests: bool
    mirror_prefix: str | None
    karpenter_version: str | None
    keda_version: str | None
    system_architecture: str | None

    @property
    def is_chinese(self) -> bool:
        """Whether the region is one of the partition aws-cn."""
        return self.region.startswith("cn-")

    @property
    def partition(self) -> str:
        """The partition that the region is in: aws or aws-cn."""
        return "aws-cn" if self.is_chinese else "aws"


def read_settings(folder: Path) -> Settings:
    """Reads the settings of a folder under envs/, as `make plan` would.

    Args:
        folder: the root module; where Terraform was not initialised in it, it is.

    Raises:
        TerraformError: Terraform does not tell, or a values file cannot be read.
    """
    return settings_of(folder, evaluate_variables(folder, _EXPRESSION))


def settings_of(folder: Path, told: Mapping[str, Any]) -> Settings:
    """Lays settings over the chart's defaults.

    Args:
        folder: the root module, which values files lie below.
        told: values of its variables.

    Raises:
        TerraformError: a values file cannot be read.
    """
    default_rate = told["default_rate"] or _API_RATE
    rates = [rate or default_rate for rate in told["request_rates"]]
    chart = _read_values(_CHART_VALUES)
    own = {
        name: _read_values(folder / one["values_file"]) if one.get("values_file") else {}
        for name, one in told["runtimes"].items()
    }
    try:
        return Settings(
            **{
                key: told[key] for key in Settings.model_fields if key in told and key != "runtimes"
            },
            runtimes={
                name: _runtime(one, chart, own[name]) for name, one in told["runtimes"].items()
            },
            requests_per_second=sum(rates),
            scopes=_scopes(told),
        )
    except ValidationError as error:
        raise TerraformError(f"{folder}: its settings are not understood: {error}") from error


def _scopes(told: Mapping[str, Any]) -> tuple[str, ...]:
    if told["shared_tasks"]:
        return (SHARED_SCOPE,)
    keys = () if told["signs_requests"] else told["tenants"]
    return (*keys, DIRECT_TENANT)


def _runtime(told: Mapping[str, Any], chart: Mapping[str, Any], own: Mapping[str, Any]) -> Runtime:
    nodes, scaling = told.get("nodes") or {}, told.get("scaling") or {}
    volume = _value("nodes.dataVolume.volumeSize", own, chart)
    return Runtime(
        type=told["type"],
        model_filename=told.get("model_filename"),
        model_prefix=told.get("model_prefix"),
        image=_value("runtime.image", own) or told.get("image"),
        instance_types=_instance_types(nodes.get("instance_types"), own, chart),
        capacity_types=_value("nodes.capacityTypes", own)
        or nodes.get("capacity_types")
        or _value("nodes.capacityTypes", chart),
        max_replica_count=_value("scaling.maxReplicaCount", own)
        or scaling.get("max_replica_count")
        or _value("scaling.maxReplicaCount", chart),
        snapshot_id=_value("nodes.dataVolume.snapshotID", own) or nodes.get("snapshot_id"),
        data_volume_gib=nodes.get("data_volume_gib") or int(str(volume).removesuffix("Gi")),
    )


def _instance_types(told: Any, own: Mapping[str, Any], chart: Mapping[str, Any]) -> tuple[str, ...]:
    """As modules/runtime/instance_types.tf: a pool's own types come before the runtime's."""
    chosen = _value("nodes.instanceTypes", own) or told or _value("nodes.instanceTypes", chart)
    pools = _value("nodes.pools", own, chart) or [{}]
    return tuple(
        dict.fromkeys(one for pool in pools for one in pool.get("instanceTypes") or chosen)
    )


def _value(path: str, *layers: Mapping[str, Any]) -> Any:
    """The first layer's value at a path; None where no layer has one."""
    for layer in layers:
        value: Any = layer
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _read_values(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            values = yaml.safe_load(file.read(_MAX_VALUES_BYTES)) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TerraformError(f"{path}: is no readable values file: {error}") from error
    if not isinstance(values, Mapping):
        raise TerraformError(f"{path}: is no values file: it holds no object")
    return values
