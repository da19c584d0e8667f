"""Reads an environment's settings and outputs as `make plan` would: Terraform itself tells them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.terraform_config import TerraformConfigError, write_cli_config


def evaluate_variables(folder: Path, expression: str) -> Any:
    """Returns an expression over the variables of an environment.

    Args:
        folder: the root module; where Terraform was not initialised in it, it is.
        expression: such as `{ name = var.name }`; line ends in it count as blanks.

    Raises:
        TerraformError: Terraform does not tell; its own words are in the message.
    """
    with _plain_errors():
        return _initialised(folder).evaluate(" ".join(expression.split()))


def read_outputs(folder: Path) -> dict[str, Any]:
    """Returns the values of an environment's outputs by name; none before the first apply.

    Args:
        folder: the root module; where Terraform was not initialised in it, it is.

    Raises:
        TerraformError: the state cannot be read.
    """
    with _plain_errors():
        return _initialised(folder).outputs()


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except TerraformConfigError as error:
        raise TerraformError(str(error)) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise TerraformError(f"terraform cannot be run: {error}") from error


def _initialised(folder: Path) -> RootModule:
    root = RootModule(folder, _environment(folder))
    if not (folder / ".terraform").is_dir():
        root.initialise()
    return root


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "TF_CLI_CONFIG_FILE": str(write_cli_config(Path(".easel", "terraform-cli"))),
        # No zip of functions is needed to read settings: any file will do, where they name none.
        "TF_VAR_functions_package_path": str((folder / "versions.tf").resolve()),
    }
