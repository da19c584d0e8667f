"""All that an account has in a region, to be compared before and after."""

from collections.abc import Callable, Iterable
from typing import Any

Client = Callable[..., Any]
Inventory = dict[str, set[str]]

_GONE = {"deleted", "terminated", "shutting-down", "deleting"}


def inventory(client: Client) -> Inventory:
    """Everything of every service that the stack uses, by its kind."""
    return {kind: set(names) for part in _PARTS for kind, names in part(client).items()}


def added(before: Inventory, after: Inventory) -> Inventory:
    """What is there now and was not before; kinds without any are left out."""
    new = {kind: names - before[kind] for kind, names in after.items()}
    return {kind: names for kind, names in new.items() if names}


def _network(client: Client) -> dict[str, Iterable[str]]:
    ec2 = client("ec2")
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    return {
        "VPC": _each(ec2.describe_vpcs()["Vpcs"], "VpcId"),
        "subnet": _each(ec2.describe_subnets()["Subnets"], "SubnetId"),
        "route table": _each(ec2.describe_route_tables()["RouteTables"], "RouteTableId"),
        "internet gateway": _each(
            ec2.describe_internet_gateways()["InternetGateways"], "InternetGatewayId"
        ),
        "NAT gateway": [one["NatGatewayId"] for one in gateways if one["State"] not in _GONE],
        "address": _each(ec2.describe_addresses()["Addresses"], "AllocationId"),
        "VPC endpoint": _each(ec2.describe_vpc_endpoints()["VpcEndpoints"], "VpcEndpointId"),
        "flow log": _each(ec2.describe_flow_logs()["FlowLogs"], "FlowLogId"),
        "security group": _each(ec2.describe_security_groups()["SecurityGroups"], "GroupId"),
        "network interface": _each(
            ec2.describe_network_interfaces()["NetworkInterfaces"], "NetworkInterfaceId"
        ),
    }


def _nodes(client: Client) -> dict[str, Iterable[str]]:
    ec2 = client("ec2")
    reservations = ec2.describe_instances()["Reservations"]
    instances = [one for reservation in reservations for one in reservation["Instances"]]
    volumes = ec2.describe_volumes()["Volumes"]
    return {
        "instance": [one["InstanceId"] for one in instances if one["State"]["Name"] not in _GONE],
        "launch template": _each(
            ec2.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateId"
        ),
        "volume": [one["VolumeId"] for one in volumes if one["State"] not in _GONE],
        "cluster": client("eks").list_clusters()["clusters"],
    }


def _access(client: Client) -> dict[str, Iterable[str]]:
    iam, kms = client("iam"), client("kms")
    keys = [kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"]]
    enabled = [key for key in keys if key["KeyState"] == "Enabled"]
    return {
        "role": _each(iam.list_roles(MaxItems=1000)["Roles"], "RoleName"),
        "policy": _each(iam.list_policies(Scope="Local")["Policies"], "PolicyName"),
        "instance profile": _each(
            iam.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"
        ),
        "key": [key["KeyId"] for key in enabled if key["KeyManager"] == "CUSTOMER"],
        "key alias": _each(kms.list_aliases()["Aliases"], "AliasName"),
    }


def _messages(client: Client) -> dict[str, Iterable[str]]:
    sns = client("sns")
    return {
        "queue": client("sqs").list_queues().get("QueueUrls", []),
        "topic": _each(sns.list_topics()["Topics"], "TopicArn"),
        "subscription": _each(sns.list_subscriptions()["Subscriptions"], "SubscriptionArn"),
        "event rule": _each(client("events").list_rules()["Rules"], "Name"),
        "bucket": _each(client("s3").list_buckets()["Buckets"], "Name"),
    }


def _api(client: Client) -> dict[str, Iterable[str]]:
    apigateway, cloudwatch = client("apigateway"), client("cloudwatch")
    return {
        "API": _each(apigateway.get_rest_apis()["items"], "id"),
        "API key": _each(apigateway.get_api_keys()["items"], "id"),
        "usage plan": _each(apigateway.get_usage_plans()["items"], "id"),
        "function": _each(client("lambda").list_functions()["Functions"], "FunctionName"),
        "log group": _each(client("logs").describe_log_groups()["logGroups"], "logGroupName"),
        "alarm": _each(cloudwatch.describe_alarms()["MetricAlarms"], "AlarmName"),
        "composite alarm": _each(
            cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"],
            "AlarmName",
        ),
        "saved query": _each(
            client("logs").describe_query_definitions()["queryDefinitions"], "name"
        ),
        "dashboard": _each(cloudwatch.list_dashboards()["DashboardEntries"], "DashboardName"),
    }


def _each(items: Iterable[dict[str, Any]], name: str) -> list[str]:
    return [str(item[name]) for item in items]


_PARTS: tuple[Callable[[Client], dict[str, Iterable[str]]], ...] = (
    _network,
    _nodes,
    _access,
    _messages,
    _api,
)
