"""Takes over, before an apply, what an earlier destroy has kept or left behind."""

import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.environments.log_groups import importable_log_groups
from easel_deploy.environments.retained import Import, Managed
from easel_deploy.environments.retained_log_role import importable_log_role
from easel_deploy.environments.retained_models import importable_models
from easel_deploy.environments.retained_outputs import free_alias, importable_outputs
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError
from easel_deploy.exit_status import ExitStatus


def adopt(root: RootModule) -> list[str]:
    """Imports what the state does not have and the apply would fail at, or make a second time.

    Args:
        root: the environment.

    Returns:
        What was imported.

    Raises:
        TerraformError: an import failed.
        StandsElsewhereError: a stack of this name stands, and its state is elsewhere.
        botocore.exceptions.ClientError: something cannot be looked at.
    """
    managed, stack = root.managed(), StackIdentity.of(root)
    imports = importable(root, stack, managed)
    free_alias(stack, managed)
    for one in imports:
        root.run("import", "-input=false", one.address, one.identity)
    for one in imports:
        if one.thing:
            one.thing.unmark()
    return [one.identity for one in imports]


def importable(root: RootModule, stack: StackIdentity, managed: Managed) -> list[Import]:
    """Returns what `adopt` would import, and changes nothing.

    Args:
        root: the environment.
        stack: its stack.
        managed: what its state has.

    Raises:
        TerraformError: the variables cannot be read.
        StandsElsewhereError: a stack of this name stands, and its state is elsewhere.
        botocore.exceptions.ClientError: something cannot be looked at.
    """
    # Role, models and outputs refuse what is not ours.
    models = importable_models(root, stack, managed)
    role, outputs = importable_log_role(stack, managed), importable_outputs(stack, managed)
    # The bucket comes last, and loses its mark last: until then it says that the rest is ours.
    return [*importable_log_groups(root, stack, managed), *role, *models, *outputs]


def take_over(root: RootModule) -> ExitStatus:
    """Adopts, and prints what was taken over, or why not.

    Args:
        root: the environment, after `terraform init`.

    Returns:
        COMPLETED or FAILED.
    """
    try:
        adopted = adopt(root)
    except (TerraformError, StandsElsewhereError, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"easel: {error}\n")
        return ExitStatus.FAILED
    if adopted:
        sys.stdout.write(f"easel: taken over from an earlier stack: {', '.join(adopted)}\n")
    return ExitStatus.COMPLETED


def main(arguments: list[str]) -> int:
    """Runs `python -m easel_deploy.environments.adopt FOLDER`: this step of an apply alone.

    Returns:
        0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m easel_deploy.environments.adopt envs/REGION\n")
        return ExitStatus.USAGE
    try:
        return take_over(RootModule(Path(arguments[0])))
    except KeyboardInterrupt:
        sys.stderr.write("easel: interrupted: nothing is applied.\n")
        return ExitStatus.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
