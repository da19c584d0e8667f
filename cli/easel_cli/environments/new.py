"""`easel env new us-west-2`: makes the folder of another region.

All regions share the same .tf files; a region is its terraform.tfvars. A new folder is a copy of
envs/us-east-1, or for AWS China of envs/cn-northwest-1, with the region's name changed.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import botocore.session

ENVIRONMENTS = Path("envs")

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_CHINA = "cn-"
_COPIED = ("*.tf", ".terraform.lock.hcl", "backend.tf.example", "terraform.tfvars")
_SPEAKS_OF_ITS_REGION = ("backend.tf.example", "terraform.tfvars")


class EnvironmentRefusedError(Exception):
    """The folder cannot be made; the message says why and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `easel env new`."""
    parser.add_argument("region", help="AWS region, such as us-west-2; also the folder's name")
    parser.add_argument(
        "--environments", type=Path, default=ENVIRONMENTS, help="folder of all (default: envs)"
    )


def env_new(arguments: argparse.Namespace) -> int:
    """Makes the folder and says what to look at.

    Returns:
        0, or 2 where it is refused.
    """
    try:
        folder, source = new_environment(arguments.region, arguments.environments)
    except EnvironmentRefusedError as error:
        sys.stderr.write(f"easel: {error}\n")
        return 2
    sys.stdout.write(
        f"{folder} is made from {source}. Before `make plan ENV={arguments.region}`:\n"
        f"- look through {folder / 'terraform.tfvars'};\n"
        "- nodes.instance_types: not every region has every GPU "
        f"(aws ec2 describe-instance-type-offerings --region {arguments.region});\n"
        f"- addon_versions: .venv/bin/easel eks addons --region {arguments.region} "
        "--kubernetes-version 1.35 prints the region's;\n"
        "- images and models have to be in the region's own ECR and S3.\n"
    )
    if arguments.region not in known_regions():
        sys.stderr.write(f"easel: note: EKS is not known to be in {arguments.region}: a slip?\n")
    return 0


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
    if not (source / "terraform.tfvars").is_file():
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
                shutil.copy(file, folder)
    for name in _SPEAKS_OF_ITS_REGION:
        path = folder / name
        path.write_text(path.read_text().replace(source.name, region))
    return folder, source


def known_regions() -> set[str]:
    """Returns the regions that botocore knows EKS to be in."""
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()
    return {region for part in partitions for region in session.get_available_regions("eks", part)}
