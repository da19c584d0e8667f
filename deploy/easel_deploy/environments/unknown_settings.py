"""Refuses settings that no variable has.

Terraform drops an unknown key of an object without a word
(https://developer.hashicorp.com/terraform/language/expressions/type-constraints#conversion-of-complex-types):
of `runtimes = { sd = { max_replica = 5 } }` nothing would be heard again. What Terraform has made
of the files is compared with what is in them, so that types are Terraform's affair alone.
"""

import difflib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from easel_contract.plain_text import printable, printable_lines
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.exit_status import ExitStatus

_VARIABLE = re.compile(r'^variable "([A-Za-z_][\w-]*)"', re.MULTILINE)
# Terraform's own functions, which are in its program: nothing is fetched.
# https://developer.hashicorp.com/terraform/language/functions/terraform-decode_tfvars
_DECODER = """
terraform {
  required_providers {
    terraform = { source = "terraform.io/builtin/terraform" }
  }
}
"""
_JSON_COMMENT = "//"


def unknown_settings(root: RootModule) -> list[str]:
    """Returns a sentence for each setting in the environment's files that no variable has.

    Args:
        root: the environment, after `terraform init`.

    Raises:
        TerraformError: a file cannot be read, or its values are refused; a plan says why.
    """
    given, files = _given(root.folder)
    code = "".join(file.read_text() for file in root.folder.glob("*.tf"))
    declared = _VARIABLE.findall(code)
    known = [name for name in given if name in declared]
    made = root.evaluate("{" + ", ".join(f"{name} = var.{name}" for name in known) + "}")
    made |= {name: None for name in declared if name not in made}
    return [
        f"{files[path[0]]}: {_shown(path)} is no setting{_guess(path[-1], keys)}"
        for path, keys in _unknown(given, made, ())
    ]


def _given(folder: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Values of the files that Terraform reads of itself, by variable, and where each is from.

    In the order of https://developer.hashicorp.com/terraform/language/values/variables, where the
    last one counts.
    """
    names = ("terraform.tfvars", "terraform.tfvars.json")
    files = [folder / name for name in names if (folder / name).is_file()]
    files += sorted([*folder.glob("*.auto.tfvars"), *folder.glob("*.auto.tfvars.json")])
    given: dict[str, Any] = {}
    places: dict[str, Path] = {}
    for file in files:
        values = _decoded(file)
        values.pop(_JSON_COMMENT, None)
        given |= values
        places |= dict.fromkeys(values, file)
    return given, places


def _decoded(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text()
        values = json.loads(text) if file.suffix == ".json" else _decoded_by_terraform(text)
    except (OSError, ValueError) as error:
        raise TerraformError(f"{file} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise TerraformError(f"{file} holds no settings")
    return values


def _decoded_by_terraform(text: str) -> Any:
    # Of the caller's folder and plans (TF_DATA_DIR, TF_CLI_ARGS) this one must know nothing.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TF_") or name == "TF_CLI_CONFIG_FILE"
    }
    with tempfile.TemporaryDirectory(prefix="easel-") as folder:
        Path(folder, "main.tf").write_text(_DECODER)
        Path(folder, "given.tfvars").write_text(text)
        decoder = RootModule(Path(folder), environment)
        decoder.initialise()
        return decoder.evaluate('provider::terraform::decode_tfvars(file("given.tfvars"))')


def _unknown(
    given: Any, made: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yields the path of each key that Terraform has dropped, and the keys that there are."""
    if isinstance(given, dict) and isinstance(made, dict):
        for key, value in given.items():
            if key in made:
                yield from _unknown(value, made[key], (*path, key))
            else:
                yield (*path, key), list(made)
    # Of a set the order is another, but the keys of its objects are the same.
    elif isinstance(given, list) and isinstance(made, list) and len(given) == len(made):
        for number, (one, other) in enumerate(zip(given, made, strict=True)):
            yield from _unknown(one, other, (*path, str(number)))


def _shown(path: tuple[str, ...]) -> str:
    return printable(".".join(path))


def _guess(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f": is {close[0]} meant?"
    return f"; there are {', '.join(sorted(known))}" if known else ""


def refuse_unknown(root: RootModule) -> ExitStatus:
    """Looks before Terraform does; where Terraform refuses a value, it says so a moment later.

    Args:
        root: the environment, after `terraform init`.

    Returns:
        USAGE where a setting is unknown; which, is printed.
    """
    try:
        unknown = unknown_settings(root)
    except TerraformError:
        return ExitStatus.COMPLETED
    if not unknown:
        return ExitStatus.COMPLETED
    listed = "\n".join(f"  - {one}" for one in unknown)
    sys.stderr.write(
        printable_lines(f"easel: Terraform would drop these without a word:\n{listed}\n")
    )
    return ExitStatus.USAGE
