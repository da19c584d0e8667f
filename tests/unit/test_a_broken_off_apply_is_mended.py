"""What an interrupted apply has left is completed, or taken into the state."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from easel_deploy.environments import __main__ as environments
from easel_deploy.environments.broken_off import main, mend, tainted
from easel_deploy.environments.named_things import Finder, StackTags
from easel_deploy.environments.root_module import RootModule
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError
from easel_deploy.exit_status import ExitStatus

pytestmark = pytest.mark.unit

TAGS = {"Stack": "easel", "ManagedBy": "easel"}
OF_ANOTHER = {"Stack": "other", "ManagedBy": "easel"}
REGION = "us-west-2"

# Answers as Terraform does, and writes down what else it was told to do.
TERRAFORM = """#!/bin/sh
folder=$(dirname "$0")
shift
case "$1" in
  state) cat "$folder/state.json" ;;
  console) cat > /dev/null; cat "$folder/console" ;;
  plan) ;;
  show) cat "$folder/plan.json" ;;
  *) echo "$@" >> "$folder/done" ;;
esac
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "terraform"
    program.write_text(TERRAFORM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    stack = json.dumps({"name": "easel", "region": REGION})
    (tmp_path / "console").write_text(json.dumps(stack) + "\n")
    return tmp_path


def instance(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "mode": "managed",
        "type": kind,
        "name": name,
        "module": "module.eks_karpenter",
        "instances": [{"attributes": {"id": name}} | more],
    }


def planned(kind: str, **after: Any) -> dict[str, Any]:
    address = f"module.one.{kind}.this"
    return {"address": address, "type": kind, "change": {"actions": ["create"], "after": after}}


def test_only_what_can_be_completed_is_no_longer_made_anew() -> None:
    state = {
        "resources": [
            instance("aws_iam_role", "pod", index_key="cloudwatch", status="tainted"),
            instance("aws_iam_role", "whole"),
            instance("aws_vpc", "this", status="tainted", deposed="00000001"),
            instance("aws_eks_node_group", "system", status="tainted"),
            {"mode": "data", "type": "aws_vpc", "name": "x", "instances": [{}]},
        ]
    }
    assert tainted(state) == ['module.eks_karpenter.aws_iam_role.pod["cloudwatch"]']
    assert tainted({}) == []


def made_role(tags: dict[str, str]) -> str:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    boto3.client("iam").create_role(RoleName="easel-pod", AssumeRolePolicyDocument="{}", Tags=pairs)
    return "easel-pod"


def made_launch_template(tags: dict[str, str]) -> str:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    made = boto3.client("ec2").create_launch_template(
        LaunchTemplateName="easel-system",
        LaunchTemplateData={"InstanceType": "t3.large"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": pairs}],
    )
    return made["LaunchTemplate"]["LaunchTemplateId"]


def made_table(tags: dict[str, str]) -> str:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    boto3.client("dynamodb").create_table(
        TableName="easel-tasks",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        Tags=pairs,
    )
    return "easel-tasks"


def made_bucket(tags: dict[str, str]) -> str:
    client = boto3.client("s3")
    client.create_bucket(
        Bucket="easel-outputs", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    client.put_bucket_tagging(Bucket="easel-outputs", Tagging={"TagSet": pairs})
    return "easel-outputs"


def made_policy(tags: dict[str, str]) -> str:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}],
        }
    )
    made = boto3.client("iam").create_policy(
        PolicyName="easel-nodes", PolicyDocument=document, Tags=pairs
    )
    return made["Policy"]["Arn"]


def made_log_group(tags: dict[str, str]) -> str:
    boto3.client("logs").create_log_group(logGroupName="/easel/flow", tags=tags)
    boto3.client("logs").create_log_group(logGroupName="/easel/flow-logs")
    return "/easel/flow"


THINGS: list[tuple[str, dict[str, Any], Callable[[dict[str, str]], str]]] = [
    ("aws_iam_role", {"name": "easel-pod"}, made_role),
    ("aws_iam_policy", {"name": "easel-nodes", "path": "/"}, made_policy),
    ("aws_launch_template", {"name": "easel-system"}, made_launch_template),
    ("aws_dynamodb_table", {"name": "easel-tasks"}, made_table),
    ("aws_s3_bucket", {"bucket": "easel-outputs"}, made_bucket),
    ("aws_cloudwatch_log_group", {"name": "/easel/flow"}, made_log_group),
]
IDS = [kind for kind, _, _ in THINGS]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("kind", "values", "make"), THINGS, ids=IDS)
def test_what_is_there_is_found_by_its_name(
    kind: str, values: dict[str, Any], make: Callable[[dict[str, str]], str]
) -> None:
    find = Finder(StackIdentity("easel", REGION), StackTags.of("easel"))
    assert find(kind, values) is None
    identity = make(TAGS)
    assert find(kind, values) == identity
    assert find(kind, {}) is None


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("kind", "values", "make"), THINGS, ids=IDS)
def test_what_is_anothers_is_left_alone(
    kind: str, values: dict[str, Any], make: Callable[[dict[str, str]], str]
) -> None:
    make(OF_ANOTHER)
    assert Finder(StackIdentity("easel", REGION), StackTags.of("easel"))(kind, values) is None


