"""What modules/vpc makes: subnets, routes, NAT, endpoints, flow logs."""

import pytest

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

GATEWAYS = {'aws_vpc_endpoint.gateway["s3"]', 'aws_vpc_endpoint.gateway["dynamodb"]'}

PLACES = {"vpc": ("aws", "us-east-1"), "china": ("aws-cn", "cn-northwest-1")}
ZONES = ("a", "b", "c")


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("vpc"), "vpc")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("vpc"), "china")


@pytest.fixture
def small(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("vpc"), "small")


@pytest.fixture(params=["vpc", "china", "small"])
def module(request: pytest.FixtureRequest, plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("vpc"), request.param)


def blocks(module: PlannedModule, kind: str) -> dict[str, str]:
    """The address blocks of the public or private subnets, by zone."""
    return {
        subnet["availability_zone"]: subnet["cidr_block"]
        for address, subnet in module.resources("aws_subnet").items()
        if address.startswith(f"aws_subnet.{kind}[")
    }


@pytest.mark.parametrize("scenario", PLACES)
def test_each_zone_has_a_public_and_a_private_19_of_the_seeds_network(
    plan_of: Plan, scenario: str
) -> None:
    _, region = PLACES[scenario]
    module = PlannedModule(plan_of("vpc"), scenario)
    assert module.resource("aws_vpc.this")["cidr_block"] == "10.0.0.0/16"
    public = ("10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19")
    private = ("10.0.96.0/19", "10.0.128.0/19", "10.0.160.0/19")
    zones = [f"{region}{letter}" for letter in ZONES]
    assert blocks(module, "public") == dict(zip(zones, public, strict=True))
    assert blocks(module, "private") == dict(zip(zones, private, strict=True))


def test_another_block_is_cut_the_same_way(small: PlannedModule) -> None:
    # The private blocks stay where they are when a third zone comes.
    assert blocks(small, "public") == {
        "us-east-1b": "172.16.4.0/25",
        "us-east-1d": "172.16.4.128/25",
    }
    assert blocks(small, "private") == {
        "us-east-1b": "172.16.5.128/25",
        "us-east-1d": "172.16.6.0/25",
    }


def test_no_subnet_gives_public_addresses_by_itself(module: PlannedModule) -> None:
    subnets = module.resources("aws_subnet").values()
    assert [subnet["map_public_ip_on_launch"] for subnet in subnets] == [False] * len(subnets)


def test_names_are_resolved_inside(module: PlannedModule) -> None:
    network = module.resource("aws_vpc.this")
    assert (network["enable_dns_support"], network["enable_dns_hostnames"]) == (True, True)


def test_karpenter_and_load_balancers_find_their_subnets(small: PlannedModule) -> None:
    tags = {address: it["tags"] for address, it in small.resources("aws_subnet").items()}
    assert tags == {
        'aws_subnet.public["us-east-1b"]': {
            "Name": "small-public-us-east-1b",
            "kubernetes.io/role/elb": "1",
        },
        'aws_subnet.public["us-east-1d"]': {
            "Name": "small-public-us-east-1d",
            "kubernetes.io/role/elb": "1",
        },
        'aws_subnet.private["us-east-1b"]': {
            "Name": "small-private-us-east-1b",
            "kubernetes.io/role/internal-elb": "1",
            "karpenter.sh/discovery": "small-cluster",
        },
        'aws_subnet.private["us-east-1d"]': {
            "Name": "small-private-us-east-1d",
            "kubernetes.io/role/internal-elb": "1",
            "karpenter.sh/discovery": "small-cluster",
        },
    }


def test_every_zone_has_a_nat_gateway_unless_one_is_asked_for(
    example: PlannedModule, small: PlannedModule
) -> None:
    zones = ("us-east-1a", "us-east-1b", "us-east-1c")
    for kind, name in (("aws_nat_gateway", "this"), ("aws_eip", "nat")):
        assert example.resources(kind).keys() == {f'{kind}.{name}["{zone}"]' for zone in zones}
        assert small.resources(kind).keys() == {f'{kind}.{name}["us-east-1b"]'}
    references = example.references("aws_nat_gateway.this", "subnet_id")
    assert "aws_subnet.public" in references
    assert "aws_subnet.private" not in references


def test_every_subnet_has_one_way_out(module: PlannedModule) -> None:
    zones = set(blocks(module, "private"))
    routes = module.resources("aws_route")
    assert routes.keys() == {
        "aws_route.public_internet",
        *(f'aws_route.private_nat["{zone}"]' for zone in zones),
    }
    assert {route["destination_cidr_block"] for route in routes.values()} == {"0.0.0.0/0"}
    assert "aws_internet_gateway.this.id" in module.references(
        "aws_route.public_internet", "gateway_id"
    )
    through = module.references("aws_route.private_nat", "nat_gateway_id")
    assert {"aws_nat_gateway.this", "each.value.nat_zone"} <= through
    associations = module.resources("aws_route_table_association")
    assert associations.keys() == {
        f'aws_route_table_association.{kind}["{zone}"]'
        for kind in ("public", "private")
        for zone in zones
    }


