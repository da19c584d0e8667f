"""What is in the stack's network, or was made by its pods, and is not Terraform's.

A network that something else uses cannot be deleted: destroy would end after half an hour with
AWS's `DependencyViolation`. Whoever put it there may want it to go on, too.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from easel_contract.plain_text import printable
from easel_deploy.environments.retained import Managed
from easel_deploy.environments.stack import StackIdentity

VPC = "module.vpc[0].aws_vpc.this"
CLAIM = "kubernetes.io/created-for/pvc/name"
"""Tag of volumes that a pod's claim has made."""

_MOST = 1_000
"""Of one kind; what is beyond is not looked at."""
_MOST_NAMED = 20
_LIVE = ["pending", "running", "stopping", "stopped"]
_LOAD_BALANCER = re.compile(r"ELB (?:(?:app|net|gwy)/)?([\w-]+)")
_OF_AWS = re.compile(r"Interface for NAT Gateway|VPC Endpoint Interface|Amazon EKS ")


def claimed_volumes(stack: StackIdentity) -> Iterator[str]:
    """Yields a line for each volume that a claim of the cluster's pods has made.

    Raises:
        botocore.exceptions.ClientError: volumes cannot be read.
    """
    filters = {f"tag:kubernetes.io/cluster/{stack.name}": ["owned"], "tag-key": [CLAIM]}
    for volume in _described(stack, "describe_volumes", "Volumes", filters):
        claim = _tags(volume).get(CLAIM, "")
        yield _one_line(
            f"volume {volume['VolumeId']}, {volume['Size']} GiB, of claim {claim}: stays, and "
            "costs money"
        )


def others_in_network(stack: StackIdentity, managed: Managed) -> Iterator[str]:
    """Yields a line for each thing in the stack's network that is not of the stack.

    Args:
        stack: the stack.
        managed: what its state has; with a network of others nothing is looked at.

    Raises:
        botocore.exceptions.ClientError: the network cannot be looked at.
    """
    if VPC not in managed:
        return
    own = {str(attributes.get("id")) for attributes in managed.values()}
    network = {"vpc-id": [str(managed[VPC]["id"])]}
    foreign, instances = [], set()
    live = network | {"instance-state-name": _LIVE}
    for reservation in _described(stack, "describe_instances", "Reservations", live):
        for instance in reservation["Instances"]:
            instances.add(instance["InstanceId"])
            if instance["InstanceId"] not in own and not _is_of_stack(stack, _tags(instance)):
                kind = instance["InstanceType"]
                foreign.append(f"instance {instance['InstanceId']} ({kind}{_name(instance)})")
    endpoints = _described(stack, "describe_vpc_endpoints", "VpcEndpoints", network)
    foreign += [
        f"endpoint {one['VpcEndpointId']} ({one['ServiceName']}{_name(one)})"
        for one in endpoints
        if one["VpcEndpointId"] not in own and one.get("State") != "deleted"
    ]
    interfaces = _described(stack, "describe_network_interfaces", "NetworkInterfaces", network)
    foreign += dict.fromkeys(
        line
        for one in interfaces
        if one["NetworkInterfaceId"] not in own
        and (line := _interface(stack, one, instances)) is not None
    )
    yield from map(_one_line, foreign)


def some(lines: list[str]) -> list[str]:
    """Returns as many lines as a person reads, and how many more there are."""
    if len(lines) <= _MOST_NAMED:
        return lines
    return [*lines[:_MOST_NAMED], f"and {len(lines) - _MOST_NAMED} more"]


def _interface(
    stack: StackIdentity, interface: Mapping[str, Any], instances: set[str]
) -> str | None:
    """Names what an interface belongs to; None where the stack, or something that was named."""
    description = str(interface.get("Description", ""))
    attached_to = interface.get("Attachment", {}).get("InstanceId")
    if attached_to in instances or _OF_AWS.match(description):
        return None
    if found := _LOAD_BALANCER.match(description):
        return f"load balancer {found[1]}"
    tags = {one["Key"]: one["Value"] for one in interface.get("TagSet", [])}
    if _is_of_stack(stack, tags):
        return None
    identity = interface["NetworkInterfaceId"]
    return f"network interface {identity}" + (f" ({description})" if description else "")


def _is_of_stack(stack: StackIdentity, tags: Mapping[str, str]) -> bool:
    return f"kubernetes.io/cluster/{stack.name}" in tags or stack.name in (
        tags.get("eks:cluster-name"),
        tags.get("eks:eks-cluster-name"),
        tags.get("cluster.k8s.amazonaws.com/name"),
    )


def _described(
    stack: StackIdentity, operation: str, key: str, filters: Mapping[str, list[str]]
) -> Iterator[Mapping[str, Any]]:
    pages = (
        stack.client("ec2")
        .get_paginator(operation)
        .paginate(Filters=[{"Name": name, "Values": values} for name, values in filters.items()])
    )
    return islice((one for page in pages for one in page[key]), _MOST)


def _tags(thing: Mapping[str, Any]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in thing.get("Tags", [])}


def _name(thing: Mapping[str, Any]) -> str:
    name = _tags(thing).get("Name")
    return f", {name}" if name else ""


def _one_line(text: str) -> str:
    # Tags and descriptions are anybody's.
    return printable(text)
