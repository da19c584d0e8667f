"""What a destroy names first, seen on the emulator: queues, a volume, others in the network."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easel_deploy.environments.look_first import look_first
from easel_deploy.environments.others_in_network import CLAIM, VPC
from easel_deploy.environments.retained import Managed
from easel_deploy.environments.stack import StackIdentity
from easel_local.emulator import Emulator

pytestmark = pytest.mark.integration

REGION = "us-east-1"
NAME = "looked-at"


@pytest.fixture
def own(tmp_path: Path, client_of: Callable[[Emulator], Any]) -> Iterator[Callable[..., Any]]:
    """Clients of an emulator that no other test uses: it names things of all networks."""
    with Emulator(log_path=tmp_path / "emulator.log") as emulator:
        yield client_of(emulator)


def stack(client: Callable[..., Any]) -> StackIdentity:
    services = ("ec2", "sqs", "dynamodb")
    return StackIdentity(NAME, REGION, {name: client(name) for name in services})


def test_what_is_there_is_named_and_the_stacks_own_is_not(
    own: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ec2, sqs = own("ec2"), own("sqs")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    url = sqs.create_queue(QueueName=f"{NAME}-sdruntime")["QueueUrl"]
    managed: Managed = {
        VPC: {"id": vpc},
        'module.vpc[0].aws_subnet.private["a"]': {"id": subnet},
        'module.runtime["sdruntime"].aws_sqs_queue.task': {"url": url},
    }
    look_first(stack(own), managed, whole=True)
    assert capsys.readouterr().out == ""

    sqs.send_message(QueueUrl=url, MessageBody="{}")
    owner = {"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}
    tags = [owner, {"Key": CLAIM, "Value": "scratch"}]
    ec2.create_volume(
        AvailabilityZone=f"{REGION}a",
        Size=3,
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
    )
    made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet)
    other = made["Instances"][0]["InstanceId"]
    service = f"com.amazonaws.{REGION}.s3"
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service)["VpcEndpoint"]

    look_first(stack(own), managed, whole=True)
    said = capsys.readouterr().out
    assert "could not be looked at" not in said
    assert "runtime sdruntime: 1 wait in the queue, 0 are with a queue agent" in said
    assert "3 GiB, of claim scratch" in said
    assert f"instance {other}" in said
    assert f"endpoint {endpoint['VpcEndpointId']} ({service}" in said
