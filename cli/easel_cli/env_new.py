"""`easel env new us-west-2`: makes the folder of another region.

All regions link to the .tf files of envs/stack; a region is its terraform.tfvars. A new folder is
made from envs/us-east-1, or for AWS China from envs/cn-northwest-1, for the other region.
"""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import botocore.session
import typer

from easel_cli.copied_settings import for_region, regional_settings, values_files
from easel_deploy.command_line import complain
from easel_deploy.exit_status import ExitStatus
from easel_deploy.pins import KUBERNETES

ENVIRONMENTS = Path("envs")

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_CHINA = "cn-"
_COPIED = ("*.tf", ".terraform.lock.hcl", "backend.tf.example", "terraform.tfvars")
_SETTINGS = "terraform.tfvars"
_BACKEND_EXAMPLE = "backend.tf.example"


class EnvironmentRefusedError(Exception):
    """The folder cannot be made; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class EnvNewOptions:
    """Options of `easel env new`.

    Attributes:
        region: AWS region; also the folder's name.
        environments: folder of all environments.
    """

    region: Annotated[
        str, typer.Argument(help="AWS region, such as us-west-2; also the folder's name")
    ]
    environments: Annotated[Path, typer.Option(help="folder of all", metavar="FOLDER")] = (
        ENVIRONMENTS
    )


def env_new(options: EnvNewOptions) -> ExitStatus:
    """Makes the folder and says what to look at.

    Returns:
        COMPLETED, or USAGE where it is refused.
    """
    try:
        folder, source = new_environment(options.region, options.environments)
    except EnvironmentRefusedError as error:
        complain(str(error))
        return ExitStatus.USAGE
    sys.stdout.write(
        f"{folder} is made from {source}. Before `make plan ENV={options.region}`:\n"
        f"- look through {folder / _SETTINGS};\n"
        f"{_to_look_at(folder, source)}"
        "- nodes.instance_types: not every region has every GPU "
        f"(aws ec2 describe-instance-type-offerings --region {options.region});\n"
        f"- addon_versions: .venv/bin/easel eks addons --region {options.region} "
        f"--kubernetes-version {KUBERNETES} prints the region's;\n"
        "- images and models have to be in the region's own ECR and S3.\n"
    )
    if options.region not in known_regions():
        complain(f"note: EKS is not known to be in {options.region}: a slip?")
    return ExitStatus.COMPLETED


def new_environment(region: str, environments: Path) -> tuple[Path, Path]:
    """Makes the folder of a region.

    Args:
        region: AWS region.
        environments: the folder of all.

    Returns:
        The new folder, and the one that it was made from.

    Raises:
        EnvironmentRefusedError: the name is no region's, the folder is there already, or there is
            none to copy.
    """
    if not _REGION.fullmatch(region):
        raise EnvironmentRefusedError(f"{region!r} is no region's name; one is like us-west-2")
    source = environments / ("cn-northwest-1" if region.startswith(_CHINA) else "us-east-1")
    if not (source / _SETTINGS).is_file():
        raise EnvironmentRefusedError(
            f"{source} is not here: run this in easel's checkout, or name --environments"
        )
    folder = environments / region
    if folder.exists():
        raise EnvironmentRefusedError(f"{folder} is there already: remove it first, or edit it")
    folder.mkdir()
    for pattern in _COPIED:
        for file in sorted(source.glob(pattern)):
            if file.name != "backend.tf":  # names the state of the region it is copied from
                # The code is linked: a link is copied as one.
                shutil.copy(file, folder, follow_symlinks=False)
    for name in _own_values_files(source):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, folder / name)
    settings = folder / _SETTINGS
    settings.write_text(for_region(settings.read_text(), source.name, region))
    example = folder / _BACKEND_EXAMPLE
    example.write_text(example.read_text().replace(source.name, region))
    return folder, source


def _own_values_files(folder: Path) -> list[str]:
    """Values files in the folder; a path that leaves it leads to the same file from any region."""
    return [
        name
        for name in values_files((folder / _SETTINGS).read_text())
        if (folder / name).is_file() and (folder / name).resolve().is_relative_to(folder.resolve())
    ]


def _to_look_at(folder: Path, source: Path) -> str:
    lines = []
    if found := regional_settings((folder / _SETTINGS).read_text()):
        lines.append(f"- set for {source.name}, and copied as they are: {', '.join(found)};\n")
    if copied := _own_values_files(folder):
        lines.append(f"- values files, copied as they are: {', '.join(copied)};\n")
    return "".join(lines)


def known_regions() -> set[str]:
    """Returns the regions that botocore knows EKS to be in."""
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()
    return {region for part in partitions for region in session.get_available_regions("eks", part)}
