"""EC2: what flow logs and VPC endpoints say of themselves; an instance's tags and volumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2, tagging

from easel_local.emulator.bridges.bridge import Bridge, Response

_Parameters = dict[str, list[str]]
_Action = Callable[[_Parameters], Response]
_Endpoint = dict[str, Any]
_Tags = dict[str, str]
_FLOW_LOG_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
    "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)


def kept_flow_log(create_flow_logs: _Action) -> _Action:
    """A flow log keeps its role, its interval, its format and its tags.

    ministack forgets the first three, and looks for tags of a "flow-log": the type of the resource
    is "vpc-flow-log".
    """

    def bridged(parameters: _Parameters) -> Response:
        before = set(ec2._flow_logs)  # noqa: SLF001
        answer = create_flow_logs(parameters)
        for name in set(ec2._flow_logs) - before:  # noqa: SLF001
            destination = _first(parameters, "LogDestination")
            group = _first(parameters, "LogGroupName") or destination.rpartition("log-group:")[2]
            ec2._flow_logs[name]["easel"] = {  # noqa: SLF001
                "deliverLogsPermissionArn": _first(parameters, "DeliverLogsPermissionArn"),
                "maxAggregationInterval": _first(parameters, "MaxAggregationInterval") or "600",
                "logFormat": _first(parameters, "LogFormat") or _FLOW_LOG_FORMAT,
                "logGroupName": group.removesuffix(":*"),
            }
            ec2._parse_tag_specs(parameters, "vpc-flow-log", name)  # noqa: SLF001
        return answer

    return bridged


def shown_flow_log(describe_flow_logs: _Action) -> _Action:
    """A flow log shows what ``kept_flow_log`` kept."""

    def bridged(parameters: _Parameters) -> Response:
        status, headers, body = describe_flow_logs(parameters)
        for name, flow_log in ec2._flow_logs.items():  # noqa: SLF001
            identity = f"<flowLogId>{name}</flowLogId>"
            fields = "".join(
                f"<{field}>{escape(value)}</{field}>"
                for field, value in flow_log.get("easel", {}).items()
                if value
            )
            body = body.replace(identity.encode(), (identity + fields).encode())
        return status, headers, body

    return bridged


def kept_endpoint(create_vpc_endpoint: _Action) -> _Action:
    """A VPC endpoint keeps its security groups and whether it has private names.

    Without groups of its own, an interface endpoint has its VPC's default one.
    """

    def bridged(parameters: _Parameters) -> Response:
        before = set(ec2._vpc_endpoints)  # noqa: SLF001
        status, headers, body = create_vpc_endpoint(parameters)
        for name in set(ec2._vpc_endpoints) - before:  # noqa: SLF001
            endpoint = ec2._vpc_endpoints[name]  # noqa: SLF001
            endpoint["PrivateDnsEnabled"] = _first(parameters, "PrivateDnsEnabled") == "true"
            groups = ec2._parse_member_list(parameters, "SecurityGroupId")  # noqa: SLF001
            if endpoint["VpcEndpointType"] == "Interface":
                endpoint["Groups"] = groups or _default_group(endpoint["VpcId"])
        return status, headers, body

    return bridged


def shown_endpoint(fields_xml: Callable[..., str]) -> Callable[..., str]:
    """A VPC endpoint shows what ``kept_endpoint`` kept."""

    def bridged(endpoint: _Endpoint, tag: str = "item") -> str:
        groups = "".join(
            f"<item><groupId>{group}</groupId></item>" for group in endpoint.get("Groups", [])
        )
        private = str(endpoint.get("PrivateDnsEnabled", False)).lower()
        added = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>"
        return fields_xml(endpoint, tag=tag).removesuffix(f"</{tag}>") + f"{added}</{tag}>"

    return bridged


def instance_takes_its_volumes_along(terminate_instances: _Action) -> _Action:
    """A terminated instance takes the volumes along that are to be deleted with it.

    ministack marks a root volume so, and keeps it.
    """

    def bridged(parameters: _Parameters) -> Response:
        answer = terminate_instances(parameters)
        for name in ec2._parse_member_list(parameters, "InstanceId"):  # noqa: SLF001
            instance = ec2._instances.get(name) or {}  # noqa: SLF001
            for mapping in instance.get("BlockDeviceMappings", []):
                if mapping["Ebs"].get("DeleteOnTermination"):
                    ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)  # noqa: SLF001
        return answer

    return bridged


def policies_see_an_instances_tags(
    resource_tags: Callable[[str], _Tags | None],
) -> Callable[[str], _Tags | None]:
    """A policy's condition on aws:ResourceTag is asked with the tags of the instance.

    ministack looks up those of some services only, and for EC2 finds none.
    """

    def bridged(arn: str) -> _Tags | None:
        service, _, kind_and_name = arn.partition(":ec2:")
        kind, _, name = kind_and_name.rpartition(":")[2].partition("/")
        if not service or kind != "instance" or name not in ec2._instances:  # noqa: SLF001
            return resource_tags(arn)
        return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(name, [])}  # noqa: SLF001

    return bridged


BRIDGES = (
    Bridge(tagging, "resource_tags", policies_see_an_instances_tags),
    Bridge(ec2._ACTION_MAP, "CreateFlowLogs", kept_flow_log),  # noqa: SLF001
    Bridge(ec2._ACTION_MAP, "DescribeFlowLogs", shown_flow_log),  # noqa: SLF001
    Bridge(ec2._ACTION_MAP, "CreateVpcEndpoint", kept_endpoint),  # noqa: SLF001
    Bridge(ec2, "_vpce_fields_xml", shown_endpoint),
    Bridge(ec2._ACTION_MAP, "TerminateInstances", instance_takes_its_volumes_along),  # noqa: SLF001
)


def _first(parameters: _Parameters, name: str) -> str:
    return parameters.get(name, [""])[0]


def _default_group(vpc_id: str) -> list[str]:
    return [
        name
        for name, group in ec2._security_groups.items()  # noqa: SLF001
        if (group["VpcId"], group["GroupName"]) == (vpc_id, "default")
    ]
