"""An account of the emulator in which snapshots are built: network, images, inventory."""

import hashlib
import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from easel_deploy.command_line import run_command_line
from easel_snapshot.aws import Aws
from easel_snapshot.verbs import snapshot_commands
from tests.integration.inventory import Inventory, added, inventory
from tests.integration.snapshot_edge import Edge, Host

Client = Callable[..., Any]

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
GIB = 1024**3


@dataclass
class Outcome:
    """How a command ended, and what it said."""

    status: int
    printed: str
    said: str
    edge: Edge


class SnapshotWorld:
    """One region of an emulator; a default VPC with a way out, and two images in ECR."""

    def __init__(self, connect: Client, region: str) -> None:
        self.region = region
        self.connect = connect
        self._clients: dict[tuple[str, str], Any] = {}
        self.digests: dict[str, str] = {}
        self.vpc = self._open_the_default_vpc()
        account = str(self.client("sts").get_caller_identity()["Account"])
        suffix = ".cn" if region.startswith("cn-") else ""
        self.registry = f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}"
        self.partition = "aws-cn" if suffix else "aws"
        self.push("easel/sd-webui", "1.10.1", {"amd64": 3 * GIB, "arm64": 2 * GIB})
        self.push("easel/queue-agent", "0.1.0", {"amd64": GIB // 8})
        self.before = self.inventory()

    def client(self, service: str, region: str | None = None) -> Any:
        """A client as the account's root; made once, for making one takes longer than a build."""
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self.connect(service, region=key[1])
        return self._clients[key]

    def push(self, repository: str, tag: str, sizes: dict[str, int]) -> str:
        """Puts an index into ECR; returns its reference."""
        ecr = self.client("ecr")
        there = {one["repositoryName"] for one in ecr.describe_repositories()["repositories"]}
        if repository not in there:
            ecr.create_repository(repositoryName=repository)
        entries = []
        for architecture, size in sizes.items():
            layer = f"sha256:{hashlib.sha256(f'{repository}{architecture}'.encode()).hexdigest()}"
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"digest": "sha256:" + "0" * 64, "size": 2},
                "layers": [{"digest": layer, "size": size}],
            }
            raw = json.dumps(manifest)
            ecr.put_image(
                repositoryName=repository, imageManifest=raw, imageManifestMediaType=MANIFEST
            )
            entries.append(
                {
                    "mediaType": MANIFEST,
                    "digest": f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}",
                    "size": len(raw),
                    "platform": {"os": "linux", "architecture": architecture},
                }
            )
        raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        ecr.put_image(
            repositoryName=repository,
            imageManifest=raw,
            imageTag=tag,
            imageManifestMediaType=INDEX,
        )
        reference = f"{self.registry}/{repository}:{tag}"
        self.digests[reference] = f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}"
        return reference

    def edge(self) -> Edge:
        return Edge(self.client, Host(dict(self.digests)))

    def run(self, *words: str, edge: Edge | None = None) -> Outcome:
        """Runs `easel snapshot` with these words."""
        edge = edge or self.edge()
        aws = Aws(self.region, edge.make, poll_seconds=0.01)
        with redirect_stdout(io.StringIO()) as printed, redirect_stderr(io.StringIO()) as said:
            status = run_command_line(snapshot_commands(aws), "easel snapshot", words)
        return Outcome(status, printed.getvalue(), said.getvalue(), edge)

    def build(self, *words: str, edge: Edge | None = None) -> Outcome:
        """Builds a snapshot of both images."""
        return self.run("build", "easel/sd-webui:1.10.1,easel/queue-agent:0.1.0", *words, edge=edge)

    def inventory(self) -> Inventory:
        """All that easel's other parts look for, too: nothing else may have changed."""
        return {**inventory(self.client), **self._own_kinds()}

    def _own_kinds(self) -> Inventory:
        """What a build makes, or might make."""
        ec2, iam = self.client("ec2"), self.client("iam")
        reservations = ec2.describe_instances()["Reservations"]
        instances = [one for reservation in reservations for one in reservation["Instances"]]
        profiles = iam.list_instance_profiles()["InstanceProfiles"]
        groups = ec2.describe_security_groups()["SecurityGroups"]
        return {
            "instance": {
                one["InstanceId"] for one in instances if one["State"]["Name"] != "terminated"
            },
            "volume": {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]},
            "security group": {one["GroupId"] for one in groups},
            "role": {one["RoleName"] for one in iam.list_roles(MaxItems=1000)["Roles"]},
            "instance profile": {one["InstanceProfileName"] for one in profiles},
            "key pair": {one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]},
            "snapshot": {one["SnapshotId"] for one in self.snapshots()},
        }

    def left(self) -> Inventory:
        """What is there and was not in the beginning, of the kinds that a build makes."""
        return added(self.before, self._own_kinds())

    def left_of_anything(self) -> Inventory:
        """The same of every kind that the emulator is asked for; this takes a second."""
        return added(self.before, self.inventory())

    def snapshots(self, region: str | None = None) -> list[dict[str, Any]]:
        ec2 = self.client("ec2", region)
        found: list[dict[str, Any]] = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        return found

    def forget_snapshots(self) -> None:
        for one in self.snapshots():
            self.client("ec2").delete_snapshot(SnapshotId=one["SnapshotId"])

    def _open_the_default_vpc(self) -> str:
        ec2 = self.client("ec2")
        (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        name = str(vpc["VpcId"])
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=name)
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [name]}])[
            "RouteTables"
        ]
        ec2.create_route(
            RouteTableId=table["RouteTableId"],
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=gateway,
        )
        return name
