"""Destroys a stack, but for the pictures and what others may need.

`python -m easel_deploy.environments.destroy envs/us-east-1` is what `make destroy` runs.
"""

import os
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.environments import log_groups
from easel_deploy.environments.look_first import look_first
from easel_deploy.environments.retained import Managed, Retained
from easel_deploy.environments.retained_log_role import retained_log_role
from easel_deploy.environments.retained_models import BUCKET as MODEL_BUCKET
from easel_deploy.environments.retained_models import retained_models
from easel_deploy.environments.retained_outputs import retained_outputs
from easel_deploy.environments.retained_volumes import retained_volumes
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError
from easel_deploy.environments.terraform_options import AUTO_APPROVE, is_approved, is_targeted
from easel_deploy.exit_status import ExitStatus

EMULATED_VARIABLE = "EASEL_EMULATED"
"""Set where AWS is an emulator that ends with the stack: nothing of it is kept."""


def destroy(root: RootModule, options: list[str]) -> int:
    """Destroys what Terraform has made, after a question; says what it kept and why.

    Args:
        root: the environment.
        options: further arguments of `terraform destroy`; -auto-approve leaves the question out.

    Returns:
        0, 1 where all is destroyed and what is left cannot be looked at, or 3 where the answer was
        no.

    Raises:
        TerraformError: Terraform failed.
        StandsElsewhereError: a stack of this name stands, and its state is elsewhere.
        botocore.exceptions.ClientError: what may have to be kept cannot be read or marked.
    """
    stack, before = StackIdentity.of(root), root.managed()
    if is_targeted(options):
        return _destroy_part(root, stack, before, options)
    return _destroy_whole(root, stack, before, options)


def _destroy_part(
    root: RootModule, stack: StackIdentity, before: Managed, options: list[str]
) -> int:
    """Leaves all else as it is: the stack lives, and its bucket is no kept one."""
    sys.stdout.write(
        f"easel: this destroys a part of stack {stack.name} in {stack.region}: what -target names "
        "and what needs it.\n  Nothing of it is kept.\n"
    )
    look_first(stack, before, whole=False)
    if not _agreed(stack, options):
        return ExitStatus.REFUSED
    _run_destroy(root, options)
    sys.stdout.write(
        f"easel: what -target names is destroyed; the rest of stack {stack.name} in "
        f"{stack.region} stands.\n"
    )
    return 0


def _destroy_whole(
    root: RootModule, stack: StackIdentity, before: Managed, options: list[str]
) -> int:
    outputs, models = retained_outputs(stack, before), retained_models(stack, before)
    kept = [one for one in (outputs, models, retained_log_role(stack, before)) if one]
    reasons = [one.reason for one in kept]
    if models is None and MODEL_BUCKET not in before:
        reasons.append(_models_of_others(root))
    candidates = log_groups.names(root, stack, before)
    sys.stdout.write(
        f"easel: this destroys stack {stack.name} in {stack.region}: {len(before)} resources in "
        "Terraform's state, and all nodes of its cluster.\n"
    )
    look_first(stack, before, whole=True)
    if not _agreed(stack, options):
        return ExitStatus.REFUSED
    _take_out(root, kept)
    _run_destroy(root, options)
    # Before anything else is looked at, as that may fail.
    sys.stdout.write(_summary(stack, reasons))
    swept = [_say_volumes(stack), _sweep_log_groups(stack, candidates, before)]
    return 0 if all(swept) else 1


def _take_out(root: RootModule, kept: list[Retained]) -> None:
    """Marks what is kept, then takes it out of the state: the next apply takes only the marked."""
    for one in kept:
        for thing in one.things:
            thing.mark()
    addresses = [address for one in kept for address in one.addresses]
    if addresses:
        root.run("state", "rm", *addresses)


def _agreed(stack: StackIdentity, options: list[str]) -> bool:
    if is_approved(options):
        return True
    sys.stdout.write(f"Type its name, {stack.name}, to go on: ")
    sys.stdout.flush()
    if sys.stdin.readline().strip() == stack.name:
        return True
    sys.stdout.write("easel: nothing is destroyed.\n")
    return False


def _run_destroy(root: RootModule, options: list[str]) -> None:
    plain = () if sys.stdout.isatty() else ("-no-color",)
    others = [one for one in options if one != AUTO_APPROVE]
    root.run("destroy", *plain, *others, AUTO_APPROVE)


def _models_of_others(root: RootModule) -> str:
    # There is no output before the first apply, or after half of a destroy.
    bucket = root.outputs().get("model_bucket")
    models = f"s3://{bucket}" if bucket else "the model bucket"
    return f"{models}: the models are yours; the stack only read them."


def _summary(stack: StackIdentity, reasons: list[str]) -> str:
    if os.environ.get(EMULATED_VARIABLE):
        return f"easel: stack {stack.name} in {stack.region} is destroyed.\n"
    kept = [
        *reasons,
        "images in ECR and EBS snapshots: made by you, for the next stack, too.",
    ]
    lines = [f"easel: stack {stack.name} in {stack.region} is destroyed. Kept:"]
    return "\n".join([*lines, *(f"  - {one}" for one in kept)]) + "\n"


def _say_volumes(stack: StackIdentity) -> bool:
    """Names the volumes that stay; returns whether they could be looked at."""
    try:
        volumes = retained_volumes(stack)
    except (ClientError, BotoCoreError) as error:
        sys.stderr.write(
            f"easel: {error}\neasel: EBS volumes that pods have made may be left, and cost money: "
            f"look for those\n  with the tag kubernetes.io/cluster/{stack.name}.\n"
        )
        return False
    if volumes and not os.environ.get(EMULATED_VARIABLE):
        sys.stdout.write(
            f"  - EBS volumes {', '.join(volumes)}: pods have made them; their data may matter, "
            "and\n    they cost money: "
            f"aws ec2 delete-volume --region {stack.region} --volume-id <id>\n"
        )
    return True


def _sweep_log_groups(stack: StackIdentity, candidates: set[str], before: Managed) -> bool:
    """Deletes what came back; returns whether it could be looked at."""
    sys.stdout.flush()  # It takes a while.
    try:
        for name in log_groups.delete_returned(stack, candidates, before):
            sys.stdout.write(
                f"easel: log group {name}, which AWS made again behind Terraform, is deleted.\n"
            )
    except (ClientError, BotoCoreError) as error:
        sys.stderr.write(
            f"easel: {error}\neasel: log groups that AWS made again may be left: run the same "
            "again, it deletes them.\n"
        )
        return False
    return True


def main(arguments: list[str]) -> int:
    """Runs the command.

    Returns:
        0 destroyed, 1 failed, 2 wrong usage, 3 not agreed to, 130 interrupted.
    """
    if not arguments or not (Path(arguments[0]) / "terraform.tfvars").is_file():
        sys.stderr.write(
            "usage: python -m easel_deploy.environments.destroy envs/REGION [terraform options]\n"
        )
        return 2
    try:
        return destroy(RootModule(Path(arguments[0])), arguments[1:])
    except StandsElsewhereError as error:
        sys.stderr.write(f"easel: {error}\neasel: nothing is destroyed.\n")
        return 1
    except (TerraformError, ClientError, BotoCoreError) as error:
        sys.stderr.write(
            f"easel: {error}\n"
            "easel: not all is destroyed: mend what is named above and run the same again.\n"
        )
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            "easel: interrupted: what is not destroyed stands; run the same again to go on.\n"
        )
        return ExitStatus.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
