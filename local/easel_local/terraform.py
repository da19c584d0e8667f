"""Runs Terraform on envs/local with its progress, its state outside the checkout's tree."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easel_cli.progress import Update
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.terraform_config import write_cli_config
from easel_local.paths import ENVIRONMENT

_GARBAGE_PERCENT = "400"
"""By how much Go's heap grows before garbage is collected, in % of what is in use (100 by default).

At 100, `terraform plan` of envs/local takes 8.2 s of CPU time, at 400 6.9 s; Terraform's
memory grows from about 600 to 690 MB.
"""


def stack_environment(
    home: Path, aws_environment: Mapping[str, str], variables: Mapping[str, Any]
) -> dict[str, str]:
    """Makes a whole environment in which `terraform` in envs/local finds one stack.

    The state, the provider links and the variables lie in a folder of the stack's own: the
    checkout stays clean, and two stacks do not meet.

    Args:
        home: that folder; made if missing.
        aws_environment: with AWS's endpoint, region and credentials.
        variables: of the root module.

    Raises:
        easel_deploy.terraform_config.TerraformConfigError: TF_PLUGIN_DIR leads nowhere.
    """
    home.mkdir(parents=True, exist_ok=True)
    state, variables_file = home / "terraform.tfstate", home / "variables.tfvars.json"
    variables_file.write_text(json.dumps(variables, indent=2))
    with_variables = shlex.join([f"-state={state}", f"-var-file={variables_file}"])
    return {
        "GOGC": _GARBAGE_PERCENT,
        **aws_environment,
        "TF_CLI_CONFIG_FILE": str(write_cli_config(home.parent / "terraform-cli")),
        "TF_DATA_DIR": str(home / "data"),
        "TF_IN_AUTOMATION": "1",
        "TF_CLI_ARGS_plan": with_variables,
        "TF_CLI_ARGS_apply": with_variables,
        "TF_CLI_ARGS_destroy": with_variables,
        "TF_CLI_ARGS_output": shlex.join([f"-state={state}"]),
    }


class Terraform:
    """Runs Terraform's commands in envs/local."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        """Prepares; runs nothing.

        Args:
            environment: of `stack_environment`.
            log: file that all output is added to.
        """
        self._root = RootModule(ENVIRONMENT, environment)
        self._log = log

    def init(self) -> None:
        """Installs the provider, from a mirror or the registry.

        Raises:
            TerraformError: it could not.
        """
        for _ in self._root.lines(
            self._log, "init", "-input=false", "-no-color", "-lockfile=readonly"
        ):
            pass

    def apply(self, update: Update) -> None:
        """Creates everything.

        Args:
            update: told how many resources are done.

        Raises:
            TerraformError: with Terraform's diagnostics.
        """
        done, total = 0, 0
        problems: list[str] = []
        try:
            for line in self._root.lines(
                self._log, "apply", "-json", "-auto-approve", "-input=false"
            ):
                event = _event(line)
                if event.get("type") == "change_summary" and not total:
                    total = int(event["changes"]["add"])
                elif _is_created(event):
                    done += 1
                    update(f"{done} of {total} resources")
                elif event.get("type") == "diagnostic" and event.get("@level") == "error":
                    problems.append(_problem(event["diagnostic"]))
        except TerraformError as error:
            raise TerraformError("\n".join(problems) or str(error)) from error

    def outputs(self) -> dict[str, Any]:
        """The root module's outputs as `terraform output -json` prints them."""
        text = "".join(self._root.lines(self._log, "output", "-json"))
        outputs: dict[str, Any] = json.loads(text)
        return outputs


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _is_created(event: Mapping[str, Any]) -> bool:
    # Data sources that are read during the apply "complete" too; the plan does not count them.
    return event.get("type") == "apply_complete" and event["hook"]["action"] == "create"


def _problem(diagnostic: Mapping[str, Any]) -> str:
    where = diagnostic.get("address", "")
    parts = [diagnostic.get("summary", ""), diagnostic.get("detail", "")]
    return f"{where}: {' - '.join(part for part in parts if part)}".removeprefix(": ")
