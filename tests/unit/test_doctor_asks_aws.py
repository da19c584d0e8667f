"""The checks that the emulator has no service for: offers of instance types, quotas, rights."""

from typing import Any

import pytest

from easel_doctor.finding import State
from easel_doctor.gpu_types import look_at_gpu_types
from easel_doctor.quotas import look_at_quotas
from easel_doctor.rights import RIGHTS, look_at_rights
from easel_doctor.settings import Settings
from easel_doctor.spot_role import look_at_spot_role
from tests.doctor_world import ACCOUNT, REGIONS, Clients, problems, runtime, settings, subject
from tests.stubbed_aws import answer

pytestmark = pytest.mark.unit


@pytest.fixture(params=REGIONS)
def clients(request: pytest.FixtureRequest) -> Clients:
    return in_region(str(request.param))


def in_region(region: str) -> Clients:
    """An account with nothing in it, and with every type in each of four zones."""
    clients = Clients(region)
    ec2 = clients["ec2"]
    zones = [
        {"ZoneName": f"{region}{letter}", "ZoneId": f"id-az{letter}", "State": "available"}
        for letter in "dcba"
    ]
    answer(ec2, "describe_availability_zones", {"AvailabilityZones": zones})
    offer(clients, {f"{region}{letter}": ["g5.xlarge", "g4dn.xlarge"] for letter in "abcd"})
    for method, field in (
        ("describe_vpcs", "Vpcs"),
        ("describe_addresses", "Addresses"),
        ("describe_nat_gateways", "NatGateways"),
        ("describe_subnets", "Subnets"),
    ):
        answer(ec2, method, {field: []})
    answer(ec2, "describe_instance_types", instance_types)
    answer(clients["s3"], "list_buckets", {"Buckets": []})
    partition = "aws-cn" if region.startswith("cn-") else "aws"
    identity = {"Account": ACCOUNT, "Arn": f"arn:{partition}:iam::{ACCOUNT}:user/me"}
    answer(clients["sts"], "get_caller_identity", identity)
    quota(clients, {})
    return clients


def instance_types(asked: Any) -> dict[str, Any]:
    (only,) = asked["Filters"]
    vcpus = {"g5.xlarge": 4, "g4dn.xlarge": 4, "g5.12xlarge": 48, "g6.xlarge": 4}
    return {
        "InstanceTypes": [
            {"InstanceType": kind, "VCpuInfo": {"DefaultVCpus": vcpus[kind]}}
            for kind in only["Values"]
        ]
    }


def offer(clients: Clients, offers: dict[str, list[str]]) -> None:
    def offerings(asked: Any) -> dict[str, Any]:
        assert asked["LocationType"] == "availability-zone"
        wanted = {one["Name"]: one["Values"] for one in asked["Filters"]}
        return {
            "InstanceTypeOfferings": [
                {"InstanceType": kind, "Location": zone, "LocationType": "availability-zone"}
                for zone, kinds in offers.items()
                for kind in kinds
                if zone in wanted["location"] and kind in wanted["instance-type"]
            ]
        }

    answer(clients["ec2"], "describe_instance_type_offerings", offerings)


def quota(clients: Clients, values: dict[str, float], otherwise: float = 1000) -> None:
    def value(asked: Any) -> dict[str, Any]:
        code = asked["QuotaCode"]
        return {"Quota": {"QuotaCode": code, "Value": values.get(code, otherwise)}}

    answer(clients["service-quotas"], "get_service_quota", value)


def of(clients: Clients, **told: Any) -> Settings:
    return settings(region=clients.region, **told)


# -- offers ---------------------------------------------------------------------------------------


def test_types_that_each_zone_offers_are_well(clients: Clients) -> None:
    finding = look_at_gpu_types(subject(clients))
    assert finding.state is State.OK
    # The first three by name, as envs/stack takes them.
    region = clients.region
    assert finding.summary == (
        f"types on offer in {region}a: 2 of 2, {region}b: 2 of 2, {region}c: 2 of 2"
    )


