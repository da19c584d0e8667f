"""Finds the environment that is looked at: its folder, its settings, its outputs."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easel_deploy.environments.variables import read_outputs
from easel_doctor.settings import read_settings
from easel_doctor.subject import Subject
from easel_snapshot.aws import Aws

_LOOPBACK = "127.0.0.1"


class UnknownEnvironmentError(Exception):
    """There is no such environment; the message says which there are."""


@dataclass(frozen=True)
class KnownOutputs:
    """Outputs of a stack that Terraform's state need not be asked for.

    Attributes:
        values: by name; `aws_endpoint_url` and `aws_credentials_file` lead to an emulator.
        file: that they are from.
    """

    values: Mapping[str, Any]
    file: Path


FindOutputs = Callable[[str | None, Path | None], KnownOutputs | None]
"""Takes a folder under envs/ and a file; gives None where Terraform's state has to be asked."""


def find_subject(
    env: str | None,
    environments: Path,
    outputs: Path | None = None,
    known: FindOutputs = lambda _, __: None,
) -> Subject:
    """Reads an environment's settings and outputs.

    Where the stack is on an emulator of this machine, this process's AWS is that emulator from
    then on.

    Args:
        env: folder under envs/ with a terraform.tfvars; None: that of the outputs' region.
        environments: folder of all.
        outputs: file with what `terraform output -json` printed.
        known: finds outputs without Terraform.

    Raises:
        UnknownEnvironmentError: there is no such folder.
        TerraformError: its settings or its state cannot be read.
    """
    found = known(env, outputs)
    name = env or str(found.values.get("region", "") if found else "")
    folder = environments / name
    if not (folder / "terraform.tfvars").is_file() or name in ("", ".", "local"):
        raise UnknownEnvironmentError(_unknown(name, environments))
    if found and found.values.get("aws_endpoint_url"):
        _lead_to_emulator(found.values)
        # Where `make apply LOCAL=1` works: its state is there, and no backend of a person's own.
        applied = found.file.parent / "envs" / name
        folder = applied if applied.is_dir() else folder
    settings = read_settings(folder)
    values = found.values if found else read_outputs(folder)
    return Subject(folder, settings, values, Aws(settings.region))


def _unknown(name: str, environments: Path) -> str:
    names = sorted(
        path.parent.name
        for path in environments.glob("*/terraform.tfvars")
        if path.parent.name != "local"
    )
    return (
        f"there is no environment {name or '(no name)'} in {environments}/; there are: "
        f"{', '.join(names)}: name one by --env. Another one: .venv/bin/easel env new us-west-2"
    )


def _lead_to_emulator(values: Mapping[str, Any]) -> None:
    # A person's own key, session or profile must not travel there.
    for variable in [one for one in os.environ if one.startswith("AWS_")]:
        del os.environ[variable]
    os.environ |= {
        "AWS_ENDPOINT_URL": str(values["aws_endpoint_url"]),
        "AWS_SHARED_CREDENTIALS_FILE": str(values.get("aws_credentials_file") or os.devnull),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for variable in ("NO_PROXY", "no_proxy"):
        there = os.environ.get(variable)
        os.environ[variable] = f"{there},{_LOOPBACK}" if there else _LOOPBACK
