"""docs/deployer-policy.json, asked as AWS asks it about what an apply and a destroy have called."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator

from easel_local.emulator.call_log import Call
from tests.integration.estate_permissions import Permissions, Question

POLICY = Path(__file__).resolve().parents[2] / "docs" / "deployer-policy.json"
MOST_CHARACTERS = 6144
"""Of a managed policy, white space apart:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

_KEYS = {"aws:ResourceTag/ManagedBy": "easel"}
"""The provider's default tags; the document allows the use of tagged keys only."""

# ministack's names for what AWS's service authorization reference names otherwise.
_NAMED_OTHERWISE = (
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html:
    # a rule of the default bus has no bus in its ARN, and targets are the rule's.
    (re.compile(r":rule/default/"), ":rule/"),
    (re.compile(r":event-bus/default$"), ":rule/easel-any"),
)

NOT_CALLED_HERE = {
    "a later apply changes, or a destroy goes on after a fault": {
        "ec2:*SecurityGroup",
        "ec2:DeleteNetworkInterface",
        "ec2:DisassociateAddress",
        "ec2:ModifyLaunchTemplate",
        "ec2:ModifySubnetAttribute",
        "ec2:ModifyVpcEndpoint",
        "eks:*AccessPolicy",
        "eks:*ClusterConfig",
        "eks:*ClusterVersion",
        "eks:*NodegroupConfig",
        "eks:*NodegroupVersion",
        "eks:DescribeClusterVersions",
        "eks:DescribeUpdate",
        "eks:List*",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicyVersion",
        "iam:DeleteInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "kms:PutKeyPolicy",
        "kms:Update*",
        "kms:UpdateAlias",
        "lambda:PutFunctionConcurrency",
        "sqs:GetQueueUrl",
    },
    "AWS asks for these beside the call that makes something, ministack does not": {
        "cloudwatch:*agResource",
        "dynamodb:*agResource",
        "ec2:RunInstances",
        "eks:*Resource",
        "events:*agResource",
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
        "iam:TagPolicy",
        "iam:UntagPolicy",
        "iam:UntagRole",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:UntagResource",
        "logs:*LogDelivery",
        "logs:*ResourcePolic*",
        "logs:*agLogGroup",
        "logs:*agResource",
        "logs:AssociateKmsKey",
        "logs:ListLogDeliveries",
        "secretsmanager:*agResource",
        "sns:*agResource",
        "sqs:*agQueue",
    },
    "charts come from the account's ECR where mirror_prefix says so": {
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
    },
}
"""What the document allows and no call of the tests' applies and destroys needs, and why."""


def policy() -> dict[str, Any]:
    """The document as it is committed, for the partition `aws`."""
    document: dict[str, Any] = json.loads(POLICY.read_text())
    return document


def refused(calls: Iterable[Call]) -> list[str]:
    """Calls that the policy does not allow, as `action resource`.

    Where ministack does not know a call's resource, the action alone is asked about.
    """
    permissions = Permissions([policy()])
    return sorted(
        f"{call.action} {call.resource}" for call in calls if not _allows(permissions, call)
    )


def not_called(calls: Iterable[Call]) -> set[str]:
    """Actions of the policy, with their asterisks, that none of the calls needs."""
    called = {call.action for call in calls}
    named: set[str] = set()
    for statement in policy()["Statement"]:
        actions = statement["Action"]
        named |= {actions} if isinstance(actions, str) else set(actions)
    return {
        one for one in named if not any(iam_evaluator.fnmatch_iam(action, one) for action in called)
    }


def _allows(permissions: Permissions, call: Call) -> bool:
    if call.resource == "*":
        return permissions.name(call.action)
    resource = call.resource
    for pattern, name in _NAMED_OTHERWISE:
        resource = pattern.sub(name, resource)
    return permissions.allow(Question(call.action, resource, _KEYS))
