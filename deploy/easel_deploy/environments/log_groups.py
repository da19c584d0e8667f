"""Log groups that a service makes again after Terraform has deleted them.

EKS writes the last lines of a control plane when it is already gone, with a role of its own that
may make log groups (terraform-aws-eks issues 2446 and 2763); Fluent Bit and API Gateway have their
last lines to write, too. Such a group is not encrypted and is kept for ever, and the next apply
fails at it: ResourceAlreadyExistsException. The function's role and that of the flow logs may not
make log groups, so those two never come back.
"""

import time
from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from easel_deploy.environments.api_reach import CLUSTER
from easel_deploy.environments.retained import Import, Managed
from easel_deploy.environments.root_module import RootModule
from easel_deploy.environments.stack import StackIdentity

STAGE = "module.api_fanout.aws_api_gateway_stage.this"
ACCESS = "module.api_fanout.aws_cloudwatch_log_group.access"
CONTROL_PLANE = "module.eks_karpenter.aws_cloudwatch_log_group.cluster"
INSIGHTS = "module.eks_karpenter.aws_cloudwatch_log_group.insights"

_TYPE = "aws_cloudwatch_log_group."
_KINDS = ("application", "dataplane", "host", "performance")
_ADDON = "amazon-cloudwatch-observability"
_WATCH_SECONDS = 20.0
_POLL_SECONDS = 5.0
_PASSING = frozenset({"OperationAbortedException", "ResourceNotFoundException"})
"""Another change of the group is under way; it went since it was listed."""


def importable_log_groups(root: RootModule, stack: StackIdentity, managed: Managed) -> list[Import]:
    """Returns the groups that came back after a destroy, and that the next apply would make.

    Args:
        root: the environment.
        stack: the stack.
        managed: what its state has.

    Raises:
        TerraformError: the variables cannot be read.
        botocore.exceptions.ClientError: log groups or the cluster cannot be read.
    """
    wanted: dict[str, str] = {}
    if CLUSTER not in managed:
        wanted |= _of_cluster(stack)
    if STAGE not in managed:
        wanted[ACCESS] = f"/aws/apigateway/{stack.name}/access"  # as modules/api-fanout/main.tf
    there = _existing(stack, (name for address, name in wanted.items() if address not in managed))
    found = [Import(address, name) for address, name in wanted.items() if name in there]
    found = [one for one in found if one.address not in managed]
    of_addon = [one for one in found if one.address.startswith(INSIGHTS)]
    if of_addon and _is_addon_left_out(root):
        found = [one for one in found if one not in of_addon]
    # Those of a cluster that stands are another state's: Terraform will say so.
    of_cluster = [one for one in found if one.address != ACCESS]
    if of_cluster and _cluster_stands(stack):
        found = [one for one in found if one not in of_cluster]
    return found


def names(root: RootModule, stack: StackIdentity, managed: Managed) -> set[str]:
    """Returns the groups that a destroy deletes, and those that an earlier one may have left.

    Raises:
        TerraformError: the variables cannot be read.
    """
    of_state = {str(one["name"]) for address, one in managed.items() if _TYPE in address}
    left = _of_cluster(stack)
    if _is_addon_left_out(root):
        # Who installs the add-on by hand has groups of these names.
        left = {one: name for one, name in left.items() if not one.startswith(INSIGHTS)}
    return of_state | set(left.values())


def delete_returned(stack: StackIdentity, candidates: set[str], before: Managed) -> Iterator[str]:
    """Deletes the groups that came back after `terraform destroy`.

    Looks for some seconds, as the last lines come late. What comes later still is taken over by the
    next apply, or deleted by the same destroy once more.

    Args:
        stack: the stack.
        candidates: of `names`, before the destroy.
        before: what the state had before the destroy.

    Yields:
        The name of each that was deleted, at once.

    Raises:
        botocore.exceptions.ClientError: log groups cannot be read or deleted.
    """
    gone = candidates
    if _cluster_stands(stack):
        gone = candidates - set(_of_cluster(stack).values())
    until = time.monotonic() + (_WATCH_SECONDS if CONTROL_PLANE in before else 0)
    while True:
        for name in sorted(_existing(stack, gone)):
            if _delete(stack, name):
                yield name
        if time.monotonic() >= until:
            return
        time.sleep(_POLL_SECONDS)


def _delete(stack: StackIdentity, name: str) -> bool:
    """Tries to; the next look tries again where AWS is at work on the group itself."""
    try:
        stack.client("logs").delete_log_group(logGroupName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _PASSING:
            return False
        raise
    return True


def _is_addon_left_out(root: RootModule) -> bool:
    return _ADDON in root.evaluate("var.addons_left_out")


def _of_cluster(stack: StackIdentity) -> dict[str, str]:
    # As modules/eks-karpenter/logs.tf has them.
    insights = {
        f'{INSIGHTS}["{kind}"]': f"/aws/containerinsights/{stack.name}/{kind}" for kind in _KINDS
    }
    return {CONTROL_PLANE: f"/aws/eks/{stack.name}/cluster"} | insights


def _existing(stack: StackIdentity, names: Iterable[str]) -> set[str]:
    logs = stack.client("logs")
    found: set[str] = set()
    for name in names:
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        if any(one["logGroupName"] == name for page in pages for one in page["logGroups"]):
            found.add(name)
    return found


def _cluster_stands(stack: StackIdentity) -> bool:
    try:
        stack.client("eks").describe_cluster(name=stack.name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return True