def test_a_type_that_no_zone_offers_narrows_the_pool(clients: Clients) -> None:
    nodes = {"instance_types": ["g5.xlarge", "g6.xlarge"]}
    told = of(clients, runtimes={"sd": runtime(nodes=nodes)})
    finding = look_at_gpu_types(subject(clients, told))
    assert finding.state is State.WARN
    assert "no zone offers g6.xlarge" in problems(finding)


def test_a_zone_without_any_type_is_named(clients: Clients) -> None:
    region = clients.region
    offer(clients, {f"{region}a": ["g5.xlarge"], f"{region}b": ["g4dn.xlarge"]})
    finding = look_at_gpu_types(subject(clients))
    assert finding.state is State.WARN
    assert f"none of its types is in {region}c" in problems(finding)


def test_a_runtime_whose_types_no_zone_offers_gets_no_node(clients: Clients) -> None:
    offer(clients, {f"{clients.region}d": ["g5.xlarge"]})
    finding = look_at_gpu_types(subject(clients))
    assert finding.state is State.FAIL
    assert f"describe-instance-type-offerings --region {clients.region}" in problems(finding)


def test_zones_are_those_of_a_network_that_is_there(clients: Clients) -> None:
    zone = f"{clients.region}d"
    answer(
        clients["ec2"],
        "describe_subnets",
        lambda asked: {
            "Subnets": [{"SubnetId": one, "AvailabilityZone": zone} for one in asked["SubnetIds"]]
        },
    )
    told = of(clients, existing_subnet_ids=["subnet-0a", "subnet-0b"])
    assert f"in {zone}: 2 of 2" in look_at_gpu_types(subject(clients, told)).summary


# -- quotas ---------------------------------------------------------------------------------------


def test_quotas_that_hold_all_are_well(clients: Clients) -> None:
    finding = look_at_quotas(subject(clients))
    assert finding.state is State.OK
    # Twice five pods on types of four vCPUs; 30 requests a second are two messages each.
    assert "Spot G and VT instances 40/1000" in finding.summary
    assert "on-demand G and VT instances 0/1000" in finding.summary
    assert "SNS messages a second 60/1000" in finding.summary
    assert "VPCs 1/1000" in finding.summary
    assert "Elastic IPs 3/1000" in finding.summary
    assert "NAT gateways of a zone 1/1000" in finding.summary
    assert "buckets 1/1000" in finding.summary


@pytest.mark.parametrize(
    ("code", "value", "state", "words"),
    [
        ("L-3819A6DF", 0, State.FAIL, "twice 5 pods"),
        ("L-3819A6DF", 3, State.FAIL, "--desired-value 40"),
        ("L-3819A6DF", 4, State.WARN, "--desired-value 40"),
        ("L-3819A6DF", 39, State.WARN, "--quota-code L-3819A6DF"),
        ("L-3819A6DF", 40, State.OK, ""),
        ("L-DB2E81BA", 0, State.OK, ""),
        ("L-F8E2BA85", 59, State.WARN, "lower throttle.rate_limit_per_second"),
        ("L-F678F1CE", 0, State.FAIL, "existing_vpc"),
        ("L-FE5A380F", 0, State.FAIL, "a zone of the stack would have 1"),
        ("L-0263D0A3", 2, State.FAIL, 'vpc.nat_gateways = "one"'),
        ("L-DC2B2D3D", 0, State.FAIL, "1 are new"),
    ],
)
def test_a_quota_that_is_too_low_is_named_with_the_command(
    clients: Clients, code: str, value: float, state: State, words: str
) -> None:
    quota(clients, {code: value})
    finding = look_at_quotas(subject(clients))
    assert finding.state is state
    assert words in problems(finding)
    assert bool(finding.problems) is (state is not State.OK)


