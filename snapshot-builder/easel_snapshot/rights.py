"""Whether the caller may do what a build does, asked before anything is made.

EC2 answers a dry run; the rest is asked of IAM's simulator, which does not know every condition:
what it is not sure of, and what the caller may not ask it, is no refusal.
"""

from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from easel_snapshot.aws import Aws
from easel_snapshot.caller import Caller

_MAY = "DryRunOperation"
_MAY_NOT = "UnauthorizedOperation"

_ROLE = (
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "iam:PassRole",
    "iam:DeleteRolePolicy",
    "iam:DeleteRole",
)
_PROFILE = (
    "iam:CreateInstanceProfile",
    "iam:AddRoleToInstanceProfile",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:DeleteInstanceProfile",
)


def dry_run(action: str, call: Callable[..., object], **request: Any) -> str | None:
    """Asks EC2 whether it would do something.

    Args:
        action: as IAM calls it, for the message.
        call: method of the client.
        request: its arguments, without DryRun.

    Returns:
        what is wrong, or None.
    """
    try:
        call(DryRun=True, **request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == _MAY:
            return None
        if code == _MAY_NOT:
            return f"you may not {action}: the credentials in use need that right"
        return f"EC2 would refuse {action}: {error.response['Error'].get('Message', code)}"
    return None


def missing_rights(
    aws: Aws, caller: Caller, *, resource_name: str, makes_role: bool
) -> tuple[list[str], str | None]:
    """Asks IAM's simulator for what has no dry run.

    Args:
        aws: clients.
        caller: who is asked about.
        resource_name: name of role and instance profile, with its path.
        makes_role: whether the build makes them.

    Returns:
        what is missing, as sentences; and why nothing could be asked, or None.
    """
    principal = simulated_principal(aws, caller)
    if principal is None:
        return [], None
    iam, ec2 = f"arn:{caller.partition}:iam::{caller.account}", f"arn:{caller.partition}:ec2"
    place = f"{ec2}:{caller.region}:{caller.account}"
    groups: list[tuple[Iterable[str], str]] = [
        (("ec2:StopInstances", "ec2:TerminateInstances", "ssm:SendCommand"), f"{place}:instance/*"),
        (("ec2:CreateSnapshot",), f"{place}:volume/*"),
        (("ec2:CreateTags", "ec2:DeleteSnapshot"), f"{ec2}:{caller.region}::snapshot/*"),
        (("ssm:GetCommandInvocation", "ssm:DescribeInstanceInformation"), "*"),
    ]
    if makes_role:
        groups.append((_ROLE, f"{iam}:role{resource_name}"))
        groups.append((_PROFILE, f"{iam}:instance-profile{resource_name}"))
    missing = []
    for actions, resource in groups:
        try:
            missing += _denied(aws, principal, list(actions), resource)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return missing, f"IAM could not be asked for the caller's rights ({code})"
    return [f"you may not {one}: the credentials in use need that right" for one in missing], None


def _denied(aws: Aws, principal: str, actions: list[str], resource: str) -> list[str]:
    results = aws.iam.simulate_principal_policy(
        PolicySourceArn=principal, ActionNames=actions, ResourceArns=[resource]
    )["EvaluationResults"]
    return [
        f"{result['EvalActionName']} on {resource}"
        for result in results
        # A condition on what the simulator was not told is not known to fail.
        if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues")
    ]


def simulated_principal(aws: Aws, caller: Caller) -> str | None:
    """Returns the ARN that the simulator takes; None for the root, who may do everything.

    Args:
        aws: clients.
        caller: who is asked about.
    """
    resource = caller.arn.rpartition(":")[2]
    if resource == "root":
        return None
    if not resource.startswith("assumed-role/"):
        return caller.arn
    role = resource.split("/")[1]
    try:
        # A session's ARN leaves out the path of its role.
        return str(aws.iam.get_role(RoleName=role)["Role"]["Arn"])
    except ClientError:
        return f"arn:{caller.partition}:iam::{caller.account}:role/{role}"
