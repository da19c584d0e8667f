"""Where the instance stands: a subnet from which registries and Systems Manager are reached."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from easel_snapshot.aws import Aws
from easel_snapshot.errors import SnapshotError

_ENDPOINTS = ("ssm", "ssmmessages", "ecr.api", "ecr.dkr", "s3")
"""What an instance without internet needs: to be told what to do, and to pull from ECR, whose
layers are in S3. https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"""

_PRIVATE_TARGETS = (
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


@dataclass(frozen=True)
class Subnet:
    """A subnet that the instance may be started in.

    Attributes:
        subnet_id: subnet-...
        vpc_id: vpc-...
        zone: its availability zone.
        public_address: whether the instance needs one: the way out is an internet gateway.
    """

    subnet_id: str
    vpc_id: str
    zone: str
    public_address: bool


def find_subnets(
    aws: Aws, *, subnet_id: str | None, vpc_id: str | None, only_own_ecr: bool
) -> list[Subnet]:
    """Finds the subnets that will do, the first to be tried first.

    Args:
        aws: clients.
        subnet_id: the one that was named.
        vpc_id: its VPC; without both it is the default VPC.
        only_own_ecr: whether all images are in ECR of the region, so that VPC endpoints will do.

    Raises:
        SnapshotError: there is none, or none with a way out.
        botocore.exceptions.ClientError: AWS refuses to tell.
    """
    subnets = _named(aws, subnet_id, vpc_id)
    vpc = str(subnets[0]["VpcId"])
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    tables = aws.ec2.describe_route_tables(Filters=filters)["RouteTables"]
    endpoints = aws.ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    by_endpoints = only_own_ecr and has_endpoints(aws.region, endpoints)
    found = []
    for subnet in sorted(subnets, key=lambda one: str(one["AvailabilityZone"])):
        way = way_out(str(subnet["SubnetId"]), tables)
        if way or by_endpoints:
            zone = str(subnet["AvailabilityZone"])
            found.append(Subnet(str(subnet["SubnetId"]), vpc, zone, way == "internet"))
    if not found:
        names = ", ".join(str(one["SubnetId"]) for one in subnets)
        raise SnapshotError(
            f"no way out of {names}: its route table has no default route to an internet or NAT "
            f"gateway, and {vpc} has not all of the VPC endpoints {', '.join(_ENDPOINTS)} (which "
            "are enough only for images in ECR of the same region); name another one by --subnet"
        )
    return found


def _named(aws: Aws, subnet_id: str | None, vpc_id: str | None) -> list[dict[str, Any]]:
    if subnet_id:
        found = aws.ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
        if vpc_id and found and found[0]["VpcId"] != vpc_id:
            raise SnapshotError(f"{subnet_id} is not in {vpc_id} but in {found[0]['VpcId']}")
    else:
        vpc_id = vpc_id or _default_vpc(aws)
        filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
        found = aws.ec2.describe_subnets(Filters=filters)["Subnets"]
    if not found:
        raise SnapshotError(f"{subnet_id or vpc_id} has no subnet; name one by --subnet")
    return list(found)


def _default_vpc(aws: Aws) -> str:
    filters = [{"Name": "is-default", "Values": ["true"]}]
    found = aws.ec2.describe_vpcs(Filters=filters)["Vpcs"]
    if not found:
        raise SnapshotError(
            f"there is no default VPC in {aws.region}: name a network by --subnet or --vpc, such "
            "as the stack's own (`make output`), or make one by `aws ec2 create-default-vpc`"
        )
    return str(found[0]["VpcId"])


def way_out(subnet_id: str, tables: Iterable[Mapping[str, Any]]) -> str | None:
    """Tells how packets leave a subnet.

    Args:
        subnet_id: the subnet.
        tables: the route tables of its VPC, as DescribeRouteTables answers.

    Returns:
        internet: by an internet gateway, so a public address is needed; private: by a NAT gateway
        or another hop; None: not at all.
    """
    own, main = None, None
    for table in tables:
        for association in table.get("Associations", []):
            if association.get("SubnetId") == subnet_id:
                own = table
            elif association.get("Main"):
                main = table
    for route in (own or main or {}).get("Routes", []):
        if route.get("DestinationCidrBlock") != "0.0.0.0/0" or route.get("State") == "blackhole":
            continue
        if str(route.get("GatewayId", "")).startswith("igw-"):
            return "internet"
        if route.get("GatewayId") or any(route.get(target) for target in _PRIVATE_TARGETS):
            return "private"
    return None


def has_endpoints(region: str, endpoints: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a VPC has every endpoint that an instance without internet needs.

    Args:
        region: of the VPC.
        endpoints: of the VPC, as DescribeVpcEndpoints answers.
    """
    # com.amazonaws.REGION.NAME, in China cn.com.amazonaws.REGION.NAME as well.
    names = {
        str(one["ServiceName"]).partition(f".{region}.")[2]
        for one in endpoints
        if str(one.get("State", "")).lower() == "available"
    }
    return names.issuperset(_ENDPOINTS)


def check_security_group(aws: Aws, group_id: str, vpc_id: str) -> None:
    """Looks whether a security group is of the VPC.

    Raises:
        SnapshotError: it is another's.
        botocore.exceptions.ClientError: there is none.
    """
    (group,) = aws.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    if group["VpcId"] != vpc_id:
        raise SnapshotError(f"security group {group_id} is of {group['VpcId']}, not of {vpc_id}")
