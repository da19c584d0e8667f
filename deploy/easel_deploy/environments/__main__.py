"""`python -m easel_deploy.environments VERB REGION [OPTIONS]`, which scripts/estate runs.

Works in the checkout's root folder, where envs/ is.
"""

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.plain_text import printable_lines
from easel_deploy.environments import destroy
from easel_deploy.environments.adopt import importable, take_over
from easel_deploy.environments.api_reach import refuse_unreachable
from easel_deploy.environments.broken_off import print_mended
from easel_deploy.environments.plan_note import print_note
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError
from easel_deploy.environments.terraform_options import is_saved_plan, refuse_variables
from easel_deploy.environments.unknown_settings import refuse_unknown
from easel_deploy.exit_status import ExitStatus
from easel_deploy.terraform_config import TerraformConfigError, write_cli_config

_ENVS = Path("envs")
_EMULATED = "local"
"""envs/local is for the emulator: `make up`. Its provider would not ask AWS who we are."""
_REGION = re.compile(r"[a-z0-9-]+")

Options = Sequence[str]


def _plan(root: RootModule, options: Options) -> int:
    root.initialise()
    refused = refuse_unknown(root)
    if refused:
        return refused
    print_note(root, options)
    return root.become("plan", *options)


def _apply(root: RootModule, options: Options) -> int:
    refused = refuse_variables(options)
    if refused:
        return refused
    root.initialise()
    try:
        refused = refuse_unknown(root) or refuse_unreachable(root, options) or take_over(root)
    except KeyboardInterrupt:
        sys.stderr.write("easel: interrupted: nothing is applied.\n")
        return ExitStatus.INTERRUPTED
    if refused:
        return refused
    if not is_saved_plan(options):
        print_mended(root)
    return root.become("apply", *options)


def _mend(root: RootModule, _: Options) -> int:
    root.initialise()
    if not root.state().get("resources"):
        return ExitStatus.COMPLETED
    try:
        # As an apply does first: a colleague's living stack must not come into a second state.
        importable(root, StackIdentity.of(root), root.managed())
    except (StandsElsewhereError, ClientError, BotoCoreError) as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return ExitStatus.FAILED
    print_mended(root, is_thorough=True)
    return ExitStatus.COMPLETED


def _output(root: RootModule, options: Options) -> int:
    root.initialise()
    return root.become("output", *options)


def _destroy(root: RootModule, options: Options) -> int:
    refused = refuse_variables(options)
    if refused:
        return refused
    root.initialise()
    return destroy.main([str(root.folder), *options])


def _validate(root: RootModule, _: Options) -> int:
    # A data folder of its own, as there may be no right to the backend.
    data = Path(".easel", "validate", root.folder.name).resolve()
    own = RootModule(root.folder, os.environ | {"TF_DATA_DIR": str(data)})
    own.initialise("-backend=false")
    return own.become("validate")


_VERBS: dict[str, Callable[[RootModule, Options], int]] = {
    "plan": _plan,
    "mend": _mend,
    "apply": _apply,
    "output": _output,
    "destroy": _destroy,
    "validate": _validate,
}


def main(arguments: list[str]) -> int:
    """Runs a verb; of plan, apply, output and validate Terraform itself takes the process over.

    Args:
        arguments: verb, region, Terraform's options.

    Returns:
        Terraform's status, or easel's own: 1 failed, 2 wrong usage or settings, 3 refused or not
        agreed to, 130 interrupted.
    """
    verb, region, *options = [*arguments, "", ""][: max(2, len(arguments))]
    settings = _ENVS / region / "terraform.tfvars"
    if not _REGION.fullmatch(region) or region == _EMULATED or not settings.is_file():
        sys.stderr.write(_no_region(verb))
        return ExitStatus.USAGE
    if verb not in _VERBS:
        known = "plan, mend, apply, output, destroy or validate"
        sys.stderr.write(printable_lines(f"easel: no verb '{verb}': {known}\n"))
        return ExitStatus.USAGE
    try:
        os.environ["TF_CLI_CONFIG_FILE"] = str(write_cli_config(Path(".easel", "terraform-cli")))
        return _VERBS[verb](RootModule(_ENVS / region), options)
    except (TerraformConfigError, TerraformError, OSError) as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return ExitStatus.FAILED
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED


def _no_region(verb: str) -> str:
    found = sorted(file.parent.name for file in _ENVS.glob("*/terraform.tfvars"))
    names = "".join(f" {name}" for name in found if name != _EMULATED)
    return printable_lines(
        "easel: ENV must name a folder of envs/ with a terraform.tfvars, such as: "
        f"make {verb} ENV=us-east-1\n"
        f"  there are:{names}\n"
        "  another region: .venv/bin/easel env new us-west-2\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
