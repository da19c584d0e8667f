"""Says before a first apply from where the cluster's API will be reached.

Terraform installs the releases through it. Where that fails it fails a quarter of an hour into the
apply, when the cluster is there.
"""

import os
import sys
from pathlib import Path

from easel_cli.cluster.access import KUBECONFIG_VARIABLE
from easel_cli.environments.root_module import RootModule, TerraformError

CLUSTER = "module.eks_karpenter.aws_eks_cluster.this"
"""Where the state has the cluster, its releases were reached before."""


def note(root: RootModule) -> str | None:
    """Returns what a person should know before the apply; None where the API is reached anyway.

    Args:
        root: the environment.

    Raises:
        TerraformError: its variables or its state cannot be read.
    """
    if os.environ.get(KUBECONFIG_VARIABLE) or CLUSTER in root.resources():
        return None
    if root.evaluate("var.cluster.public_access_cidrs"):
        return None
    return (
        "easel: note: the new cluster's API will be reached from inside its VPC only, and\n"
        "  Terraform installs Karpenter, KEDA and the runtimes through it. Unless this machine is\n"
        "  in that network (a VPN, a peered VPC), name its public address first, in\n"
        f"  {root.folder}/terraform.tfvars:\n"
        '    cluster = { public_access_cidrs = ["203.0.113.7/32"], ... }\n'
    )


def main(arguments: list[str]) -> int:
    """Runs `python -m easel_cli.environments.api_reach FOLDER`."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m easel_cli.environments.api_reach envs/REGION\n")
        return 2
    try:
        said = note(RootModule(Path(arguments[0])))
    except TerraformError as error:
        sys.stderr.write(f"easel: {error}\n")
        return 1
    if said:
        sys.stderr.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
