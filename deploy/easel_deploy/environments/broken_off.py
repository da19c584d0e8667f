"""Mends what an interrupted apply has left, before the next one.

At an interrupt Terraform has its provider cut off the calls that are under way. Of a call that AWS
had carried out already, Terraform does not hear: the resource is there and not in the state, and
the next apply fails at its name. Of a resource that was made by several calls, Terraform marks the
rest as not done ("tainted"), and would make the resource anew, although all that is left is a
change in place.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.plain_text import printable_lines
from easel_deploy.environments.named_things import Finder, StackTags
from easel_deploy.environments.retained import Import
from easel_deploy.environments.root_module import RootModule, TerraformError, address_of
from easel_deploy.environments.stack import StackIdentity
from easel_deploy.exit_status import ExitStatus

_CHANGED_IN_PLACE = frozenset(
    {
        "aws_api_gateway_method",
        "aws_api_gateway_resource",
        "aws_api_gateway_rest_api",
        "aws_cloudwatch_event_rule",
        "aws_cloudwatch_log_group",
        "aws_dynamodb_table",
        "aws_internet_gateway",
        "aws_iam_policy",
        "aws_iam_role",
        "aws_kms_alias",
        "aws_kms_key",
        "aws_lambda_function",
        "aws_launch_template",
        "aws_route_table",
        "aws_s3_bucket",
        "aws_secretsmanager_secret",
        "aws_security_group",
        "aws_sns_topic",
        "aws_sqs_queue",
        "aws_subnet",
        "aws_vpc",
    }
)
"""Types of which one call makes a resource that works, and later calls only set what can be set at
any time. What starts something, a cluster, nodes, an add-on, may have failed: it is made anew."""

THOROUGH = "thorough"
_OF_A_WHOLE_STACK = frozenset({"endpoint", "runtimes"})
"""Outputs that a state has once a first apply has ended: of the API and of the runtimes."""


def mend(root: RootModule, *, is_thorough: bool = False) -> list[str]:
    """Mends a state whose apply broke off; does nothing to any other.

    Args:
        root: the environment, after `terraform init`.
        is_thorough: whether AWS is asked for what the state does not have also where the state
            looks like that of a whole stack. That takes a plan more.

    Returns:
        A sentence for each thing that was mended.

    Raises:
        TerraformError: Terraform failed.
        botocore.exceptions.ClientError: something cannot be looked at.
    """
    state = root.state()
    said = []
    for address in tainted(state):
        root.run("untaint", address)
        said.append(f"{address} is there, and is completed in place")
    looks_whole = state.get("outputs", {}).keys() >= _OF_A_WHOLE_STACK
    if state.get("resources") and (is_thorough or not looks_whole):
        for one in _orphans(root):
            root.run("import", "-input=false", one.address, one.identity)
            said.append(f"{one.address} was made as {one.identity}, and is taken into the state")
    return said


def tainted(state: Mapping[str, Any]) -> list[str]:
    """Returns the addresses of what is half made and can be completed in place.

    Args:
        state: as `terraform state pull` prints it.
    """
    return [
        address_of(block, instance)
        for block in state.get("resources", ())
        if block["mode"] == "managed" and block["type"] in _CHANGED_IN_PLACE
        for instance in block["instances"]
        if instance.get("status") == "tainted" and "deposed" not in instance
    ]


def print_mended(root: RootModule, *, is_thorough: bool = False) -> None:
    """Mends as `mend` does, and says what was done.

    Raises:
        TerraformError: it could not be done; the message says how to go on without.
    """
    try:
        said = mend(root, is_thorough=is_thorough)
    except (TerraformError, ClientError, BotoCoreError) as error:
        raise TerraformError(
            f"what an interrupted apply has left could not be mended: {error}\n"
            "docs/troubleshooting.md has the way by hand, under `already exists`"
        ) from error
    if said:
        lines = "".join(f"  {one}\n" for one in said)
        sys.stderr.write(printable_lines(f"easel: an earlier apply broke off:\n{lines}"))


def main(arguments: list[str]) -> int:
    """Runs `python -m easel_deploy.environments.broken_off FOLDER [thorough]`: this step alone.

    Returns:
        0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """
    folder, *more = [*arguments, ""][: max(1, len(arguments))]
    if not folder or more not in ([], [THOROUGH]):
        usage = "python -m easel_deploy.environments.broken_off envs/REGION [thorough]"
        sys.stderr.write(f"usage: {usage}\n")
        return ExitStatus.USAGE
    try:
        print_mended(RootModule(Path(folder)), is_thorough=bool(more))
    except TerraformError as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return ExitStatus.FAILED
    except KeyboardInterrupt:
        sys.stderr.write("easel: interrupted\n")
        return ExitStatus.INTERRUPTED
    return ExitStatus.COMPLETED


def _orphans(root: RootModule) -> Iterator[Import]:
    """Yields what the next apply would make, and what is there as this stack's already."""
    stack = StackIdentity.of(root)
    find = Finder(stack, StackTags.of(stack.name))
    for change in _planned(root).get("resource_changes", ()):
        if change["change"]["actions"] != ["create"]:
            continue
        identity = find(change["type"], change["change"]["after"] or {})
        if identity is not None:
            yield Import(change["address"], identity)


def _planned(root: RootModule) -> dict[str, Any]:
    # A plan holds the values of secrets: `mkdtemp` makes a folder for its owner alone.
    with tempfile.TemporaryDirectory(prefix="easel-plan-") as folder:
        file = Path(folder, "plan")
        root.read("plan", "-input=false", "-refresh=false", f"-out={file}")
        plan: dict[str, Any] = json.loads(root.read("show", "-json", str(file)))
    return plan


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
