"""A canary for each bridge of EC2: what ministack does without it, and what AWS does.

Where the first half of a test fails, ministack no longer needs the bridge: remove it.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_local.emulator import Emulator

pytestmark = pytest.mark.integration

Client = Callable[..., Any]
TAGS = [{"Key": "Name", "Value": "easel"}]


def new_vpc(client: Client) -> str:
    return str(client("ec2").create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"])


def new_flow_log(client: Client, **settings: Any) -> dict[str, Any]:
    ec2 = client("ec2")
    (name,) = ec2.create_flow_logs(
        ResourceIds=[new_vpc(client)],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestination="arn:aws:logs:us-east-1:000000000000:log-group:/flows",
        DeliverLogsPermissionArn="arn:aws:iam::000000000000:role/flow-logs",
        TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": TAGS}],
        **settings,
    )["FlowLogIds"]
    (described,) = ec2.describe_flow_logs(FlowLogIds=[name])["FlowLogs"]
    flow_log: dict[str, Any] = described
    return flow_log


def test_a_flow_log_keeps_its_role_interval_format_and_tags(bare: Client, client: Client) -> None:
    kept = {"DeliverLogsPermissionArn", "MaxAggregationInterval", "LogFormat", "LogGroupName"}
    forgetful = new_flow_log(bare, MaxAggregationInterval=60, LogFormat="${srcaddr}")
    assert not kept & forgetful.keys()
    assert not forgetful.get("Tags")

    flow_log = new_flow_log(client, MaxAggregationInterval=60, LogFormat="${srcaddr}")
    assert {name: flow_log[name] for name in kept} == {
        "DeliverLogsPermissionArn": "arn:aws:iam::000000000000:role/flow-logs",
        "MaxAggregationInterval": 60,
        "LogFormat": "${srcaddr}",
        "LogGroupName": "/flows",
    }
    assert flow_log["Tags"] == TAGS


def test_a_flow_logs_interval_is_ten_minutes_unless_given(client: Client) -> None:
    assert new_flow_log(client)["MaxAggregationInterval"] == 600


def new_endpoint(client: Client, groups: list[str]) -> dict[str, Any]:
    ec2 = client("ec2")
    name = ec2.create_vpc_endpoint(
        VpcId=new_vpc(client),
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sqs",
        PrivateDnsEnabled=True,
        SecurityGroupIds=groups,
    )["VpcEndpoint"]["VpcEndpointId"]
    (described,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"]
    endpoint: dict[str, Any] = described
    return endpoint


def test_a_vpc_endpoint_keeps_its_groups_and_private_names(bare: Client, client: Client) -> None:
    forgetful = new_endpoint(bare, ["sg-1"])
    assert "PrivateDnsEnabled" not in forgetful
    assert not forgetful.get("Groups")
    endpoint = new_endpoint(client, ["sg-1"])
    assert endpoint["PrivateDnsEnabled"] is True
    assert [group["GroupId"] for group in endpoint["Groups"]] == ["sg-1"]


def test_a_vpc_endpoint_without_groups_has_the_vpcs_default_one(client: Client) -> None:
    endpoint = new_endpoint(client, [])
    groups = client("ec2").describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [endpoint["VpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )["SecurityGroups"]
    expected = [group["GroupId"] for group in groups]
    assert expected
    assert [group["GroupId"] for group in endpoint["Groups"]] == expected


def root_volumes_after_termination(client: Client) -> list[str]:
    ec2 = client("ec2")
    image = "ami-12345678"
    (instance,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
    described = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"]
    (mapping,) = described[0]["Instances"][0]["BlockDeviceMappings"]
    volumes = {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]}
    assert mapping["Ebs"]["VolumeId"] in volumes
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    left = {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]}
    return [mapping["Ebs"]["VolumeId"]] if mapping["Ebs"]["VolumeId"] in left else []


def test_a_terminated_instance_takes_its_root_volume_along(bare: Client, client: Client) -> None:
    assert root_volumes_after_termination(bare)
    assert root_volumes_after_termination(client) == []


def who_may_end_what_is_its_own(client: Client, name: str) -> Client:
    iam = client("iam")
    allowed = {
        "Effect": "Allow",
        "Action": "ec2:TerminateInstances",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/Owner": name}},
    }
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name, PolicyName="end", PolicyDocument=json.dumps({"Statement": [allowed]})
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return lambda service: client(
        service,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def outcome_of_an_end(client: Client, user: Client, owner: str) -> str:
    """What a user is told who ends an instance that is tagged with an owner."""
    ec2 = client("ec2")
    specification = {"ResourceType": "instance", "Tags": [{"Key": "Owner", "Value": owner}]}
    (instance,) = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=[specification]
    )["Instances"]
    try:
        user("ec2").terminate_instances(InstanceIds=[instance["InstanceId"]])
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ended"


def test_a_policy_sees_an_instances_tags(bare: Client, client: Client) -> None:
    refused = "UnauthorizedOperation"
    user = who_may_end_what_is_its_own(bare, "ender")
    assert outcome_of_an_end(bare, user, "ender") == refused
    user = who_may_end_what_is_its_own(client, "ender")
    assert outcome_of_an_end(client, user, "ender") == "ended"
    assert outcome_of_an_end(client, user, "another") == refused


def test_a_region_offers_instance_types(
    bare: Client, client_of: Callable[[Emulator], Client], emulator: Emulator
) -> None:
    asked = [{"Name": "instance-type", "Values": ["g5.xl*", "g6.xlarge"]}]
    with pytest.raises(ClientError, match="Unknown EC2 action"):
        bare("ec2").describe_instance_type_offerings(Filters=asked)

    def offered(region: str) -> list[tuple[str, str]]:
        ec2 = client_of(emulator)("ec2", region=region)
        answer = ec2.describe_instance_type_offerings(Filters=asked)["InstanceTypeOfferings"]
        return [(one["InstanceType"], one["Location"]) for one in answer]

    assert offered("us-west-2") == [("g5.xlarge", "us-west-2"), ("g6.xlarge", "us-west-2")]
    assert offered("cn-northwest-1") == [("g5.xlarge", "cn-northwest-1")]
