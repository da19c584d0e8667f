"""A destroy keeps the role that API Gateway logs with, if the account's setting names it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_deploy.environments import log_groups
from easel_deploy.environments.adopt import adopt
from easel_deploy.environments.destroy import destroy
from easel_deploy.environments.retained_log_role import POLICY, ROLE
from easel_deploy.environments.stack import StandsElsewhereError
from tests.unit.stubbed_root import REGION, Managed, StubbedRoot

pytestmark = pytest.mark.unit

NAME = "easel-us-east-1-api-logs"


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(log_groups, "_WATCH_SECONDS", 0)
    with mock_aws():
        yield boto3.client("iam", region_name=REGION)


@pytest.fixture
def role(iam: Any) -> Managed:
    """The state of a stack with its role, which the account's setting names."""
    made = iam.create_role(
        RoleName=NAME, AssumeRolePolicyDocument="{}", Tags=[{"Key": "Stack", "Value": "easel"}]
    )["Role"]
    use(made["Arn"])
    return {ROLE: {"name": NAME, "arn": made["Arn"]}, POLICY: {}}


def use(arn: str) -> None:
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}
    boto3.client("apigateway", region_name=REGION).update_account(patchOperations=[change])


def tags(iam: Any) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in iam.list_role_tags(RoleName=NAME)["Tags"]}


def test_the_accounts_role_leaves_the_state_with_its_policy(
    iam: Any, role: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    root = StubbedRoot(role)
    assert destroy(root, ["-auto-approve"]) == 0
    assert root.ran[0] == ("state", "rm", POLICY, ROLE)
    assert tags(iam) == {"Stack": "easel", "easel:kept": "true"}
    assert f"IAM role {NAME}" in capsys.readouterr().out


def test_a_role_that_another_stack_has_replaced_is_destroyed(
    iam: Any, role: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    use("arn:aws:iam::123456789012:role/of-another-stack")
    root = StubbedRoot(role)
    assert destroy(root, ["-auto-approve"]) == 0
    assert [ran[0] for ran in root.ran] == ["destroy"]
    assert tags(iam) == {"Stack": "easel"}
    assert NAME not in capsys.readouterr().out


def test_a_role_that_somebody_deleted_is_no_hindrance(
    iam: Any, role: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    iam.delete_role(RoleName=NAME)
    root = StubbedRoot(role)
    assert destroy(root, ["-auto-approve"]) == 0
    assert [ran[0] for ran in root.ran] == ["destroy"]
    assert NAME not in capsys.readouterr().out


def test_a_second_destroy_still_says_what_the_first_has_kept(
    role: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    destroy(StubbedRoot(role), ["-auto-approve"])
    capsys.readouterr()
    destroy(StubbedRoot(), ["-auto-approve"])
    assert f"IAM role {NAME}" in capsys.readouterr().out


def test_the_next_apply_takes_it_over_without_its_mark(iam: Any, role: Managed) -> None:
    destroy(StubbedRoot(role), ["-auto-approve"])
    root = StubbedRoot()
    assert adopt(root) == [NAME]
    assert root.imported == [ROLE]
    assert tags(iam) == {"Stack": "easel"}


@pytest.mark.usefixtures("role")
def test_a_role_that_no_destroy_has_kept_is_not_taken_over() -> None:
    root = StubbedRoot()
    with pytest.raises(StandsElsewhereError, match=f"tag-role --role-name {NAME}"):
        adopt(root)
    assert root.ran == []