def test_the_default_security_group_lets_nothing_through(module: PlannedModule) -> None:
    group = module.resource("aws_default_security_group.this")
    assert not group.get("ingress")
    assert not group.get("egress")


@pytest.mark.parametrize("scenario", PLACES)
def test_s3_and_dynamodb_have_gateways_for_all_subnets(plan_of: Plan, scenario: str) -> None:
    _, region = PLACES[scenario]
    module = PlannedModule(plan_of("vpc"), scenario)
    for service in ("s3", "dynamodb"):
        endpoint = module.resource(f'aws_vpc_endpoint.gateway["{service}"]')
        assert endpoint["vpc_endpoint_type"] == "Gateway"
        # Not cn.com.amazonaws: in China that name is the interface endpoint's.
        assert endpoint["service_name"] == f"com.amazonaws.{region}.{service}"
    tables = module.references("aws_vpc_endpoint.gateway", "route_table_ids")
    assert {"aws_route_table.public.id", "aws_route_table.private"} <= tables


def test_without_asking_there_is_no_interface_endpoint(example: PlannedModule) -> None:
    assert example.resources("aws_vpc_endpoint").keys() == GATEWAYS
    assert not example.resources("aws_security_group")


def names(module: PlannedModule) -> set[str]:
    return {
        endpoint["service_name"]
        for endpoint in module.resources("aws_vpc_endpoint").values()
        if endpoint["vpc_endpoint_type"] == "Interface"
    }


def test_endpoints_have_the_regions_names(small: PlannedModule) -> None:
    assert names(small) == {"com.amazonaws.us-east-1.sqs", "com.amazonaws.us-east-1.logs"}


def test_endpoints_have_chinas_two_forms_of_name(china: PlannedModule) -> None:
    reversed_suffix = {"ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "monitoring", "sqs", "sts"}
    globally_named = {"logs", "sns", "ssm", "ssmmessages", "kms"}
    assert names(china) == {
        *(f"cn.com.amazonaws.cn-northwest-1.{service}" for service in reversed_suffix),
        *(f"com.amazonaws.cn-northwest-1.{service}" for service in globally_named),
    }


def test_endpoints_answer_to_the_services_name_and_to_the_network_only(
    small: PlannedModule,
) -> None:
    for endpoint in small.resources("aws_vpc_endpoint").values():
        if endpoint["vpc_endpoint_type"] == "Interface":
            assert endpoint["private_dns_enabled"] is True
    assert "aws_subnet.private" in small.references("aws_vpc_endpoint.interface", "subnet_ids")
    groups = small.references("aws_vpc_endpoint.interface", "security_group_ids")
    assert "aws_security_group.endpoints[0].id" in groups
    (group,) = small.resources("aws_security_group").values()
    assert not group.get("ingress")
    assert not group.get("egress")
    (rule,) = small.resources("aws_vpc_security_group_ingress_rule").values()
    assert (rule["ip_protocol"], rule["from_port"], rule["to_port"]) == ("tcp", 443, 443)
    assert rule["cidr_ipv4"] == "172.16.4.0/22"
    assert not small.resources("aws_vpc_security_group_egress_rule")


def test_all_traffic_is_logged_and_encrypted_for_as_long_as_asked(
    example: PlannedModule, small: PlannedModule
) -> None:
    for module, name, days in ((example, "easel", 365), (small, "small", 30)):
        log = module.resource("aws_flow_log.this")
        assert (log["traffic_type"], log["log_destination_type"]) == ("ALL", "cloud-watch-logs")
        group = module.resource("aws_cloudwatch_log_group.flow_logs")
        assert group["name"] == f"/aws/vpc/{name}/flow-logs"
        assert group["retention_in_days"] == days
        encrypted_with = module.references("aws_cloudwatch_log_group.flow_logs", "kms_key_id")
        assert "aws_kms_key.this.arn" in encrypted_with
        assert module.resource("aws_kms_key.this")["enable_key_rotation"] is True


def test_who_uses_the_private_subnets_has_a_way_out_from_first_to_last(plan_of: Plan) -> None:
    calls = plan_of("vpc").configuration["root_module"]["module_calls"]
    outputs = calls["vpc"]["module"]["outputs"]
    assert set(outputs["private_subnet_ids"]["depends_on"]) >= {
        "aws_route.private_nat",
        "aws_route_table_association.private",
        "aws_vpc_endpoint.interface",
        "aws_vpc_endpoint.gateway",
    }
