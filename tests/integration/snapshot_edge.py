"""The edge between easel_snapshot and the emulator: what ministack cannot do, and faults.

Stand-ins, each for what ministack 1.5.33 lacks:
- SSM: no instance takes commands, and there are no public parameters of Bottlerocket;
- EC2: RunInstances takes a DryRun for a request, ignores BlockDeviceMappings and ClientToken, and
  does not delete volumes that were attached; DescribeInstanceTypes knows no GPU; DescribeRegions
  knows one region of China; CopySnapshot drops tags; there is no EnableFastSnapshotRestores;
- a host of Bottlerocket: `Host` reads the scripts and answers as ctr does.
All else (IAM, security groups, instances, volumes, snapshots, tags, ECR, STS, KMS) is ministack's.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Calls = list[tuple[str, str]]
"""Service and operation, in the order of the calls."""

_TYPES = {"g4dn.xlarge": ("x86_64", True), "m5.xlarge": ("x86_64", False)}
_TYPES |= {"g5g.xlarge": ("arm64", True), "m6g.xlarge": ("arm64", False)}


def refusal(code: str, operation: str, message: str = "made up by a test") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class Host:
    """Bottlerocket on the one instance: which images it has, and what it was told."""

    digests: dict[str, str] = field(default_factory=dict)
    """Of what a pull brings, by reference: the test says so."""
    pulled: dict[str, str] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    broken: Callable[[str], tuple[int, str, str] | None] = lambda _: None
    """Answers a script in the host's place: status, standard output and error."""
    incomplete: set[str] = field(default_factory=set)

    def run(self, script: str) -> tuple[int, str, str]:
        self.scripts.append(script)
        if answer := self.broken(script):
            return answer
        output = ""
        for line in script.splitlines():
            words = shlex.split(line)
            source = next((w[9:] for w in words if w.startswith("--source=")), None)
            if source:
                self.pulled[source] = self.digests[source]
            if words[-3:-1] == ["images", "check"]:
                output += self._checked(words[-1])
        return 0, output, ""

    def _checked(self, query: str) -> str:
        found = re.fullmatch(r'name=="(.+)"', query)
        assert found
        reference = found[1]
        head = "REF TYPE DIGEST STATUS SIZE UNPACKED\n"
        if reference not in self.pulled:
            return head
        state = "incomplete (3/4)" if reference in self.incomplete else "complete (4/4)"
        kind = "application/vnd.oci.image.index.v1+json"
        size = "2.1 GiB/2.1 GiB"
        return f"{head}{reference} {kind} {self.pulled[reference]} {state} {size} true   \n"


Fault = Callable[[str, str], None]
"""Called with service and operation; raises, or sends a signal."""


@dataclass
class Edge:
    """Makes clients for easel_snapshot.aws.Aws."""

    connect: Callable[..., Any]
    host: Host = field(default_factory=Host)
    calls: Calls = field(default_factory=list)
    before: Fault = lambda *_: None
    after: Fault = lambda *_: None
    commands: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    fast_restore: list[tuple[str, str]] = field(default_factory=list)
    launches: list[dict[str, Any]] = field(default_factory=list)

    def make(self, service: str, region: str) -> Any:
        real = self.connect(service, region=region)
        stand_in = {"ec2": _Ec2, "ssm": _Ssm}.get(service)
        return _Proxy(self, service, stand_in(self, real) if stand_in else real)


class _Proxy:
    """A client of which every call is recorded and may go wrong, before it is done or after."""

    def __init__(self, edge: Edge, service: str, client: Any) -> None:
        self._edge, self._service, self._client = edge, service, client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name == "get_paginator":
            return lambda operation: _Paginator(self, operation, found(operation))
        return lambda *arguments, **keywords: self.call(name, found, *arguments, **keywords)

    def call(self, name: str, do: Any, *arguments: Any, **keywords: Any) -> Any:
        edge = self._edge
        edge.calls.append((self._service, name))
        edge.before(self._service, name)
        answer = do(*arguments, **keywords)
        edge.after(self._service, name)
        return answer


class _Paginator:
    def __init__(self, proxy: _Proxy, operation: str, paginator: Any) -> None:
        self._proxy, self._operation, self._paginator = proxy, operation, paginator

    def paginate(self, **keywords: Any) -> Any:
        return self._proxy.call(self._operation, self._paginator.paginate, **keywords)


