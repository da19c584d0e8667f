"""What docs/deployer-policy.json is, and what it does not allow.

What an apply and a destroy need is asked in test_estate_destroyed.py.
"""

import pytest

from tests.integration.deployer_policy import MOST_CHARACTERS, POLICY, policy
from tests.integration.estate_permissions import Permissions, Question

pytestmark = pytest.mark.integration

ACCOUNT = "arn:aws:iam::123456789012"


def test_it_fits_into_a_managed_policy() -> None:
    assert 0 < len("".join(POLICY.read_text().split())) <= MOST_CHARACTERS


def test_it_speaks_of_one_partition_that_can_be_replaced() -> None:
    resources = [one["Resource"] for one in policy()["Statement"]]
    listed = [name for one in resources for name in (one if isinstance(one, list) else [one])]
    assert all(name == "*" or name.startswith("arn:aws:") for name in listed)


@pytest.mark.parametrize(
    ("action", "resource", "keys"),
    [
        ("iam:CreateRole", f"{ACCOUNT}:role/admin", {}),
        ("iam:PassRole", f"{ACCOUNT}:role/admin", {"iam:PassedToService": "ec2.amazonaws.com"}),
        ("iam:PassRole", f"{ACCOUNT}:role/easel-a", {"iam:PassedToService": "ecs.amazonaws.com"}),
        ("iam:CreateUser", f"{ACCOUNT}:user/easel-a", {}),
        ("iam:CreateAccessKey", f"{ACCOUNT}:user/easel-a", {}),
        ("kms:ScheduleKeyDeletion", "arn:aws:kms:us-east-1:123456789012:key/1", {}),
        ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/1", {}),
        ("s3:GetObject", "arn:aws:s3:::easel-outputs-123456789012-us-east-1/a.png", {}),
        ("s3:DeleteBucket", "arn:aws:s3:::of-others", {}),
        ("sqs:DeleteQueue", "arn:aws:sqs:us-east-1:123456789012:of-others", {}),
        ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/easel-records", {}),
        ("dynamodb:DeleteTable", "arn:aws:dynamodb:us-east-1:123456789012:table/others", {}),
        ("eks:DeleteCluster", "arn:aws:eks:us-east-1:123456789012:cluster/of-others", {}),
        ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:others", {}),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:1:secret:easel-a", {}),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" in value else "",
)
def test_it_does_not_allow(action: str, resource: str, keys: dict[str, str | list[str]]) -> None:
    assert not Permissions([policy()]).allow(Question(action, resource, keys))


def test_it_allows_the_same_to_the_stacks_own() -> None:
    permissions = Permissions([policy()])
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    tagged: dict[str, str | list[str]] = {"aws:ResourceTag/ManagedBy": "easel"}
    passed: dict[str, str | list[str]] = {"iam:PassedToService": "ec2.amazonaws.com.cn"}
    assert permissions.allow(Question("iam:CreateRole", f"{ACCOUNT}:role/easel-a"))
    assert permissions.allow(Question("iam:PassRole", f"{ACCOUNT}:role/easel-a", passed))
    assert permissions.allow(Question("kms:ScheduleKeyDeletion", key, tagged))
    queue = "arn:aws:sqs:us-east-1:123456789012:easel-sdruntime"
    assert permissions.allow(Question("sqs:DeleteQueue", queue))