def test_with_both_kinds_of_capacity_neither_quota_alone_is_needed(clients: Clients) -> None:
    nodes = {"instance_types": ["g5.xlarge", "g5.12xlarge"]}
    told = of(clients, runtimes={"sd": runtime(nodes=nodes | {"capacity_types": None})})
    quota(clients, {"L-3819A6DF": 0})
    finding = look_at_quotas(subject(clients, told))
    assert finding.state is State.WARN
    # The chart's own: Spot and on-demand; the largest type has 48 vCPUs.
    assert "on-demand G and VT instances 480/1000" in finding.summary


def test_what_others_use_counts(clients: Clients) -> None:
    ec2, zone = clients["ec2"], f"{clients.region}b"
    answer(ec2, "describe_vpcs", {"Vpcs": [{"VpcId": "vpc-0a"}] * 5})
    answer(ec2, "describe_subnets", {"Subnets": [{"SubnetId": "s", "AvailabilityZone": zone}]})
    answer(ec2, "describe_nat_gateways", {"NatGateways": [{"SubnetId": "s"}] * 4})
    answer(ec2, "describe_addresses", {"Addresses": [{"PublicIp": "203.0.113.1"}] * 3})
    quota(clients, {}, otherwise=5)
    said = problems(look_at_quotas(subject(clients, of(clients, runtimes={}))))
    assert "VPCs: the quota is 5, and 5 are there and 1 is new" in said
    assert "Elastic IPs: the quota is 5, and 3 are there and 3 NAT gateways" in said
    assert "NAT gateways of a zone" not in said


def test_a_stack_that_is_there_asks_for_nothing_twice(clients: Clients) -> None:
    """Also one whose apply broke off, of which no state tells."""
    own = [{"Key": "Stack", "Value": "easel"}]
    ec2 = clients["ec2"]
    answer(ec2, "describe_vpcs", {"Vpcs": [{"VpcId": "vpc-0a", "Tags": own}]})
    zones = [f"{clients.region}{letter}" for letter in "abc"]
    subnets = [{"SubnetId": f"s-{zone}", "AvailabilityZone": zone} for zone in zones]
    answer(ec2, "describe_subnets", {"Subnets": subnets})
    gateways = [{"SubnetId": one["SubnetId"], "Tags": own} for one in subnets[:2]]
    answer(ec2, "describe_nat_gateways", {"NatGateways": gateways})
    answer(ec2, "describe_addresses", {"Addresses": [{"PublicIp": "203.0.113.1", "Tags": own}] * 2})
    buckets = [f"easel-{kind}-{ACCOUNT}-{clients.region}" for kind in ("outputs", "models")]
    answer(clients["s3"], "list_buckets", {"Buckets": [{"Name": one} for one in buckets]})
    quota(clients, {"L-F678F1CE": 1, "L-0263D0A3": 3, "L-FE5A380F": 1, "L-DC2B2D3D": 2})
    finding = look_at_quotas(subject(clients, of(clients, makes_model_bucket=True)))
    assert finding.state is State.OK
    for words in ("VPCs 1/1", "Elastic IPs 3/3", "NAT gateways of a zone 1/1", "buckets 2/2"):
        assert words in finding.summary


def test_a_quota_that_nobody_raised_has_its_default(clients: Clients) -> None:
    service_quotas = clients["service-quotas"]
    answer(service_quotas, "get_service_quota", "NoSuchResourceException")
    answer(service_quotas, "get_aws_default_service_quota", {"Quota": {"Value": 5.0}})
    assert "VPCs 1/5" in look_at_quotas(subject(clients)).summary


def test_quotas_that_may_not_be_read_are_not_checked(clients: Clients) -> None:
    answer(clients["service-quotas"], "get_service_quota", "AccessDeniedException")
    answer(clients["ec2"], "describe_vpcs", "UnauthorizedOperation")
    finding = look_at_quotas(subject(clients))
    assert finding.state is State.NOT_CHECKED
    said = problems(finding)
    assert "VPCs: these credentials may not call DescribeVpcs" in said
    assert "buckets: these credentials may not call GetServiceQuota" in said
    assert "aws service-quotas get-service-quota --service-code s3" in said


