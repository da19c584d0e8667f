"""The doctor's checks before an apply, asked of the emulator in both partitions."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from easel_doctor.bucket import look_at_model_bucket
from easel_doctor.finding import State
from easel_doctor.identity import look_at_credentials, look_at_partition
from easel_doctor.images import look_at_images
from easel_doctor.quotas import look_at_quotas
from easel_doctor.rights import look_at_rights
from easel_doctor.snapshots import look_at_snapshots
from easel_doctor.spot_role import ROLE, look_at_spot_role
from easel_local.emulator import Emulator
from easel_snapshot.tags import BUILD, COMPLETE, STATE
from tests.doctor_world import REGIONS, Clients, problems, runtime, settings, subject
from tests.integration.snapshot_world import SnapshotWorld
from tests.stubbed_aws import answer

pytestmark = pytest.mark.integration

Client = Callable[..., Any]
SERVICES = ("ec2", "ecr", "iam", "s3", "sts")
IMAGE = {"repository": "easel/sd-webui", "tag": "1.10.1", "digest": None}


@pytest.fixture(scope="module")
def own_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_path=tmp_path_factory.mktemp("doctor") / "log") as running:
        yield running


@pytest.fixture(params=REGIONS, scope="module")
def region(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def world(
    own_emulator: Emulator, client_of: Callable[[Emulator], Client], region: str
) -> SnapshotWorld:
    """A network, and easel/sd-webui:1.10.1 and easel/queue-agent:0.1.0 in ECR."""
    return SnapshotWorld(client_of(own_emulator), region)


@pytest.fixture
def clients(world: SnapshotWorld, region: str) -> Clients:
    clients = Clients(region)
    for service in SERVICES:
        clients[service] = world.client(service)
    return clients


def of(clients: Clients, **told: Any) -> Any:
    """An environment with one runtime, whose image is in ECR."""
    told = {"runtimes": {"sd": runtime(image=IMAGE)}} | told
    return subject(clients, settings(region=clients.region, **told))


# -- who ------------------------------------------------------------------------------------------


def test_the_caller_is_named_and_of_the_regions_partition(
    clients: Clients, world: SnapshotWorld
) -> None:
    finding = look_at_credentials(of(clients))
    assert finding.state is State.OK
    assert finding.summary.startswith(f"arn:{world.partition}:")
    assert look_at_partition(of(clients)).state is State.OK


def test_credentials_and_buckets_of_the_other_partition_are_refused(clients: Clients) -> None:
    other = next(one for one in REGIONS if one != clients.region)
    partition = "aws-cn" if other.startswith("cn-") else "aws"
    told = settings(region=other, model_bucket_arn=f"arn:{partition}:s3:::models")
    finding = look_at_partition(subject(clients, told))
    assert finding.state is State.FAIL
    assert f"and {other} is in {partition}" in problems(finding)
    arn = f"arn:{partition}:s3:::models"
    said = problems(look_at_partition(of(clients, model_bucket_arn=arn)))
    assert f"model_bucket_arn is of the partition {partition}" in said


def test_without_credentials_nothing_else_is_tried(clients: Clients) -> None:
    nobody = Clients(clients.region)
    answer(nobody["sts"], "get_caller_identity", "InvalidClientTokenId")
    finding = look_at_credentials(subject(nobody))
    assert finding.state is State.FAIL
    assert "aws sts get-caller-identity" in problems(finding)


def test_rights_are_those_of_the_callers_policies(clients: Clients, world: SnapshotWorld) -> None:
    iam = clients["iam"]
    user = iam.create_user(UserName=f"deployer-{clients.region}")["User"]
    answer(
        clients["sts"],
        "get_caller_identity",
        {"Account": user["Arn"].split(":")[4], "Arn": user["Arn"]},
    )
    try:
        give(iam, user["UserName"], "*")
        assert look_at_rights(of(clients)).state is State.OK
        give(iam, user["UserName"], "ec2:*")
        finding = look_at_rights(of(clients))
        assert finding.state is State.WARN
        assert "eks:CreateCluster" in problems(finding)
        assert "ec2:CreateVpc" not in problems(finding)
        give(iam, user["UserName"], "*", deny="iam:PassRole")
        finding = look_at_rights(of(clients))
        assert finding.state is State.FAIL
        assert "a policy denies iam:PassRole" in problems(finding)
    finally:
        world._clients.pop(("sts", clients.region))


def give(iam: Any, user: str, action: str, deny: str | None = None) -> None:
    statements = [{"Effect": "Allow", "Action": action, "Resource": "*"}]
    if deny:
        statements.append({"Effect": "Deny", "Action": deny, "Resource": "*"})
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=document)


def test_spots_role_is_looked_for(clients: Clients) -> None:
    assert look_at_spot_role(of(clients)).state is State.FAIL
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    clients["iam"].create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    try:
        assert look_at_spot_role(of(clients)).state is State.OK
    finally:
        clients["iam"].delete_role(RoleName=ROLE)


# -- the model bucket -----------------------------------------------------------------------------


@pytest.fixture
def bucket(clients: Clients) -> Iterator[str]:
    name = of(clients).model_bucket
    place = {"LocationConstraint": clients.region}
    more = {} if clients.region == "us-east-1" else {"CreateBucketConfiguration": place}
    clients["s3"].create_bucket(Bucket=name, **more)
    yield name
    for one in clients["s3"].list_objects_v2(Bucket=name).get("Contents", []):
        clients["s3"].delete_object(Bucket=name, Key=one["Key"])
    clients["s3"].delete_bucket(Bucket=name)


def test_a_bucket_with_the_runtimes_checkpoint_is_well(clients: Clients, bucket: str) -> None:
    clients["s3"].put_object(Bucket=bucket, Key="Stable-diffusion/sd15.safetensors", Body=b"1234")
    finding = look_at_model_bucket(of(clients))
    assert finding.state is State.OK
    assert finding.summary.startswith(f"s3://{bucket}: 1 files")


def test_a_bucket_without_checkpoints_fails(clients: Clients, bucket: str) -> None:
    finding = look_at_model_bucket(of(clients))
    assert finding.state is State.FAIL
    assert f"--bucket {bucket}" in problems(finding)


def test_another_checkpoint_is_not_the_one_that_is_loaded(clients: Clients, bucket: str) -> None:
    clients["s3"].put_object(Bucket=bucket, Key="sd/Stable-diffusion/xl.safetensors", Body=b"1234")
    runtimes = {"sd": runtime(model_prefix="sd")}
    finding = look_at_model_bucket(of(clients, runtimes=runtimes))
    assert finding.state is State.FAIL
    assert "sd15.safetensors" in problems(finding)
    assert "--prefix sd" in problems(finding)


def test_a_bucket_of_another_region_fails(clients: Clients, bucket: str) -> None:
    clients["s3"].put_object(Bucket=bucket, Key="Stable-diffusion/sd15.safetensors", Body=b"1234")
    partition = "aws-cn" if clients.region.startswith("cn-") else "aws"
    other = "cn-north-1" if partition == "aws-cn" else "us-west-2"
    told = settings(region=other, model_bucket_arn=f"arn:{partition}:s3:::{bucket}")
    finding = look_at_model_bucket(subject(clients, told))
    assert finding.state is State.FAIL
    assert f"is in {clients.region}, and the stack in {other}" in problems(finding)


def test_a_bucket_that_is_not_there_is_made_or_missed(clients: Clients) -> None:
    finding = look_at_model_bucket(of(clients, makes_model_bucket=True))
    assert finding.state is State.WARN
    assert "TF_ARGS=-target=module.model_bucket" in problems(finding)
    finding = look_at_model_bucket(of(clients))
    assert finding.state is State.FAIL
    assert "model_bucket = {}" in problems(finding)


# -- images ---------------------------------------------------------------------------------------


def test_images_in_ecr_are_there_for_the_nodes(clients: Clients) -> None:
    finding = look_at_images(of(clients))
    assert finding.state is State.OK
    assert finding.summary == "2 of 2 there"


def test_an_image_that_is_not_there_is_named_with_its_owner(clients: Clients) -> None:
    image = IMAGE | {"tag": "9.9"}
    finding = look_at_images(of(clients, runtimes={"sd": runtime(image=image)}))
    assert finding.state is State.FAIL
    assert "runtime sd: " in problems(finding)
    assert "the tag 9.9 is not in it" in problems(finding)
    assert f"REGION={clients.region}" in problems(finding)


def test_an_image_for_another_architecture_says_how_to_build_it(
    clients: Clients, world: SnapshotWorld
) -> None:
    world.push("easel/arm", "1", {"arm64": 1024})
    image = {"repository": "easel/arm", "tag": "1"}
    finding = look_at_images(of(clients, runtimes={"sd": runtime(image=image)}))
    assert finding.state is State.FAIL
    assert "is for arm64, not for amd64" in problems(finding)
    assert "--platform linux/amd64" in problems(finding)


def test_an_image_that_was_mirrored_is_looked_for_by_its_copy(
    clients: Clients, world: SnapshotWorld
) -> None:
    reference = world.push("mirror/webui", "7", {"amd64": 1024})
    image = {"repository": "registry.example.com/webui", "tag": "7"}
    copy = {"repository": "mirror/webui", "digest": world.digests[reference]}
    told = {"mirrored_images": {"registry.example.com/webui:7": copy}}
    finding = look_at_images(of(clients, runtimes={"sd": runtime(image=image)}, **told))
    assert finding.state is State.OK


def test_a_registry_that_does_not_answer_is_not_checked(clients: Clients) -> None:
    image = {"repository": "127.0.0.1:9/webui", "tag": "7"}
    looked_at = of(clients, runtimes={"sd": runtime(image=image)})
    assert isinstance(looked_at.http, requests.Session)
    finding = look_at_images(looked_at)
    assert finding.state is State.NOT_CHECKED
    assert "did not answer" in problems(finding)


def test_copies_of_others_images_are_looked_for_in_the_mirror(
    clients: Clients, world: SnapshotWorld
) -> None:
    told = {"mirror_prefix": "copies", "karpenter_version": "9.9.9", "keda_version": "2.0.0"}
    for repository, tag, architecture in (
        ("copies/karpenter/karpenter-crd", "9.9.9", "unknown"),
        ("copies/karpenter/karpenter", "9.9.9", "unknown"),
        ("copies/charts/keda", "2.0.0", "unknown"),
        ("copies/karpenter/controller", "9.9.9", "amd64"),
        ("copies/kedacore/keda", "2.0.0", "arm64"),
        ("copies/kedacore/keda-metrics-apiserver", "2.0.0", "arm64"),
    ):
        world.push(repository, tag, {architecture: 1024})
    finding = look_at_images(of(clients, **told))
    assert finding.state is State.FAIL
    assert finding.summary == "7 of 9 there"
    said = problems(finding)
    assert "image karpenter/controller: " in said
    assert "is for amd64, not for arm64" in said
    assert "image kedacore/keda-admission-webhooks: " in said
    assert said.count(f"-> .venv/bin/easel mirror --env {clients.region} --run") == 2
    other = look_at_images(of(clients, system_architecture="x86_64", **told))
    assert "image karpenter/controller: " not in problems(other)


def test_a_runtime_without_an_image_fails(clients: Clients) -> None:
    finding = look_at_images(of(clients, runtimes={"sd": runtime(image=None)}))
    assert finding.state is State.FAIL
    assert "runtime sd names no image" in problems(finding)


# -- snapshots ------------------------------------------------------------------------------------


@pytest.fixture
def snapshot_of(clients: Clients) -> Iterator[Callable[..., str]]:
    """Makes snapshots; they are removed afterwards."""
    made: list[str] = []

    def make(gib: int, **tags: str) -> str:
        ec2 = clients["ec2"]
        volume = ec2.create_volume(AvailabilityZone=f"{clients.region}a", Size=gib)["VolumeId"]
        named = [{"Key": key, "Value": value} for key, value in tags.items()]
        specifications = [{"ResourceType": "snapshot", "Tags": named}] if named else []
        snapshot = ec2.create_snapshot(VolumeId=volume, TagSpecifications=specifications)
        made.append(str(snapshot["SnapshotId"]))
        return made[-1]

    yield make
    for one in made:
        clients["ec2"].delete_snapshot(SnapshotId=one)


def with_snapshot(clients: Clients, snapshot: str) -> Any:
    nodes = {"instance_types": ["g5.xlarge"], "snapshot_id": snapshot}
    return of(clients, runtimes={"sd": runtime(image=IMAGE, nodes=nodes)})


def test_no_snapshot_is_well(clients: Clients) -> None:
    assert look_at_snapshots(of(clients)).state is State.OK


def test_a_whole_snapshot_that_fits_is_well(
    clients: Clients, snapshot_of: Callable[..., str]
) -> None:
    finding = look_at_snapshots(with_snapshot(clients, snapshot_of(80)))
    assert finding.state is State.OK
    assert "80 GiB" in finding.summary


def test_a_snapshot_that_is_larger_than_the_nodes_volume_fails(
    clients: Clients, snapshot_of: Callable[..., str]
) -> None:
    finding = look_at_snapshots(with_snapshot(clients, snapshot_of(81)))
    assert finding.state is State.FAIL
    assert "nodes.data_volume_gib = 81" in problems(finding)


def test_a_snapshot_that_is_not_in_the_region_fails(clients: Clients) -> None:
    finding = look_at_snapshots(with_snapshot(clients, "snap-0123456789abcdef0"))
    assert finding.state is State.FAIL
    assert f"is not in {clients.region}" in problems(finding)


def test_a_build_that_was_not_finished_or_holds_others_is_told_of(
    clients: Clients, snapshot_of: Callable[..., str]
) -> None:
    broken = snapshot_of(20, **{BUILD: "b", STATE: "building"})
    assert "not finished" in problems(look_at_snapshots(with_snapshot(clients, broken)))
    other = snapshot_of(20, **{BUILD: "b", STATE: COMPLETE})
    finding = look_at_snapshots(with_snapshot(clients, other))
    assert finding.state is State.WARN
    assert "does not hold" in problems(finding)
    assert "easel/sd-webui:1.10.1" in problems(finding)


# -- what is there already ------------------------------------------------------------------------


def test_what_the_account_has_counts_towards_its_quotas(clients: Clients) -> None:
    answer(clients["service-quotas"], "get_service_quota", {"Quota": {"Value": 3.0}})
    vpcs = len(clients["ec2"].describe_vpcs()["Vpcs"])
    finding = look_at_quotas(of(clients, nat_gateways="one"))
    assert f"VPCs {vpcs + 1}/3" in finding.summary
    assert "Elastic IPs 1/3" in finding.summary
    assert "NAT gateways of a zone" in finding.summary
    assert "buckets" in finding.summary
