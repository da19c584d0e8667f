"""`easel karpenter sweep`: all that Karpenter left, and nothing else. EC2 and IAM are moto's."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_deploy.cluster.errors import ClusterError
from easel_deploy.cluster.karpenter_sweep import Sweep, sweep_interfaces
from easel_deploy.cluster.request import ClusterRequest
from easel_deploy.request_variables import CLUSTER_VARIABLE

pytestmark = pytest.mark.unit

REGION = "us-east-1"
OURS = {"kubernetes.io/cluster/easel": "owned", "karpenter.sh/nodepool": "sdwebui"}
OF_ANOTHER_CLUSTER = {"kubernetes.io/cluster/easel-2": "owned", "karpenter.sh/nodepool": "sdwebui"}
SHARED = {"kubernetes.io/cluster/easel": "shared", "karpenter.sh/nodepool": "sdwebui"}
OF_A_NODE_GROUP = {"kubernetes.io/cluster/easel": "owned", "eks:nodegroup-name": "system"}
OTHERS = [OF_ANOTHER_CLUSTER, SHARED, OF_A_NODE_GROUP, {"Name": "mine"}]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.Session(region_name=REGION)


@pytest.fixture
def ec2(session: boto3.Session) -> Any:
    return session.client("ec2")


@pytest.fixture
def iam(session: boto3.Session) -> Any:
    return session.client("iam")


def tags(of: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in of.items()]


def labelled(kind: str, of: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tags(of)}]


def instance(ec2: Any, of: dict[str, str]) -> str:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    answer = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=labelled("instance", of)
    )
    return str(answer["Instances"][0]["InstanceId"])


def volume(ec2: Any, of: dict[str, str]) -> str:
    answer = ec2.create_volume(
        AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=labelled("volume", of)
    )
    return str(answer["VolumeId"])


def template(ec2: Any, name: str, of: dict[str, str]) -> str:
    answer = ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"InstanceType": "g5.xlarge"},
        TagSpecifications=labelled("launch-template", of),
    )
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def interface(ec2: Any, of: dict[str, str]) -> str:
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    answer = ec2.create_network_interface(
        SubnetId=subnet, TagSpecifications=labelled("network-interface", of)
    )
    return str(answer["NetworkInterface"]["NetworkInterfaceId"])


def profile(iam: Any, name: str, path: str, of: dict[str, str], role: str | None = None) -> str:
    iam.create_instance_profile(InstanceProfileName=name, Path=path, Tags=tags(of))
    if role:
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    return name


def swept(session: boto3.Session, seconds: int = 10) -> list[str]:
    said: list[str] = []
    request = ClusterRequest(cluster_name="easel", region=REGION, timeout_seconds=seconds)
    Sweep(session, request, said.append, poll_seconds=0.01).run()
    return said


def test_instances_are_terminated_and_no_others(session: boto3.Session, ec2: Any) -> None:
    ours = {instance(ec2, OURS) for _ in range(3)}
    stopped = instance(ec2, OURS)
    ec2.stop_instances(InstanceIds=[stopped])
    others = {instance(ec2, of) for of in OTHERS}
    said = swept(session)
    states = {
        one["InstanceId"]: one["State"]["Name"]
        for reservation in ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
    }
    assert {name for name, state in states.items() if state == "terminated"} == ours | {stopped}
    assert {name for name, state in states.items() if state == "running"} == others
    assert any("terminating 4 instance(s)" in line for line in said)


def test_what_they_left_is_deleted_and_no_others(session: boto3.Session, ec2: Any) -> None:
    ours = [volume(ec2, OURS), template(ec2, "ours", OURS), interface(ec2, OURS)]
    of_the_cni = interface(ec2, {"cluster.k8s.amazonaws.com/name": "easel"})
    for number, of in enumerate(OTHERS):
        volume(ec2, of)
        template(ec2, f"other-{number}", of)
    kept_interface = interface(ec2, {"cluster.k8s.amazonaws.com/name": "easel-2"})

    said = "\n".join(swept(session))
    for one in [*ours, of_the_cni]:
        assert one in said
    volumes = {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]}
    assert not volumes & set(ours)
    names = {
        one["LaunchTemplateName"] for one in ec2.describe_launch_templates()["LaunchTemplates"]
    }
    assert names == {f"other-{number}" for number in range(len(OTHERS))}
    interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
    left = {one["NetworkInterfaceId"] for one in interfaces}
    assert kept_interface in left
    assert not left & {*ours, of_the_cni}


def test_volumes_with_data_of_pods_are_kept_and_named(session: boto3.Session, ec2: Any) -> None:
    of_a_pod = volume(
        ec2,
        {"kubernetes.io/cluster/easel": "owned", "kubernetes.io/created-for/pvc/name": "data"},
    )
    said = "\n".join(swept(session))
    assert "kept 1 volume(s)" in said
    assert of_a_pod in said
    assert "They cost money" in said
    assert ec2.describe_volumes(VolumeIds=[of_a_pod])["Volumes"]


def test_a_volume_in_use_is_left_to_its_instance(session: boto3.Session, ec2: Any) -> None:
    used = volume(ec2, OURS)
    by = instance(ec2, {"Name": "mine"})
    ec2.attach_volume(VolumeId=used, InstanceId=by, Device="/dev/sdf")
    swept(session)
    assert ec2.describe_volumes(VolumeIds=[used])["Volumes"]


def test_instance_profiles_let_go_of_the_nodes_role(session: boto3.Session, iam: Any) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    iam.create_role(RoleName="nodes", AssumeRolePolicyDocument=json.dumps(trust))
    of_class = {
        "kubernetes.io/cluster/easel": "owned",
        "topology.kubernetes.io/region": REGION,
        "karpenter.k8s.aws/ec2nodeclass": "sdwebui",
    }
    folder = f"/karpenter/{REGION}/easel/"
    profile(iam, "easel_123", f"{folder}uid/", of_class, role="nodes")
    profile(iam, "easel_456", "/", of_class)
    kept = {
        profile(iam, "easel_other_region", "/", of_class | {"topology.kubernetes.io/region": "x"}),
        profile(iam, "easel_of_mine", "/", {"Name": "mine"}),
        profile(iam, "somebody", "/", of_class | {"kubernetes.io/cluster/easel": "shared"}),
        profile(iam, "easel-2_1", f"/karpenter/{REGION}/easel-2/uid/", {}),
    }
    said = "\n".join(swept(session))
    assert "deleted 2 instance profile(s): easel_123, easel_456" in said
    left = {one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]}
    assert left == kept
    iam.delete_role(RoleName="nodes")


def test_twice_is_as_good_as_once(session: boto3.Session, ec2: Any) -> None:
    instance(ec2, OURS)
    template(ec2, "ours", OURS)
    swept(session)
    assert swept(session) == ["nothing of Karpenter's is left"]


def test_more_than_a_page_of_instances_is_terminated(session: boto3.Session, ec2: Any) -> None:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.run_instances(
        ImageId=image, MinCount=130, MaxCount=130, TagSpecifications=labelled("instance", OURS)
    )
    said = swept(session)
    assert any("terminating 130 instance(s)" in line for line in said)
    live = [{"Name": "instance-state-name", "Values": ["running"]}]
    assert ec2.describe_instances(Filters=live)["Reservations"] == []


def test_an_instance_that_does_not_end_is_an_error_that_names_it(
    session: boto3.Session, ec2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = instance(ec2, OURS)
    request = ClusterRequest(cluster_name="easel", region=REGION, timeout_seconds=1)
    sweep = Sweep(session, request, lambda _: None, poll_seconds=0.05)
    monkeypatch.setattr(sweep._ec2, "terminate_instances", lambda **_: None)
    with pytest.raises(ClusterError, match=name) as error:
        sweep.run()
    assert "They cost money" in str(error.value)
    assert "run destroy again" in str(error.value)


def test_interfaces_alone_are_swept_when_the_last_node_is_gone(
    ec2: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left_behind = interface(ec2, {"cluster.k8s.amazonaws.com/name": "easel"})
    kept = [interface(ec2, {"cluster.k8s.amazonaws.com/name": "easel-2"})]
    machine = instance(ec2, OURS)
    request = {"cluster_name": "easel", "region": REGION, "timeout_seconds": 60}
    monkeypatch.setenv(CLUSTER_VARIABLE, json.dumps(request))
    assert sweep_interfaces(argparse.Namespace()) == 0
    assert left_behind in capsys.readouterr().out
    interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
    left = {one["NetworkInterfaceId"] for one in interfaces}
    assert left_behind not in left
    assert left >= set(kept)
    reservations = ec2.describe_instances(InstanceIds=[machine])["Reservations"]
    assert reservations[0]["Instances"][0]["State"]["Name"] == "running"