class _Ec2:
    def __init__(self, edge: Edge, real: Any) -> None:
        self._edge, self._real = edge, real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_security_group(self, **request: Any) -> Any:
        if request.pop("DryRun", False):
            raise refusal("DryRunOperation", "CreateSecurityGroup")
        # What EC2 takes, which ministack does not look at:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
        assert re.fullmatch(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", request["Description"])
        return self._real.create_security_group(**request)

    def run_instances(self, **request: Any) -> Any:
        if request.pop("DryRun", False):
            raise refusal("DryRunOperation", "RunInstances")
        self._edge.launches.append(request)
        answer = self._real.run_instances(**request)
        instance = answer["Instances"][0]
        (mapping,) = request["BlockDeviceMappings"]
        volume = self._real.create_volume(
            AvailabilityZone=instance["Placement"]["AvailabilityZone"],
            Size=mapping["Ebs"]["VolumeSize"],
            VolumeType=mapping["Ebs"]["VolumeType"],
            Encrypted=mapping["Ebs"]["Encrypted"],
            TagSpecifications=[
                one for one in request["TagSpecifications"] if one["ResourceType"] == "volume"
            ],
        )
        self._real.attach_volume(
            VolumeId=volume["VolumeId"],
            InstanceId=instance["InstanceId"],
            Device=mapping["DeviceName"],
        )
        return answer

    def describe_instances(self, **request: Any) -> Any:
        answer = self._real.describe_instances(**request)
        for reservation in answer["Reservations"]:
            for instance in reservation["Instances"]:
                for volume in self._data_volumes(instance["InstanceId"]):
                    device = volume["Attachments"][0]["Device"]
                    instance["BlockDeviceMappings"].append(
                        {"DeviceName": device, "Ebs": {"VolumeId": volume["VolumeId"]}}
                    )
        return answer

    def terminate_instances(self, **request: Any) -> Any:
        for instance in request["InstanceIds"]:
            for volume in self._data_volumes(instance):
                self._real.detach_volume(VolumeId=volume["VolumeId"])
                self._real.delete_volume(VolumeId=volume["VolumeId"])
        return self._real.terminate_instances(**request)

    def describe_regions(self, **request: Any) -> Any:
        answer = self._real.describe_regions(**request)
        if self._real.meta.region_name.startswith("cn-"):
            answer["Regions"] = [{"RegionName": name} for name in ("cn-north-1", "cn-northwest-1")]
        return answer

    def describe_instance_types(self, **request: Any) -> Any:
        (name,) = request["InstanceTypes"]
        if name not in _TYPES:
            raise refusal("InvalidInstanceType", "DescribeInstanceTypes")
        architecture, has_gpu = _TYPES[name]
        found: dict[str, Any] = {"ProcessorInfo": {"SupportedArchitectures": [architecture]}}
        if has_gpu:
            found["GpuInfo"] = {"Gpus": [{"Manufacturer": "NVIDIA", "Count": 1}]}
        return {"InstanceTypes": [found]}

    def copy_snapshot(self, **request: Any) -> Any:
        (specification,) = request.pop("TagSpecifications")
        answer = self._real.copy_snapshot(**request)
        self._real.create_tags(Resources=[answer["SnapshotId"]], Tags=specification["Tags"])
        return answer

    def enable_fast_snapshot_restores(self, **request: Any) -> Any:
        for snapshot in request["SourceSnapshotIds"]:
            self._edge.fast_restore += [(snapshot, zone) for zone in request["AvailabilityZones"]]
        return {"Successful": [], "Unsuccessful": []}

    def _data_volumes(self, instance: str) -> list[dict[str, Any]]:
        volumes: list[dict[str, Any]] = self._real.describe_volumes()["Volumes"]
        return [
            volume
            for volume in volumes
            for attachment in volume["Attachments"]
            if attachment["InstanceId"] == instance and attachment["Device"] == "/dev/xvdb"
        ]


class _Ssm:
    def __init__(self, edge: Edge, real: Any) -> None:
        self._edge, self._real = edge, real

    def get_parameter(self, **request: Any) -> Any:
        if not re.fullmatch(
            r"/aws/service/bottlerocket/aws-k8s-1\.35(-nvidia)?/(x86_64|arm64)/(latest|1\.68\.1)"
            "/image_id",
            request["Name"],
        ):
            raise refusal("ParameterNotFound", "GetParameter")
        return {"Parameter": {"Value": "ami-12345678"}}

    def describe_instance_information(self, **request: Any) -> Any:
        (only,) = request["Filters"]
        known = [{"InstanceId": name, "PingStatus": "Online"} for name in only["Values"]]
        return {"InstanceInformationList": known}

    def send_command(self, **request: Any) -> Any:
        name = f"command-{len(self._edge.commands)}"
        script = "\n".join(request["Parameters"]["commands"])
        self._edge.commands[name] = self._edge.host.run(script)
        return {"Command": {"CommandId": name}}

    def get_command_invocation(self, **request: Any) -> Any:
        status, output, error = self._edge.commands[request["CommandId"]]
        word = "Failed" if status else "Success"
        return {
            "Status": word,
            "StatusDetails": word,
            "StandardOutputContent": output,
            "StandardErrorContent": error,
        }
