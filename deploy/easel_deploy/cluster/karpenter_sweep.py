"""`easel-deploy karpenter sweep`: deletes what Karpenter's nodes have left in EC2 and IAM.

It runs when Karpenter is gone, so nothing comes back. Nothing is touched that is not tagged for
this cluster, and nothing whose data could be missed: volumes that a claim of a pod's made stay, and
are named.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.plain_text import printable_lines
from easel_deploy.cluster.access import Say, cluster_access
from easel_deploy.cluster.errors import ClusterError, ClusterGoneError
from easel_deploy.cluster.karpenter_drain import let_go
from easel_deploy.cluster.request import ClusterRequest, read_request
from easel_deploy.request_variables import CLUSTER_VARIABLE

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 8}
)
_POLL_SECONDS = 5.0
_PROGRESS_SECONDS = 15.0
_BATCH = 100
_MAX_FOUND = 5_000
"""Of one kind; more than a cluster of ours can have."""
_NODEPOOL_TAG = "karpenter.sh/nodepool"
_NODECLASS_TAG = "karpenter.k8s.aws/ec2nodeclass"
_REGION_TAG = "topology.kubernetes.io/region"
_INTERFACE_TAG = "cluster.k8s.amazonaws.com/name"
"""Set by the VPC CNI on what it adds to a node."""
_LIVE = ["pending", "running", "stopping", "stopped"]

Filters = list[dict[str, Any]]


def sweep(_: argparse.Namespace) -> int:
    """Carries out `easel-deploy karpenter sweep`.

    Raises:
        easel_deploy.cluster.errors.RequestRefusedError: the environment holds no whole request.
        ClusterError: something that costs money is left.
    """
    request = read_request(ClusterRequest, CLUSTER_VARIABLE)
    _run(request, Sweep.run)
    _let_go(request)
    return 0


def sweep_interfaces(_: argparse.Namespace) -> int:
    """Carries out `easel-deploy karpenter interfaces`, when no node of any kind is left.

    The network add-on deletes what it has added to a node, unless the node dies first; the
    security group of what is left, and with it the network, could not be deleted.

    Raises:
        easel_deploy.cluster.errors.RequestRefusedError: the environment holds no whole request.
        ClusterError: AWS refuses.
    """
    _run(read_request(ClusterRequest, CLUSTER_VARIABLE), Sweep.delete_interfaces)
    return 0


def _run(request: ClusterRequest, act: "Callable[[Sweep], None]") -> None:
    session = boto3.Session(region_name=request.region)
    try:
        act(Sweep(session, request, _say))
    except (ClientError, BotoCoreError) as error:
        raise ClusterError(
            f"What Karpenter has left cannot be removed: {error}\nNeeded is leave to describe "
            "and delete instances, launch templates, volumes, network interfaces and instance "
            "profiles. Run destroy again afterwards: it begins with what is left."
        ) from error


def _let_go(request: ClusterRequest) -> None:
    # Nothing of it costs money: what is left of it is only said.
    try:
        with cluster_access(request, _say, patience_seconds=0) as access:
            let_go(access.client, _say)
    except ClusterGoneError:
        return
    except ClusterError as error:
        _say(f"Karpenter's objects in the cluster were not looked at: {error}")


class Sweep:
    """One sweep after one cluster."""

    def __init__(
        self,
        session: boto3.Session,
        request: ClusterRequest,
        say: Say,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        """Makes the clients; calls nothing.

        Args:
            session: with credentials and the region.
            request: which cluster, and how long it may take.
            say: prints a line.
            poll_seconds: between two looks.
        """
        self._ec2: EC2Client = session.client("ec2", config=_CONFIG)
        self._iam: IAMClient = session.client("iam", config=_CONFIG)
        self._cluster = request.cluster_name
        self._region = request.region
        self._owned = f"kubernetes.io/cluster/{request.cluster_name}"
        self._limit_seconds = request.timeout_seconds
        self._deadline = time.monotonic() + request.timeout_seconds
        self._say = say
        self._poll_seconds = poll_seconds

    def run(self) -> None:
        """Removes, in the order in which one thing holds on to another.

        Raises:
            ClusterError: instances are not terminated in time.
            botocore.exceptions.ClientError: AWS refuses.
        """
        self._terminate_instances()
        self.delete_interfaces()
        self._delete("volume(s)", self._volumes(of_karpenter=True), self._delete_volume)
        self._delete("launch template(s)", self._templates(), self._delete_template)
        self._delete("instance profile(s)", self._profiles(), self._delete_profile)
        kept = self._volumes(of_karpenter=False)
        if kept:
            self._say(
                f"kept {len(kept)} volume(s) that pods have made, as their data may matter: "
                f"{', '.join(kept)}. They cost money: aws ec2 delete-volume --region "
                f"{self._region} --volume-id <id>"
            )
        self._say("nothing of Karpenter's is left")

    def delete_interfaces(self) -> None:
        """Removes the network interfaces that no node has any more.

        Raises:
            botocore.exceptions.ClientError: AWS refuses.
        """
        self._delete("network interface(s)", self._interfaces(), self._delete_interface)

    def _terminate_instances(self) -> None:
        live = self._instances(_LIVE)
        for at in range(0, len(live), _BATCH):
            self._ec2.terminate_instances(InstanceIds=live[at : at + _BATCH])
        if live:
            self._say(f"terminating {len(live)} instance(s): {', '.join(live)}")
        told = time.monotonic()
        while left := self._instances([*_LIVE, "shutting-down"]):
            now = time.monotonic()
            if now > self._deadline:
                raise ClusterError(
                    f"After {self._limit_seconds} s these instances are not terminated: "
                    f"{', '.join(left)}. They cost money. See what holds them up (aws ec2 "
                    f"describe-instances --region {self._region} --instance-ids <id>; termination "
                    "protection?), then run destroy again: it begins here."
                )
            if now - told >= _PROGRESS_SECONDS:
                told = now
                self._say(f"waiting for {len(left)} instance(s) to terminate")
            time.sleep(self._poll_seconds)

    def _delete(self, what: str, found: Iterable[str], delete_one: Callable[[str], object]) -> None:
        deleted = []
        for one in found:
            try:
                delete_one(one)
            except ClientError as error:
                if not _is_gone(error):
                    raise
            deleted.append(one)
        if deleted:
            self._say(f"deleted {len(deleted)} {what}: {', '.join(deleted)}")

    def _instances(self, states: list[str]) -> list[str]:
        filters = [*self._of_karpenter(), {"Name": "instance-state-name", "Values": states}]
        reservations = self._pages("describe_instances", "Reservations", filters)
        return [instance["InstanceId"] for one in reservations for instance in one["Instances"]]

    def _interfaces(self) -> list[str]:
        found: list[str] = []
        for tag in ({self._owned: "owned"}, {_INTERFACE_TAG: self._cluster}):
            ((name, value),) = tag.items()
            filters = [_filter(f"tag:{name}", value), _filter("status", "available")]
            interfaces = self._pages("describe_network_interfaces", "NetworkInterfaces", filters)
            found += [one["NetworkInterfaceId"] for one in interfaces]
        return sorted(set(found))

    def _volumes(self, *, of_karpenter: bool) -> list[str]:
        filters = [_filter(f"tag:{self._owned}", "owned"), _filter("status", "available")]
        volumes = self._pages("describe_volumes", "Volumes", filters)
        return [one["VolumeId"] for one in volumes if (_NODEPOOL_TAG in _tags(one)) is of_karpenter]

    def _templates(self) -> list[str]:
        filters = self._of_karpenter()
        templates = self._pages("describe_launch_templates", "LaunchTemplates", filters)
        return [one["LaunchTemplateId"] for one in templates]

    def _profiles(self) -> Iterator[str]:
        """Instance profiles that Karpenter made for its EC2NodeClasses: they hold on to a role."""
        pages = self._iam.get_paginator("list_instance_profiles").paginate()
        for page in pages:
            for profile in page["InstanceProfiles"]:
                name = profile["InstanceProfileName"]
                ours = f"/karpenter/{self._region}/{self._cluster}/"
                # Every profile's tags are a call of their own: only likely ones are looked at.
                if profile["Path"].startswith(ours) or name.startswith(f"{self._cluster}_"):
                    found = self._iam.get_instance_profile(InstanceProfileName=name)
                    tags = _tags(found["InstanceProfile"])
                    if (
                        tags.get(self._owned) == "owned"
                        and tags.get(_REGION_TAG) == self._region
                        and _NODECLASS_TAG in tags
                    ):
                        yield name

    def _of_karpenter(self) -> Filters:
        return [_filter(f"tag:{self._owned}", "owned"), _filter("tag-key", _NODEPOOL_TAG)]

    def _pages(self, operation: str, name: str, filters: Filters) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        ec2: Any = self._ec2
        for page in ec2.get_paginator(operation).paginate(Filters=filters):
            found += page[name]
            if len(found) > _MAX_FOUND:
                raise ClusterError(
                    f"There are more than {_MAX_FOUND} {name} tagged {self._owned}: that is not "
                    "only what easel made. Nothing of it was deleted."
                )
        return found

    def _delete_interface(self, one: str) -> None:
        self._ec2.delete_network_interface(NetworkInterfaceId=one)

    def _delete_volume(self, one: str) -> None:
        self._ec2.delete_volume(VolumeId=one)

    def _delete_template(self, one: str) -> None:
        self._ec2.delete_launch_template(LaunchTemplateId=one)

    def _delete_profile(self, one: str) -> None:
        roles = self._iam.get_instance_profile(InstanceProfileName=one)["InstanceProfile"]["Roles"]
        for role in roles:
            self._iam.remove_role_from_instance_profile(
                InstanceProfileName=one, RoleName=role["RoleName"]
            )
        self._iam.delete_instance_profile(InstanceProfileName=one)


def _filter(name: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Values": [value]}


def _tags(one: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}


def _is_gone(error: ClientError) -> bool:
    code = error.response["Error"]["Code"]
    return code == "NoSuchEntity" or code.endswith((".NotFound", "NotFoundException"))


def _say(text: str) -> None:
    sys.stdout.write(printable_lines(f"karpenter sweep: {text}\n"))
    sys.stdout.flush()
