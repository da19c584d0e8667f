"""Finds an EKS cluster's API server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.cluster.errors import ClusterError, ClusterGoneError

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)


@dataclass(frozen=True)
class Cluster:
    """What is needed to reach one."""

    name: str
    region: str
    endpoint: str
    ca_base64: str
    public_cidrs: tuple[str, ...]
    """From where its public endpoint may be called; empty where it has none."""


def find_cluster(name: str, region: str) -> Cluster:
    """Asks EKS about a cluster.

    Raises:
        ClusterGoneError: there is none of that name, or it is being deleted or still made.
        ClusterError: it has no endpoint, or EKS does not tell.
    """
    cluster = _described(name, region)
    status = cluster.get("status")
    if status == "DELETING":
        raise ClusterGoneError(f"Cluster {name} in {region} is being deleted.")
    if status == "CREATING":
        # After one that was deleted by hand: what was in that one is gone.
        raise ClusterGoneError(
            f"Cluster {name} in {region} is still being made: wait until its status is ACTIVE "
            "before anything is installed."
        )
    endpoint = cluster.get("endpoint")
    ca_base64 = cluster.get("certificateAuthority", {}).get("data")
    if not endpoint or not ca_base64:
        raise ClusterError(
            f"Cluster {name} in {region} has no API server yet, its status is {status}: wait "
            "until it is ACTIVE, then run this again."
        )
    network = cluster.get("resourcesVpcConfig", {})
    public = network.get("endpointPublicAccess", False)
    return Cluster(
        name=name,
        region=region,
        endpoint=endpoint,
        ca_base64=ca_base64,
        public_cidrs=tuple(network.get("publicAccessCidrs", ())) if public else (),
    )


def _described(name: str, region: str) -> Mapping[str, Any]:
    client = boto3.Session().client("eks", region_name=region, config=_CONFIG)
    try:
        described: Mapping[str, Any] = client.describe_cluster(name=name)["cluster"]
    except client.exceptions.ResourceNotFoundException as error:
        raise ClusterGoneError(f"There is no cluster {name} in {region}.") from error
    except (ClientError, BotoCoreError) as error:
        raise ClusterError(
            f"EKS does not tell about cluster {name} in {region}: {error}\n"
            "Needed are AWS credentials of the cluster's account that allow eks:DescribeCluster."
        ) from error
    return described
