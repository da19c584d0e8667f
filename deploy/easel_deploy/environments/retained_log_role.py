"""Keeps API Gateway's log role when a stack is destroyed, where the account uses it.

API Gateway has one role for the logs of all its APIs in a region, and the stack that was applied
last has set its own. Were that one deleted, every other API of the account there would end to log,
without an error.
"""

from easel_deploy.environments.retained import Import, Managed, Retained
from easel_deploy.environments.retained_marks import RetainedRole
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError

ROLE = "module.api_fanout.aws_iam_role.api_logs"
POLICY = "module.api_fanout.aws_iam_role_policy_attachment.api_logs"


def retained_log_role(stack: StackIdentity, managed: Managed) -> Retained | None:
    """Returns the role that a destroy has to keep, or has kept; None where the account has another.

    The setting itself is no concern: to Terraform its destruction is to forget it.

    Raises:
        botocore.exceptions.ClientError: role or setting cannot be read.
    """
    role = _role(stack, managed)
    # The setting may name one that somebody has deleted.
    if role.arn() is None:
        return None
    if ROLE in managed:
        setting = stack.client("apigateway").get_account().get("cloudwatchRoleArn")
        if setting != managed[ROLE]["arn"]:
            return None
        addresses = tuple(one for one in (POLICY, ROLE) if one in managed)
        return Retained(addresses, (role,), _reason(stack, role))
    if not role.is_marked():
        return None
    return Retained((), (), _reason(stack, role))


def importable_log_role(stack: StackIdentity, managed: Managed) -> list[Import]:
    """Returns the role that a destroy has kept, where the state does not have it.

    Its policy is attached again, and the setting made again, by the apply: neither minds that it is
    there already.

    Raises:
        StandsElsewhereError: it is there, and no destroy has kept it.
        botocore.exceptions.ClientError: it cannot be read.
    """
    role = _role(stack, managed)
    if ROLE in managed or role.arn() is None:
        return []
    if not role.is_marked():
        raise StandsElsewhereError(f"IAM role {role.name}", stack, role.mark_command)
    return [Import(ROLE, role.name, role)]


def _role(stack: StackIdentity, managed: Managed) -> RetainedRole:
    # As modules/api-fanout/stage.tf has it.
    derived = f"{stack.name}-{stack.region}-api-logs"
    return RetainedRole(stack, str(managed[ROLE]["name"]) if ROLE in managed else derived)


def _reason(stack: StackIdentity, role: RetainedRole) -> str:
    return (
        f"IAM role {role.name}: API Gateway writes the logs of all APIs of the account in\n"
        f"    {stack.region} with it. It costs nothing; the next `make apply ENV={stack.region}` "
        "takes it over.\n"
        "    To remove it for good: set another role, or none, under API Gateway > Settings >\n"
        "    Logging in the console, then delete it."
    )
