"""Log groups that AWS makes again after a destroy go, or are taken over by the next apply."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from easel_deploy.environments import log_groups
from easel_deploy.environments.adopt import adopt
from easel_deploy.environments.api_reach import CLUSTER
from easel_deploy.environments.destroy import destroy
from easel_deploy.environments.log_groups import ACCESS, CONTROL_PLANE, INSIGHTS, STAGE
from tests.unit.stubbed_root import REGION, Managed, StubbedRoot

pytestmark = pytest.mark.unit

OF_CLUSTER = "/aws/eks/easel/cluster"
OF_PODS = "/aws/containerinsights/easel/application"
OF_API = "/aws/apigateway/easel/access"
EXECUTION = "API-Gateway-Execution-Logs_abc123/dev"
OF_OTHERS = {"/aws/eks/easel-two/cluster", "/aws/eks/easel/cluster-of-others"}
STATE: Managed = {
    CLUSTER: {},
    STAGE: {},
    CONTROL_PLANE: {"name": OF_CLUSTER},
    f'{INSIGHTS}["application"]': {"name": OF_PODS},
    ACCESS: {"name": OF_API},
    "module.api_fanout.aws_cloudwatch_log_group.execution": {"name": EXECUTION},
}


class ServiceThatLogs(StubbedRoot):
    """Terraform, and services that write once more after its destroy."""

    def __init__(self, managed: Managed, late: Callable[[], None]) -> None:
        super().__init__(managed)
        self._late = late

    def run(self, *arguments: str) -> None:
        super().run(*arguments)
        if arguments[0] == "destroy":
            self._late()


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(log_groups, "_WATCH_SECONDS", 0)
    with mock_aws():
        yield boto3.client("logs", region_name=REGION)


def make(logs: Any, *names: str) -> None:
    for name in names:
        logs.create_log_group(logGroupName=name)


def there(logs: Any) -> set[str]:
    return {one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]}


def make_cluster() -> None:
    boto3.client("eks", region_name=REGION).create_cluster(
        name="easel",
        roleArn="arn:aws:iam::123456789012:role/easel",
        resourcesVpcConfig={"subnetIds": []},
    )


def test_what_came_back_is_deleted_by_its_exact_name_and_said(
    logs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make(logs, *OF_OTHERS)
    back = (OF_CLUSTER, OF_PODS, OF_API, EXECUTION)
    destroy(ServiceThatLogs(STATE, lambda: make(logs, *back)), ["-auto-approve"])
    assert there(logs) == OF_OTHERS
    said = capsys.readouterr().out
    assert all(name in said for name in back)
    assert not any(name in said.replace(OF_CLUSTER, "") for name in OF_OTHERS)


def test_what_comes_back_some_seconds_later_is_deleted_too(
    logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] == 10:
            make(logs, OF_CLUSTER)

    monkeypatch.setattr(log_groups, "_WATCH_SECONDS", 20)
    monkeypatch.setattr(log_groups, "_POLL_SECONDS", 5)
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr(log_groups, "time", clock)
    destroy(StubbedRoot(STATE), ["-auto-approve"])
    assert now == [20]
    assert there(logs) == set()


def failing(
    monkeypatch: pytest.MonkeyPatch, operation: str, code: str, times: int
) -> list[dict[str, Any]]:
    """Makes AWS refuse an operation that often; returns what was asked of it."""
    asked: list[dict[str, Any]] = []
    through: Any = vars(BaseClient)["_make_api_call"]

    def call(client: Any, name: str, request: dict[str, Any]) -> Any:
        if name == operation:
            asked.append(request)
            if len(asked) <= times:
                raise ClientError({"Error": {"Code": code, "Message": "refused"}}, name)
        return through(client, name, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return asked


@pytest.mark.parametrize("code", ["OperationAbortedException", "ResourceNotFoundException"])
def test_a_group_that_cannot_be_deleted_just_now_is_tried_again(
    logs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    make(logs, OF_CLUSTER, OF_PODS)
    now = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda took: now.append(now.pop() + took)
    )
    monkeypatch.setattr(log_groups, "time", clock)
    monkeypatch.setattr(log_groups, "_WATCH_SECONDS", 5)
    asked = failing(monkeypatch, "DeleteLogGroup", code, times=1)
    assert destroy(StubbedRoot(STATE), ["-auto-approve"]) == 0
    assert [one["logGroupName"] for one in asked] == [OF_PODS, OF_CLUSTER, OF_PODS]
    assert there(logs) == set()
    said = capsys.readouterr().out
    assert said.count(OF_PODS) == said.count(OF_CLUSTER) == 1


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        ("DeleteLogGroup", "log groups that AWS made again"),
        ("DescribeLogGroups", "log groups that AWS made again"),
        ("DescribeVolumes", "kubernetes.io/cluster/easel"),
    ],
)
def test_what_cannot_be_looked_at_after_a_destroy_loses_no_summary(
    logs: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    operation: str,
    left: str,
) -> None:
    make(logs, OF_CLUSTER)
    failing(monkeypatch, operation, "AccessDeniedException", times=9)
    assert destroy(StubbedRoot(STATE), ["-auto-approve"]) == 1
    said = capsys.readouterr()
    assert "is destroyed. Kept:" in said.out
    assert "s3://my-models" in said.out
    assert "AccessDeniedException" in said.err
    assert left in said.err


def test_volumes_of_pods_are_named(logs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs
    tag = {"Key": "kubernetes.io/cluster/easel", "Value": "owned"}
    volume = boto3.client("ec2", region_name=REGION).create_volume(
        AvailabilityZone=f"{REGION}a",
        Size=1,
        TagSpecifications=[{"ResourceType": "volume", "Tags": [tag]}],
    )["VolumeId"]
    assert destroy(StubbedRoot(STATE), ["-auto-approve"]) == 0
    assert f"EBS volumes {volume}: " in capsys.readouterr().out


def test_names_that_begin_alike_are_others(logs: Any) -> None:
    make(logs, *OF_OTHERS)
    root = StubbedRoot()
    assert adopt(root) == []
    assert destroy(root, ["-auto-approve"]) == 0
    assert there(logs) == OF_OTHERS


def test_a_second_destroy_deletes_what_came_back_after_the_first(logs: Any) -> None:
    make(logs, OF_CLUSTER)
    destroy(StubbedRoot(), ["-auto-approve"])
    assert there(logs) == set()


def test_groups_of_an_add_on_that_is_left_out_are_the_users_own(logs: Any) -> None:
    make(logs, OF_CLUSTER, OF_PODS)
    root = StubbedRoot(
        {one: attributes for one, attributes in STATE.items() if not one.startswith(INSIGHTS)}
    )
    root.addons_left_out = ["amazon-cloudwatch-observability"]
    destroy(root, ["-auto-approve"])
    assert there(logs) == {OF_PODS}


def test_groups_of_an_add_on_that_was_applied_go_though_it_shall_be_left_out(logs: Any) -> None:
    make(logs, OF_PODS)
    root = StubbedRoot(STATE)
    root.addons_left_out = ["amazon-cloudwatch-observability"]
    destroy(root, ["-auto-approve"])
    assert there(logs) == set()


def test_a_cluster_that_stands_keeps_its_groups(logs: Any) -> None:
    make(logs, OF_CLUSTER)
    make_cluster()
    destroy(StubbedRoot(), ["-auto-approve"])
    assert there(logs) == {OF_CLUSTER}


def test_a_destroy_of_a_part_looks_for_no_groups(logs: Any) -> None:
    make(logs, OF_CLUSTER, OF_API)
    destroy(StubbedRoot(STATE), ["-auto-approve", f"-target={STAGE}"])
    assert there(logs) == {OF_CLUSTER, OF_API}


def test_nothing_is_said_where_nothing_came_back(
    logs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert logs
    destroy(StubbedRoot(STATE), ["-auto-approve"])
    assert "log group" not in capsys.readouterr().out


def test_the_next_apply_takes_over_what_came_back(logs: Any) -> None:
    make(logs, OF_CLUSTER, OF_PODS, OF_API, *OF_OTHERS)
    root = StubbedRoot({"module.vpc[0].aws_vpc.this": {}})
    assert set(adopt(root)) == {OF_CLUSTER, OF_PODS, OF_API}
    assert set(root.imported) == {CONTROL_PLANE, f'{INSIGHTS}["application"]', ACCESS}


def test_groups_of_a_cluster_in_the_state_are_left_to_terraform(logs: Any) -> None:
    make(logs, OF_CLUSTER, OF_API)
    assert adopt(StubbedRoot({CLUSTER: {}, STAGE: {}})) == []


def test_groups_in_the_state_are_not_imported_again(logs: Any) -> None:
    make(logs, OF_CLUSTER)
    assert adopt(StubbedRoot({CONTROL_PLANE: {"name": OF_CLUSTER}})) == []


def test_groups_of_another_states_cluster_are_not_taken_over(logs: Any) -> None:
    make(logs, OF_CLUSTER, OF_PODS)
    make_cluster()
    assert adopt(StubbedRoot()) == []


def test_groups_of_an_add_on_that_is_left_out_have_no_address(logs: Any) -> None:
    make(logs, OF_CLUSTER, OF_PODS)
    root = StubbedRoot()
    root.addons_left_out = ["amazon-cloudwatch-observability"]
    assert adopt(root) == [OF_CLUSTER]
