"""A destroy names what is lost, before it asks: tasks, volumes, others' things in the network."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from easel_contract.record import ACTIVE_INDEX
from easel_deploy.environments import log_groups
from easel_deploy.environments import look_first as look_module
from easel_deploy.environments.destroy import destroy
from easel_deploy.environments.others_in_network import CLAIM, VPC, some
from easel_deploy.environments.unfinished_tasks import TABLE, WEBHOOK_QUEUE
from tests.unit.stubbed_root import REGION, Managed, StubbedRoot

pytestmark = pytest.mark.unit

TASKS = 'module.runtime["sdruntime"].aws_sqs_queue.task'
DEAD_LETTERS = 'module.runtime["sdruntime"].aws_sqs_queue.dead_letter'
SUBNET = 'module.vpc[0].aws_subnet.private["a"]'
OWNED = {"Key": "kubernetes.io/cluster/easel", "Value": "owned"}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(log_groups, "_WATCH_SECONDS", 0)
    with mock_aws():
        yield


def client(service: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name=REGION)


@pytest.fixture
def state() -> Managed:
    """A stack with a network, queues, and a table of records."""
    ec2, sqs = client("ec2"), client("sqs")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    queues = {
        address: {"url": sqs.create_queue(QueueName=name)["QueueUrl"]}
        for address, name in (
            (TASKS, "easel-sdruntime"),
            (DEAD_LETTERS, "easel-sdruntime-dead-letter"),
            (WEBHOOK_QUEUE, "easel-webhook"),
        )
    }
    client("dynamodb").create_table(
        TableName="easel-records",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "uid", "active")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": ACTIVE_INDEX,
                "KeySchema": [
                    {"AttributeName": "active", "KeyType": "HASH"},
                    {"AttributeName": "uid", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    network = {VPC: {"id": vpc}, SUBNET: {"id": subnet}}
    return {**queues, **network, TABLE: {"name": "easel-records"}}


def said_before(state: Managed, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What a destroy says before it asks, or goes on unasked."""
    assert destroy(StubbedRoot(state), [*options, "-auto-approve"]) == 0
    return capsys.readouterr().out.partition("is destroyed")[0]


