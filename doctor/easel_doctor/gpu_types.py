"""Which of the runtimes' instance types the region's zones offer."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from easel_doctor.finding import Finding, Problem, fail, found, warn
from easel_doctor.settings import Runtime
from easel_doctor.subject import Subject

_ZONES = 3
"""That a stack uses where settings name none: envs/stack/main.tf."""
_WITHOUT_A_CONTROL_PLANE = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
"""Ids of zones that envs/stack/main.tf leaves out."""
_FILTER_VALUES = 200
"""That EC2 takes for one filter."""


def look_at_gpu_types(subject: Subject) -> Finding:
    """Asks EC2 for the offers of the zones that nodes will be in."""
    zones = stack_zones(subject)
    runtimes = subject.settings.runtimes
    wanted = sorted({one for runtime in runtimes.values() for one in runtime.instance_types})
    offers = _offers(subject, wanted, zones)
    problems = [
        problem
        for name, runtime in sorted(runtimes.items())
        for problem in _problems(name, runtime, zones, offers, subject)
    ]
    counts = ", ".join(f"{zone}: {len(offers[zone])} of {len(wanted)}" for zone in zones)
    return found(f"types on offer in {counts}", problems)


def stack_zones(subject: Subject) -> list[str]:
    """Returns the zones that the stack's nodes are or will be in.

    Raises:
        botocore.exceptions.ClientError: EC2 does not tell.
    """
    settings, ec2 = subject.settings, subject.aws.ec2
    if settings.existing_subnet_ids is not None:
        subnets = ec2.describe_subnets(SubnetIds=list(settings.existing_subnet_ids))["Subnets"]
        return sorted({str(one["AvailabilityZone"]) for one in subnets})
    if settings.availability_zones:
        return sorted(settings.availability_zones)
    zones = ec2.describe_availability_zones(
        Filters=[
            {"Name": "state", "Values": ["available"]},
            {"Name": "opt-in-status", "Values": ["opt-in-not-required"]},
        ]
    )["AvailabilityZones"]
    usable = [one for one in zones if one["ZoneId"] not in _WITHOUT_A_CONTROL_PLANE]
    return sorted(str(one["ZoneName"]) for one in usable)[:_ZONES]


def _offers(subject: Subject, types: list[str], zones: list[str]) -> Mapping[str, set[str]]:
    filters: list[dict[str, Any]] = [
        {"Name": "location", "Values": zones},
        {"Name": "instance-type", "Values": types[:_FILTER_VALUES]},
    ]
    pages = subject.aws.ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=filters
    )
    offers: dict[str, set[str]] = {zone: set() for zone in zones}
    for page in pages:
        for one in page["InstanceTypeOfferings"]:
            offers.setdefault(str(one["Location"]), set()).add(str(one["InstanceType"]))
    return offers


def _problems(
    name: str,
    runtime: Runtime,
    zones: Collection[str],
    offers: Mapping[str, set[str]],
    subject: Subject,
) -> Iterator[Problem]:
    wanted = set(runtime.instance_types)
    here = {one for zone in zones for one in offers[zone]}
    change = f"Change runtimes.{name}.nodes.instance_types in {subject.tfvars}"
    if not wanted & here:
        text = f"runtime {name}: no zone offers any of {', '.join(sorted(wanted))}"
        asked = "aws ec2 describe-instance-type-offerings --region " + subject.settings.region
        yield fail(f"{text}: no node will ever come", f"{change}; `{asked}` lists the offers.")
        return
    if missing := sorted(wanted - here):
        yield warn(
            f"runtime {name}: no zone offers {', '.join(missing)}",
            f"{change}: what is not there makes no wider Spot pool.",
        )
    if empty := [zone for zone in zones if not wanted & offers[zone]]:
        yield warn(
            f"runtime {name}: none of its types is in {', '.join(empty)}",
            f"{change}, or set availability_zones: fewer zones are a narrower Spot pool.",
        )
