"""Which AMI on which instance type.

Bottlerocket's public parameters: https://bottlerocket.dev/en/os/latest/install/quickstart/aws/#finding-an-ami
"""

from typing import Literal

from botocore.exceptions import ClientError

from easel_snapshot.aws import Aws
from easel_snapshot.errors import SnapshotError

Architecture = Literal["x86_64", "arm64"]
Variant = Literal["nvidia", "standard"]

DEFAULT_TYPES = {
    ("x86_64", "nvidia"): "g4dn.xlarge",
    ("x86_64", "standard"): "m5.xlarge",
    ("arm64", "nvidia"): "g5g.xlarge",
    ("arm64", "standard"): "m6g.xlarge",
}
"""The smallest of NVIDIA's that China has as well; four vCPUs unpack quickly."""


def ami_parameter(kubernetes: str, variant: str, architecture: str, bottlerocket: str) -> str:
    """Returns the name of the public SSM parameter with an AMI's id.

    Args:
        kubernetes: minor version, such as 1.35.
        variant: nvidia, which the GPU nodes have, or standard.
        architecture: x86_64 or arm64.
        bottlerocket: such as 1.68.1, or latest.
    """
    flavour = "-nvidia" if variant == "nvidia" else ""
    return (
        f"/aws/service/bottlerocket/aws-k8s-{kubernetes}{flavour}/{architecture}/"
        f"{bottlerocket.removeprefix('v')}/image_id"
    )


def find_ami(aws: Aws, parameter: str) -> str:
    """Reads an AMI's id.

    Raises:
        SnapshotError: there is no such parameter.
        botocore.exceptions.ClientError: AWS refuses to tell.
    """
    try:
        return str(aws.ssm.get_parameter(Name=parameter)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        raise SnapshotError(
            f"Bottlerocket has no AMI {parameter} in {aws.region}: look at --kubernetes-version, "
            "--bottlerocket-version, --architecture and --variant"
        ) from error


def check_instance_type(aws: Aws, name: str, architecture: str, variant: str) -> None:
    """Looks whether an instance of a type boots the AMI.

    Raises:
        SnapshotError: it does not.
        botocore.exceptions.ClientError: AWS refuses to tell.
    """
    try:
        (found,) = aws.ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidInstanceType":
            raise
        raise SnapshotError(
            f"{aws.region} has no instance type {name}: name another by --instance-type"
        ) from error
    there = found["ProcessorInfo"]["SupportedArchitectures"]
    if architecture not in there:
        raise SnapshotError(f"{name} is {', '.join(there)}, not {architecture}")
    gpus = found.get("GpuInfo", {}).get("Gpus", [])
    # The driver does not load, and systemd waits for it: bottlerocket-kernel-kit pull request 321.
    if variant == "nvidia" and not any(gpu.get("Manufacturer") == "NVIDIA" for gpu in gpus):
        raise SnapshotError(
            f"{name} has no GPU of NVIDIA, so Bottlerocket's nvidia variant does not boot on it: "
            "name a type that has one, or --variant standard, whose data volume is the same"
        )