# -- Spot's role and rights -----------------------------------------------------------------------

SPOT = {"Role": {"Path": "/", "RoleName": "AWSServiceRoleForEC2Spot", "RoleId": "A" * 16,
                 "Arn": "arn:aws:iam::000000000000:role/x", "CreateDate": 0}}  # fmt: skip


def test_spots_role_is_there_or_made_by_a_command(clients: Clients) -> None:
    answer(clients["iam"], "get_role", SPOT)
    assert look_at_spot_role(subject(clients)).state is State.OK
    answer(clients["iam"], "get_role", "NoSuchEntity")
    finding = look_at_spot_role(subject(clients))
    assert finding.state is State.FAIL
    assert "create-service-linked-role --aws-service-name spot" in problems(finding)


def test_a_runtime_that_may_be_on_demand_does_without_spot(clients: Clients) -> None:
    answer(clients["iam"], "get_role", "NoSuchEntity")
    nodes = {"instance_types": ["g5.xlarge"], "capacity_types": ["spot", "on-demand"]}
    told = of(clients, runtimes={"sd": runtime(nodes=nodes)})
    assert look_at_spot_role(subject(clients, told)).state is State.WARN
    nodes["capacity_types"] = ["on-demand"]
    told = of(clients, runtimes={"sd": runtime(nodes=nodes)})
    assert look_at_spot_role(subject(clients, told)).summary == "no runtime uses Spot"


def simulate(clients: Clients, decide: Any) -> list[str]:
    """Has IAM's simulator decide each action; returns who was asked about."""
    principals: list[str] = []

    def decided(asked: Any) -> dict[str, Any]:
        principals.append(asked["PolicySourceArn"])
        return {
            "EvaluationResults": [
                {"EvalActionName": one, **decide(one)} for one in asked["ActionNames"]
            ]
        }

    answer(clients["iam"], "simulate_principal_policy", decided)
    return principals


def test_rights_are_asked_of_the_simulator(clients: Clients) -> None:
    principals = simulate(clients, lambda _: {"EvalDecision": "allowed"})
    finding = look_at_rights(subject(clients))
    assert finding.state is State.OK
    assert set(principals) == {subject(clients).caller.arn}
    total = len({action for actions in RIGHTS.values() for action in actions})
    assert finding.summary == f"{total} of {total} rights"


def test_what_is_not_allowed_is_named_and_what_is_denied_fails(clients: Clients) -> None:
    decisions = {"eks:CreateCluster": "implicitDeny", "ec2:CreateVpc": "implicitDeny"}
    simulate(clients, lambda one: {"EvalDecision": decisions.get(one, "allowed")})
    finding = look_at_rights(subject(clients))
    assert finding.state is State.WARN
    assert "ec2:CreateVpc, eks:CreateCluster" in problems(finding)
    decisions["iam:CreateRole"] = "explicitDeny"
    finding = look_at_rights(subject(clients))
    assert finding.state is State.FAIL
    assert "a policy denies iam:CreateRole" in problems(finding)


def test_a_condition_that_the_simulator_cannot_know_is_no_refusal(clients: Clients) -> None:
    unsure = {"EvalDecision": "implicitDeny", "MissingContextValues": ["aws:RequestTag/Stack"]}
    simulate(clients, lambda _: unsure)
    assert look_at_rights(subject(clients)).state is State.OK


def test_who_may_not_ask_is_told_so(clients: Clients) -> None:
    answer(clients["iam"], "simulate_principal_policy", "AccessDenied")
    finding = look_at_rights(subject(clients))
    assert finding.state is State.NOT_CHECKED
    assert "iam:SimulatePrincipalPolicy" in problems(finding)


def test_the_root_is_advised_against(clients: Clients) -> None:
    root = f"arn:{subject(clients).caller.partition}:iam::{ACCOUNT}:root"
    answer(clients["sts"], "get_caller_identity", {"Account": ACCOUNT, "Arn": root})
    assert look_at_rights(subject(clients)).state is State.WARN
