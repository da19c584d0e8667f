"""`easel eks addons`: the add-on versions to pin in a region's terraform.tfvars."""

import datetime
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.cluster.errors import ClusterError
from easel_deploy.exit_status import ExitStatus

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_eks.type_defs import AddonVersionInfoTypeDef

ADDONS = (
    "amazon-cloudwatch-observability",
    "aws-mountpoint-s3-csi-driver",
    "coredns",
    "eks-pod-identity-agent",
    "kube-proxy",
    "metrics-server",
    "vpc-cni",
)
"""Those that modules/eks-karpenter installs."""

CAN_BE_LEFT_OUT = frozenset(
    {"amazon-cloudwatch-observability", "aws-mountpoint-s3-csi-driver", "metrics-server"}
)
"""As the module's addons_left_out has it: no node is ready without the others."""

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)


def default_versions(client: "EKSClient", kubernetes_version: str) -> dict[str, str]:
    """Asks EKS which version of each add-on it installs where none is named, or has newest.

    It does not always call one the default.

    Args:
        client: of the region.
        kubernetes_version: minor version of the cluster, such as 1.35.

    Returns:
        Version by add-on; one that the region does not offer is missing.

    Raises:
        botocore.exceptions.ClientError: EKS does not tell.
    """
    versions = {}
    for name in ADDONS:
        pages = client.get_paginator("describe_addon_versions").paginate(
            addonName=name, kubernetesVersion=kubernetes_version
        )
        offered = list(pages.search("addons[].addonVersions[]"))
        defaults = [one for one in offered if _is_default(one)]
        if offered:
            newest = max(defaults or offered, key=lambda one: _numbers(one["addonVersion"]))
            versions[name] = newest["addonVersion"]
    return versions


def _is_default(version: "AddonVersionInfoTypeDef") -> bool:
    return any(one.get("defaultVersion") for one in version["compatibilities"])


def _numbers(version: str) -> list[int]:
    """Of v1.35.3-eksbuild.21, to compare by."""
    return [int(number) for number in re.findall(r"\d+", version)]


@dataclass(frozen=True, kw_only=True)
class AddonsOptions:
    """Options of `easel eks addons`.

    Attributes:
        region: AWS region.
        kubernetes_version: minor version, such as 1.35.
    """

    region: Annotated[str, typer.Option(help="AWS region, such as us-west-2")]
    kubernetes_version: Annotated[str, typer.Option(help="such as 1.35")]


def print_default_versions(options: AddonsOptions) -> ExitStatus:
    """Carries out `easel eks addons`: prints the setting for terraform.tfvars.

    Raises:
        ClusterError: EKS does not tell, or does not offer every add-on.
    """
    region, kubernetes_version = options.region, options.kubernetes_version
    try:
        client: EKSClient = boto3.Session().client("eks", region_name=region, config=_CONFIG)
        versions = default_versions(client, kubernetes_version)
    except (ClientError, BotoCoreError) as error:
        raise ClusterError(
            f"EKS in {region} does not tell its add-ons' versions: {error}\n"
            "Needed are AWS credentials of that partition that allow eks:DescribeAddonVersions."
        ) from error
    sys.stdout.write(as_setting(versions, kubernetes_version, region))
    return ExitStatus.COMPLETED


def as_setting(versions: dict[str, str], kubernetes_version: str, region: str) -> str:
    """Returns what terraform.tfvars takes.

    Raises:
        ClusterError: an add-on is missing that no node is ready without.
    """
    missing = [name for name in ADDONS if name not in versions]
    if needed := [name for name in missing if name not in CAN_BE_LEFT_OUT]:
        raise ClusterError(
            f"EKS in {region} does not offer for Kubernetes {kubernetes_version}: "
            f"{', '.join(needed)}. No node is ready without: try another version of Kubernetes."
        )
    width = max(map(len, versions))
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"# EKS's defaults for Kubernetes {kubernetes_version} in {region} on {today}."]
    lines.append("addon_versions = {")
    lines += [f'  {name:{width}} = "{version}"' for name, version in sorted(versions.items())]
    lines.append("}")
    if missing:
        names = ", ".join(f'"{name}"' for name in missing)
        lines += [
            "# Not offered there: install them yourself, or do without.",
            f"addons_left_out = [{names}]",
        ]
    return "\n".join(lines) + "\n"