def test_nothing_is_named_where_there_is_nothing(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_before(state, capsys)
    assert "  - " not in said
    assert "could not be looked at" not in said


def test_waiting_and_taken_tasks_dead_letters_and_callbacks_are_counted(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs = client("sqs")
    for address, count in ((TASKS, 3), (DEAD_LETTERS, 2), (WEBHOOK_QUEUE, 1)):
        for _ in range(count):
            sqs.send_message(QueueUrl=state[address]["url"], MessageBody="{}")
    sqs.receive_message(QueueUrl=state[TASKS]["url"])
    said = said_before(state, capsys)
    assert "runtime sdruntime: 2 wait in the queue, 1 are with a queue agent" in said
    assert "dead letters of runtime sdruntime: 2" in said
    assert "callbacks to URLs that are not sent yet: 1" in said


def test_records_of_waiting_and_running_tasks_are_counted(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, active in enumerate(["queued", "running", "running"]):
        item = {"pk": {"S": f"task/{number}"}, "uid": {"S": str(number)}}
        item["active"] = {"S": f"{active}/sdruntime"}
        client("dynamodb").put_item(TableName="easel-records", Item=item)
    ended = {"pk": {"S": "task/ended"}, "uid": {"S": "9"}}
    client("dynamodb").put_item(TableName="easel-records", Item=ended)
    said = said_before(state, capsys)
    assert "runtime sdruntime: 1 tasks are queued" in said
    assert "runtime sdruntime: 2 tasks are running" in said


def test_a_part_names_its_tasks_too(state: Managed, capsys: pytest.CaptureFixture[str]) -> None:
    client("sqs").send_message(QueueUrl=state[TASKS]["url"], MessageBody="{}")
    make_instance(state, [])
    said = said_before(state, capsys, "-target=module.runtime")
    assert "1 wait in the queue" in said
    assert "instance " not in said


def test_queues_and_table_that_are_gone_are_no_hindrance(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    for address in (TASKS, DEAD_LETTERS, WEBHOOK_QUEUE):
        client("sqs").delete_queue(QueueUrl=state[address]["url"])
    client("dynamodb").delete_table(TableName="easel-records")
    said = said_before(state, capsys)
    assert "  - " not in said
    assert "could not be looked at" not in said


def test_volumes_of_claims_are_named_with_the_claim(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    for tags in (
        [OWNED, {"Key": CLAIM, "Value": "da\nta"}],
        [OWNED],
        [{"Key": CLAIM, "Value": "x"}],
    ):
        client("ec2").create_volume(
            AvailabilityZone=f"{REGION}a",
            Size=7,
            TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
        )
    said = said_before(state, capsys)
    assert said.count("  - volume vol-") == 1
    assert r"7 GiB, of claim da\nta" in said


def make_instance(state: Managed, tags: list[dict[str, str]]) -> str:
    more = {"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]} if tags else {}
    made = client("ec2").run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=state[SUBNET]["id"], **more
    )
    return str(made["Instances"][0]["InstanceId"])


def make_interface(state: Managed, description: str, *tags: dict[str, str]) -> str:
    more = {"TagSpecifications": [{"ResourceType": "network-interface", "Tags": list(tags)}]}
    made = client("ec2").create_network_interface(
        SubnetId=state[SUBNET]["id"], Description=description, **(more if tags else {})
    )
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


def test_instances_of_others_are_named_and_the_clusters_are_not(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    own = make_instance(state, [OWNED])
    system = make_instance(state, [{"Key": "eks:cluster-name", "Value": "easel"}])
    other = make_instance(state, [{"Key": "Name", "Value": "jump host"}])
    said = said_before(state, capsys)
    assert f"instance {other}" in said
    assert "jump host" in said
    assert own not in said
    assert system not in said
    assert "network interface" not in said


def test_interfaces_and_load_balancers_of_others_are_named(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_interface(state, "AWS Lambda VPC ENI-report")
    for description in ("ELB app/shop/0123", "ELB app/shop/0123", "ELB old"):
        make_interface(state, description)
    make_interface(state, "Interface for NAT Gateway nat-1")
    make_interface(state, "Amazon EKS easel")
    pods = {"Key": "cluster.k8s.amazonaws.com/name", "Value": "easel"}
    own = make_interface(state, "aws-K8S-i-1", pods)
    said = said_before(state, capsys)
    assert f"network interface {other} (AWS Lambda VPC ENI-report)" in said
    assert said.count("load balancer shop") == 1
    assert "load balancer old" in said
    assert "nat-1" not in said
    assert "Amazon EKS" not in said
    assert own not in said


def test_endpoints_that_the_state_does_not_have_are_named(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [
        client("ec2").create_vpc_endpoint(
            VpcId=state[VPC]["id"], ServiceName=f"com.amazonaws.{REGION}.{service}"
        )["VpcEndpoint"]["VpcEndpointId"]
        for service in ("s3", "dynamodb")
    ]
    managed = state | {'module.vpc[0].aws_vpc_endpoint.gateway["s3"]': {"id": ids[0]}}
    said = said_before(managed, capsys)
    assert f"endpoint {ids[1]} (com.amazonaws.{REGION}.dynamodb" in said
    assert ids[0] not in said


def test_a_network_of_others_is_not_looked_at(
    state: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    make_instance(state, [])
    del state[VPC]
    assert "instance" not in said_before(state, capsys)


def test_all_is_named_before_the_question_and_a_no_destroys_nothing(
    state: Managed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client("sqs").send_message(QueueUrl=state[TASKS]["url"], MessageBody="{}")
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    root = StubbedRoot(state)
    assert destroy(root, []) == 3
    said = capsys.readouterr().out
    assert said.index("1 wait in the queue") < said.index("Type its name")
    assert root.ran == []


def test_what_cannot_be_looked_at_is_said_and_the_rest_still_looked_at(
    state: Managed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Iterator[str]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeVolumes")

    other = make_instance(state, [])
    refused = look_module._Look("volumes", "volumes", refuse)
    monkeypatch.setattr(look_module, "_VOLUMES", refused)
    said = said_before(state, capsys)
    assert "volumes could not be looked at" in said
    assert "AccessDenied" in said
    assert other in said


def test_a_long_list_is_cut_off_with_the_number_of_the_rest() -> None:
    assert some([str(number) for number in range(25)])[-2:] == ["19", "and 5 more"]
    assert some(["1"]) == ["1"]