@pytest.mark.usefixtures("aws")
def test_paths_and_methods_of_the_stacks_api_are_found() -> None:
    client = boto3.client("apigateway")
    api = client.create_rest_api(name="easel")["id"]
    [root] = client.get_resources(restApiId=api)["items"]
    find = Finder(StackIdentity("easel", REGION), StackTags.of("easel"))
    path = {"rest_api_id": api, "parent_id": root["id"], "path_part": "v1alpha1"}
    assert find("aws_api_gateway_resource", path) is None
    made = client.create_resource(restApiId=api, parentId=root["id"], pathPart="v1alpha1")["id"]
    assert find("aws_api_gateway_resource", path) == f"{api}/{made}"
    method = {"rest_api_id": api, "resource_id": made, "http_method": "POST"}
    assert find("aws_api_gateway_method", method) is None
    client.put_method(restApiId=api, resourceId=made, httpMethod="POST", authorizationType="NONE")
    assert find("aws_api_gateway_method", method) == f"{api}/{made}/POST"


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_has_no_tags_yet_is_the_stacks() -> None:
    boto3.client("s3").create_bucket(
        Bucket="easel-outputs", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    find = Finder(StackIdentity("easel", REGION), StackTags.of("easel"))
    assert find("aws_s3_bucket", {"bucket": "easel-outputs"}) == "easel-outputs"


@pytest.mark.usefixtures("aws")
def test_a_broken_off_apply_is_mended(terraform: Path, capsys: pytest.CaptureFixture[str]) -> None:
    identity = made_launch_template(TAGS)
    role = instance("aws_iam_role", "pod", status="tainted")
    (terraform / "state.json").write_text(
        json.dumps({"resources": [role], "outputs": {"region": {}}})
    )
    changes = [planned("aws_launch_template", name="easel-system"), planned("aws_eks_addon")]
    (terraform / "plan.json").write_text(json.dumps({"resource_changes": changes}))
    assert main(["envs/us-west-2"]) == 0
    assert (terraform / "done").read_text().splitlines() == [
        "untaint module.eks_karpenter.aws_iam_role.pod",
        f"import -input=false module.one.aws_launch_template.this {identity}",
    ]
    said = capsys.readouterr().err
    assert said.startswith("easel: an earlier apply broke off:\n")
    assert identity in said


def test_a_whole_stack_and_none_are_left_as_they_are(terraform: Path) -> None:
    whole = {
        "resources": [instance("aws_iam_role", "pod")],
        "outputs": {"endpoint": {}, "runtimes": {}},
    }
    for state in (json.dumps(whole), ""):
        (terraform / "state.json").write_text(state)
        assert mend(RootModule(Path("envs/us-west-2"))) == []
    assert not (terraform / "done").exists()


@pytest.mark.usefixtures("aws")
def test_a_deployment_looks_also_where_the_state_looks_whole(terraform: Path) -> None:
    identity = made_launch_template(TAGS)
    whole = {"resources": [instance("aws_iam_role", "pod")]}
    state = whole | {"outputs": {"endpoint": {}, "runtimes": {}}}
    (terraform / "state.json").write_text(json.dumps(state))
    changes = [planned("aws_launch_template", name="easel-system")]
    (terraform / "plan.json").write_text(json.dumps({"resource_changes": changes}))
    assert main(["envs/us-west-2", "thorough"]) == 0
    assert (terraform / "done").read_text().endswith(f"this {identity}\n")
    assert main(["envs/us-west-2", "else"]) == 2
    assert main([]) == 2


class AnothersBucket:
    """S3 as it answers of a bucket that another account has."""

    def head_bucket(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")


@pytest.mark.usefixtures("aws")
def test_a_bucket_of_another_account_is_none_of_ours() -> None:
    stack = StackIdentity("easel", REGION, {"s3": AnothersBucket()})
    assert Finder(stack, StackTags.of("easel"))("aws_s3_bucket", {"bucket": "a-name"}) is None


@pytest.mark.parametrize(
    "state", [{}, {"resources": [instance("aws_iam_role", "x", status="tainted")]}]
)
def test_a_living_stack_is_not_taken_into_a_second_state(
    state: dict[str, Any],
    terraform: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (terraform / "state.json").write_text(json.dumps(state) if state else "")

    def stands(_: RootModule, stack: StackIdentity, __: object) -> None:
        raise StandsElsewhereError("bucket x", stack, "aws s3api ...")

    monkeypatch.setattr(environments, "importable", stands)
    status = environments._mend(RootModule(Path("envs/us-west-2")), [])
    # With an empty state there is nothing to mend, and nothing is asked.
    assert status == (ExitStatus.FAILED if state else ExitStatus.COMPLETED)
    assert ("bucket x is there" in capsys.readouterr().err) == bool(state)
    done = terraform / "done"
    assert "untaint" not in (done.read_text() if done.exists() else "")


def test_what_cannot_be_mended_names_the_way_by_hand(
    terraform: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (terraform / "state.json").write_text("no JSON")
    assert main(["envs/us-west-2"]) == 1
    assert "docs/troubleshooting.md" in capsys.readouterr().err
