"""`easel snapshot build` on the emulator, in both partitions: what is made, and what is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.snapshot_edge import Edge, refusal
from tests.integration.snapshot_world import SnapshotWorld

pytestmark = pytest.mark.integration

TFVARS = """\
# The region's.
runtimes = {
  sdruntime = {
    type  = "sdwebui"
    image = { repository = "easel/sd-webui", tag = "1.10.1" } # mine
    nodes = {
      instance_types = ["g5.xlarge"]
      # snapshot_id = "snap-0123456789abcdef0"
    }
  }
  comfyui = {
    type  = "comfyui"
    image = { repository = "easel/comfyui", tag = "0.8.0" }
  }
}
"""


def tags_of(snapshot: dict[str, Any]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in snapshot["Tags"]}


def test_a_snapshot_with_both_images_is_all_that_is_left(world: SnapshotWorld) -> None:
    built = world.build()
    assert built.status == 0, built.said
    (snapshot,) = world.snapshots()
    assert built.printed == f"{snapshot['SnapshotId']}\n"
    assert world.left_of_anything() == {"snapshot": {snapshot["SnapshotId"]}}
    assert built.edge.host.pulled == world.digests
    tags = tags_of(snapshot)
    assert tags["easel:snapshot-state"] == "complete"
    assert (tags["easel:kubernetes-version"], tags["easel:architecture"]) == ("1.35", "x86_64")
    assert sum(key.startswith("easel:image-") for key in tags) == 2
    assert snapshot["Encrypted"] is True


def test_list_tells_what_was_built(world: SnapshotWorld) -> None:
    world.build()
    listed = [json.loads(line) for line in world.run("list", "--json").printed.splitlines()]
    assert len(listed) == 1
    assert listed[0]["complete"] is True
    assert {one["reference"]: one["digest"] for one in listed[0]["images"]} == world.digests
    assert f"{world.registry}/easel/sd-webui:1.10.1" in world.run("list").printed


def test_json_is_one_object_on_standard_output(world: SnapshotWorld) -> None:
    built = world.build("--json")
    found = json.loads(built.printed)
    assert found["snapshot_id"] == world.snapshots()[0]["SnapshotId"]
    assert {one["reference"]: one["digest"] for one in found["images"]} == world.digests
    assert found["region"] == world.region


def test_nothing_secret_is_in_user_data_or_commands(world: SnapshotWorld) -> None:
    built = world.build()
    (launch,) = built.edge.launches
    token = world.client("ecr").get_authorization_token()["authorizationData"][0]
    told = "\n".join([launch["UserData"], *built.edge.host.scripts, built.said, built.printed])
    assert token["authorizationToken"] not in told
    assert "ministack-auth-token" not in told
    assert ("ecr", "get_authorization_token") not in built.edge.calls
    assert "KeyName" not in launch
    assert launch["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}


def test_the_instance_may_pull_these_images_and_nothing_else(world: SnapshotWorld) -> None:
    seen: dict[str, Any] = {}
    edge = world.edge()

    def look(service: str, operation: str) -> None:
        if (service, operation) == ("ssm", "send_command") and not seen:
            iam, ec2 = world.client("iam"), world.client("ec2")
            (role,) = iam.list_roles(PathPrefix="/easel-snapshot/")["Roles"]
            name = role["RoleName"]
            policy = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
            seen.update(trust=role["AssumeRolePolicyDocument"], policy=policy)
            (group,) = ec2.describe_security_groups(
                Filters=[{"Name": "group-name", "Values": [name]}]
            )["SecurityGroups"]
            seen["group"] = group

    edge.before = look
    assert world.build(edge=edge).status == 0
    pull = next(s for s in seen["policy"]["Statement"] if s["Sid"] == "PullTheseImages")
    account = world.registry.partition(".")[0]
    own = f"arn:{world.partition}:ecr:{world.region}:{account}:repository/easel"
    assert {one for one in pull["Resource"] if account in one} == {
        f"{own}/sd-webui",
        f"{own}/queue-agent",
    }
    suffix = ".cn" if world.partition == "aws-cn" else ""
    (statement,) = seen["trust"]["Statement"]
    assert statement["Principal"] == {"Service": f"ec2.amazonaws.com{suffix}"}
    assert seen["group"]["IpPermissions"] == []
    assert [rule["FromPort"] for rule in seen["group"]["IpPermissionsEgress"]] == [443]


def test_the_snapshot_is_written_into_the_runtimes_that_use_it(
    world: SnapshotWorld, tmp_path: Path
) -> None:
    file = tmp_path / "terraform.tfvars"
    file.write_text(TFVARS)
    assert world.build("--write", str(file)).status == 0
    name = world.snapshots()[0]["SnapshotId"]
    line = '      # snapshot_id = "snap-0123456789abcdef0"\n'
    instance_types = '      instance_types = ["g5.xlarge"]\n'
    changed = f'{instance_types}      snapshot_id    = "{name}"\n{line}'
    assert file.read_text() == TFVARS.replace(instance_types + line, changed)


def test_it_is_copied_where_it_was_asked_for(world: SnapshotWorld) -> None:
    target = "cn-north-1" if world.partition == "aws-cn" else "us-west-2"
    built = world.build("--json", "--copy-to-region", target)
    assert built.status == 0, built.said
    (copy,) = world.snapshots(target)
    assert json.loads(built.printed)["copies"] == {target: copy["SnapshotId"]}
    assert tags_of(copy)["easel:snapshot-state"] == "complete"
    world.client("ec2", target).delete_snapshot(SnapshotId=copy["SnapshotId"])


def test_quick_ways_are_offered_with_their_price(world: SnapshotWorld, tmp_path: Path) -> None:
    file = tmp_path / "terraform.tfvars"
    file.write_text(TFVARS)
    zone = f"{world.region}a"
    built = world.build(
        "--fast-restore", zone, "--initialization-rate", "200", "--write", str(file)
    )
    assert built.status == 0, built.said
    assert built.edge.fast_restore == [(world.snapshots()[0]["SnapshotId"], zone)]
    assert "0.75 USD" in built.said
    page = "amazonaws.cn" if world.partition == "aws-cn" else "aws.amazon.com"
    assert f"{page}/" in built.said
    assert "volume_initialization_rate = 200" in file.read_text()


def test_a_dry_run_makes_nothing(world: SnapshotWorld) -> None:
    assert world.build("--dry-run").status == 0
    assert world.left() == {}


def test_what_aws_knows_only_a_moment_later_is_waited_for(world: SnapshotWorld) -> None:
    edge = world.edge()
    codes = {
        "put_role_policy": "NoSuchEntity",
        "authorize_security_group_egress": "InvalidGroup.NotFound",
        "send_command": "InvalidInstanceId",
        "get_command_invocation": "InvocationDoesNotExist",
        "describe_snapshots": "InvalidSnapshot.NotFound",
    }

    def before(_: str, operation: str) -> None:
        known = ("iam", "create_role") in edge.calls
        if known and (
            operation != "describe_snapshots" or ("ec2", "create_snapshot") in edge.calls
        ):
            code = codes.pop(operation, None)
            if code:
                raise refusal(code, operation)
        if operation == "run_instances" and known and profile.pop("unknown", None):
            message = "Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM "
            raise refusal("InvalidParameterValue", operation, message + "Instance Profile name")

    profile = {"unknown": True}
    edge.before = before
    built = world.build(edge=edge)
    assert built.status == 0, built.said
    assert (codes, profile) == ({}, {})


def test_without_the_right_to_look_for_leftovers_it_is_built(world: SnapshotWorld) -> None:
    edge = world.edge()

    def before(_: str, operation: str) -> None:
        if operation == "list_roles":
            raise refusal("AccessDenied", operation)

    edge.before = before
    built = world.build(edge=edge)
    assert built.status == 0
    assert "could not be looked for" in built.said


def test_another_zone_is_tried_where_one_has_no_such_instance(world: SnapshotWorld) -> None:
    edge = world.edge()
    tries: list[str] = []

    def before(_: str, operation: str) -> None:
        if operation == "run_instances" and ("iam", "create_role") in edge.calls:
            tries.append(operation)
            if len(tries) == 1:
                raise refusal("InsufficientInstanceCapacity", operation)

    edge.before = before
    built = world.build(edge=edge)
    assert built.status == 0, built.said
    (launch,) = edge.launches
    assert f"in {world.region}b" in built.said
    assert launch["ClientToken"].endswith("-1")


def test_an_image_that_was_pushed_anew_meanwhile_is_found_out(world: SnapshotWorld) -> None:
    edge = world.edge()
    reference = f"{world.registry}/easel/sd-webui:1.10.1"
    edge.host.digests[reference] = "sha256:" + "f" * 64
    built = world.build(edge=edge)
    assert built.status == 1
    assert f"{reference} is sha256:ffff" in built.said
    assert world.left() == {}


def test_an_image_that_did_not_arrive_whole_is_found_out(world: SnapshotWorld) -> None:
    edge = world.edge()
    edge.host.incomplete.add(f"{world.registry}/easel/queue-agent:0.1.0")
    built = world.build(edge=edge)
    assert built.status == 1
    assert "is not there whole and unpacked" in built.said
    assert world.left() == {}


def test_a_failed_pull_says_what_the_host_said(world: SnapshotWorld) -> None:
    edge = world.edge()
    edge.host.broken = lambda script: (
        (1, "", "no space left on device \x1b[31m") if "pull-image" in script else None
    )
    built = world.build(edge=edge)
    assert built.status == 1
    assert "no space left on device \\x1b[31m" in built.said
    assert world.left() == {}


def refusals(world: SnapshotWorld, *words: str, edge: Edge | None = None) -> str:
    found = world.run(*words, edge=edge)
    assert found.status == 2, found.said
    assert world.left() == {}
    assert not [name for _, name in found.edge.calls if name == "create_role"]
    return found.said


def test_everything_that_is_wrong_is_said_at_once(world: SnapshotWorld, tmp_path: Path) -> None:
    world.push("easel/arm", "1", {"arm64": 1})
    said = refusals(
        world,
        "build",
        "easel/none:1,easel/sd-webui:9.9,easel/arm:1,easel/sd-webui",
        "--kubernetes-version",
        "1.21",
        "--instance-type",
        "m5.xlarge",
        "--volume-size",
        "10",
        "--write",
        str(tmp_path / "missing.tfvars"),
    )
    for word in (
        "must have either a tag or a digest",
        "no such repository",
        "the tag 9.9 is not in it",
        "is for arm64, not for amd64",
        "no AMI",
        "no GPU of NVIDIA",
        "--volume-size",
        "cannot be read",
    ):
        assert word in said, word
    assert len(said.splitlines()) == 1 + 8


@pytest.mark.parametrize(
    ("images", "words", "said"),
    [
        ("easel/none:1", (), "no such repository"),
        ("easel/sd-webui:9.9", (), "the tag 9.9 is not in it"),
        ("easel/queue-agent:0.1.0", ("--architecture", "arm64"), "is for amd64, not for arm64"),
        ("easel/sd-webui:1.10.1", ("--volume-size", "12"), "must be 20 to"),
        ("easel/sd-webui:1.10.1", ("--vpc", "vpc-0123456789abcdef0"), "has no subnet"),
        ("easel/sd-webui:1.10.1", ("--copy-to-region", "eu-west-9"), "not a region"),
        ("easel/sd-webui:1.10.1", ("--fast-restore", "us-east-1z"), "has no zone us-east-1z"),
        ("easel/sd-webui:1.10.1", ("--initialization-rate", "200"), "name a file by --write"),
        ("easel/sd-webui:1.10.1", ("--instance-type", "g9.huge"), "no instance type g9.huge"),
    ],
)
def test_what_could_not_end_well_is_refused(
    world: SnapshotWorld, images: str, words: tuple[str, ...], said: str
) -> None:
    assert said in refusals(world, "build", images, *words)


def test_a_volume_that_is_too_small_is_refused(world: SnapshotWorld) -> None:
    world.push("easel/huge", "1", {"amd64": 20 * 1024**3})
    said = refusals(world, "build", "easel/huge:1", "--volume-size", "40")
    assert "40 GiB are too small: the images are 20.0 GiB compressed" in said


def test_a_subnet_without_a_way_out_is_refused(world: SnapshotWorld) -> None:
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    try:
        found = world.build("--subnet", subnet)
        assert found.status == 2
        assert f"no way out of {subnet}" in found.said
    finally:
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)
    assert world.left() == {}


def test_a_missing_right_is_refused(world: SnapshotWorld) -> None:
    """A user who may look at everything and make nothing; IAM's simulator is ministack's."""
    iam, name = world.client("iam"), f"looker-{world.region}"
    iam.create_user(UserName=name)
    looks = ["ec2:Describe*", "ecr:*", "iam:List*", "iam:Simulate*", "ssm:Get*", "sts:*"]
    policy = {"Statement": [{"Effect": "Allow", "Action": looks, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    edge = world.edge()
    edge.connect = lambda service, region: world.connect(service, region=region, **keys)
    try:
        found = world.build(edge=edge)
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName=name)
        iam.delete_user(UserName=name)
    assert found.status == 2, found.said
    for action in ("iam:CreateRole", "iam:PassRole", "ec2:StopInstances", "ssm:SendCommand"):
        assert f"you may not {action}" in found.said
    assert "ssm:DescribeInstanceInformation" in found.said
    assert world.left() == {}
