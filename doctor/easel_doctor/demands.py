"""How much of each quota a stack asks for.

The codes are Service Quotas' own: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from easel_doctor.excuses import excuse
from easel_doctor.gpu_types import stack_zones
from easel_doctor.settings import Runtime
from easel_doctor.subject import Subject
from easel_snapshot.tags import tag_map

_TWICE = 2
"""Pods that end their task keep their nodes while others begin (docs/adr/0038)."""
_GPU_FAMILY = re.compile(r"(?:gr?|vt)[0-9]")
"""Of instance types that the quotas of G and VT instances count."""
_STACK_TAG = "Stack"
"""Of everything that Terraform makes: envs/stack/providers.tf."""
_PUBLISHES_PER_TASK = 2
"""One to the topic of tasks, one to that of notifications."""


@dataclass(frozen=True)
class Demand:
    """What a stack asks for of one quota.

    Attributes:
        service: code of Service Quotas.
        code: of the quota.
        words: the quota in a person's words.
        least: without which nothing works; what others use is in it.
        most: that the settings can ask for; what others use is in it.
        why: the reason for `most`, as the end of a sentence.
        instead: what helps beside a larger quota.
        unknown: why it is not known; empty where it is.
    """

    service: str
    code: str
    words: str
    least: float = 0
    most: float = 0
    why: str = ""
    instead: str = ""
    unknown: str = ""

    @property
    def look(self) -> str:
        """How a person finds out by hand."""
        return (
            f"aws service-quotas get-service-quota --service-code {self.service} "
            f"--quota-code {self.code}"
        )


@dataclass(frozen=True)
class _Quota:
    service: str
    code: str
    words: str
    ask: Callable[[Subject], tuple[float, float, str, str]]
    """Gives least, most, why and instead."""


def demands(subject: Subject) -> Iterator[Demand]:
    """Yields the demand on each quota; where it cannot be known, why."""
    for quota in _QUOTAS:
        named = (quota.service, quota.code, quota.words)
        try:
            least, most, why, instead = quota.ask(subject)
        except (ClientError, BotoCoreError) as error:
            yield Demand(*named, unknown=excuse(error)[0])
        else:
            yield Demand(*named, least, most, why, instead)


def _gpu_vcpus(subject: Subject, capacity: str) -> tuple[float, float, str, str]:
    runtimes = {
        name: one
        for name, one in subject.settings.runtimes.items()
        if capacity in one.capacity_types and _types(one)
    }
    vcpus = _vcpus(subject, sorted({kind for one in runtimes.values() for kind in _types(one)}))
    most = sum(
        _TWICE * one.max_replica_count * max(vcpus[kind] for kind in _types(one))
        for one in runtimes.values()
    )
    # With the other kind of capacity a runtime still gets a node.
    needing = [one for one in runtimes.values() if set(one.capacity_types) == {capacity}]
    least = max((min(vcpus[kind] for kind in _types(one)) for one in needing), default=0)
    pods = sum(one.max_replica_count for one in runtimes.values())
    why = f"twice {pods} pods on the largest of their instance types are {most:g} vCPUs"
    return least, most, why, "lower scaling.max_replica_count, or name smaller instance_types"


def _types(runtime: Runtime) -> list[str]:
    """The instance types that the quotas of G and VT are for."""
    return [one for one in runtime.instance_types if _GPU_FAMILY.match(one)]


def _vcpus(subject: Subject, types: list[str]) -> Mapping[str, int]:
    if not types:
        return {}
    pages = subject.aws.ec2.get_paginator("describe_instance_types").paginate(
        Filters=[{"Name": "instance-type", "Values": types}]
    )
    told = {
        str(one["InstanceType"]): int(one["VCpuInfo"]["DefaultVCpus"])
        for page in pages
        for one in page["InstanceTypes"]
    }
    # A type that the region does not have asks for nothing there.
    return {kind: told.get(kind, 0) for kind in types}


def _publishes(subject: Subject) -> tuple[float, float, str, str]:
    rate = subject.settings.requests_per_second
    most = _PUBLISHES_PER_TASK * rate
    why = f"{rate:g} requests a second may come, each a task and a notification"
    return 1, most, why, "lower throttle.rate_limit_per_second"


def _vpcs(subject: Subject) -> tuple[float, float, str, str]:
    there = _all(subject, "describe_vpcs", "Vpcs")
    makes = subject.settings.existing_subnet_ids is None
    new = int(makes and not any(_is_own(subject, one) for one in there))
    why = f"{len(there)} are there and {new} is new"
    return len(there) + new, len(there) + new, why, "name a network of your own: existing_vpc"


def _nat_zones(subject: Subject) -> list[str]:
    zones = stack_zones(subject) if subject.settings.existing_subnet_ids is None else []
    return zones[:1] if subject.settings.nat_gateways == "one" else zones


def _addresses(subject: Subject) -> tuple[float, float, str, str]:
    there = subject.aws.ec2.describe_addresses()["Addresses"]
    own = sum(_is_own(subject, one) for one in there)
    new = max(0, len(_nat_zones(subject)) - own)
    most = len(there) + new
    why = f"{len(there)} are there and {new} NAT gateways take one each"
    return most, most, why, 'set vpc.nat_gateways = "one"'


def _nat_gateways(subject: Subject) -> tuple[float, float, str, str]:
    """Of the zone that has most of them."""
    subnets = {
        str(one["SubnetId"]): str(one["AvailabilityZone"])
        for one in _all(subject, "describe_subnets", "Subnets")
    }
    states = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
    gateways = _all(subject, "describe_nat_gateways", "NatGateways", Filter=states)
    zones = [subnets.get(str(one["SubnetId"]), "") for one in gateways]
    there = Counter(zones)
    own = {zone for zone, one in zip(zones, gateways, strict=True) if _is_own(subject, one)}
    most = max((there[zone] + int(zone not in own) for zone in _nat_zones(subject)), default=0)
    why = f"a zone of the stack would have {most}"
    return most, most, why, "name a network of your own: existing_vpc"


def _buckets(subject: Subject) -> tuple[float, float, str, str]:
    settings = subject.settings
    there = {str(one["Name"]) for one in subject.aws.client("s3").list_buckets()["Buckets"]}
    made = {f"{settings.name}-outputs-{subject.caller.account}-{settings.region}"}
    if settings.makes_model_bucket:
        made.add(subject.model_bucket)
    most = len(there | made)
    why = f"{len(there)} are there and {len(made - there)} are new"
    return most, most, why, "remove unused buckets"


def _is_own(subject: Subject, one: Mapping[str, Any]) -> bool:
    """Whether an earlier apply of this stack has made it; also one that broke off."""
    return tag_map(one.get("Tags")).get(_STACK_TAG) == subject.settings.name


def _all(subject: Subject, operation: str, field: str, **query: Any) -> list[Any]:
    pages = subject.aws.ec2.get_paginator(operation).paginate(**query)
    return [one for page in pages for one in page[field]]


_QUOTAS = (
    _Quota(
        "ec2",
        "L-DB2E81BA",
        "vCPUs of on-demand G and VT instances",
        lambda subject: _gpu_vcpus(subject, "on-demand"),
    ),
    _Quota(
        "ec2",
        "L-3819A6DF",
        "vCPUs of Spot G and VT instances",
        lambda subject: _gpu_vcpus(subject, "spot"),
    ),
    _Quota("sns", "L-F8E2BA85", "SNS messages a second", _publishes),
    _Quota("vpc", "L-F678F1CE", "VPCs", _vpcs),
    _Quota("vpc", "L-FE5A380F", "NAT gateways of a zone", _nat_gateways),
    _Quota("ec2", "L-0263D0A3", "Elastic IPs", _addresses),
    _Quota("s3", "L-DC2B2D3D", "buckets", _buckets),
)
"""The six of R43; vCPUs have one for each way to pay."""
