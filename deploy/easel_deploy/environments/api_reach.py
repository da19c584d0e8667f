"""Looks before a first apply from where the cluster's API will be reached.

Terraform installs the releases through it. Where that fails it fails a quarter of an hour into the
apply, when the cluster is there and costs money.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from easel_deploy.cluster.access import KUBECONFIG_VARIABLE
from easel_deploy.environments.public_address import (
    ADDRESS_VARIABLE,
    Address,
    AddressUnknownError,
    has_address_in,
    is_within,
    public_address,
)
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.environments.terraform_options import is_targeted
from easel_deploy.exit_status import ExitStatus

CLUSTER = "module.eks_karpenter.aws_eks_cluster.this"
"""Where the state has the cluster, its releases were reached before."""

_NETWORK = "module.vpc"
_PRIVATE_BLOCKS = (
    "var.cluster.private_access_cidrs != null ? var.cluster.private_access_cidrs : "
    "var.existing_vpc != null ? var.existing_vpc.cidr_blocks : []"
)
"""Whom the private endpoint lets in, beside a network that easel makes."""
_OWN_BLOCKS = "[var.vpc.cidr_block]"


class UnreachableApiError(Exception):
    """Nothing that runs here could reach the new cluster; the message says what to do."""


def note(root: RootModule) -> str | None:
    """Returns what a person should know before the apply; None where the API is reached anyway.

    Args:
        root: the environment.

    Raises:
        UnreachableApiError: the apply would make the network, too, and nobody is in it yet; or
            the API would be open to other addresses than this machine's.
        TerraformError: its variables or its state cannot be read.
    """
    there = root.resources()
    if os.environ.get(KUBECONFIG_VARIABLE) or CLUSTER in there:
        return None
    has_network = any(one.startswith(_NETWORK) for one in there)
    if open_to := root.evaluate("var.cluster.public_access_cidrs"):
        return _public_note(root, open_to, has_network=has_network)
    if not has_network and root.evaluate("var.existing_vpc == null"):
        raise UnreachableApiError(_refusal(root.folder))
    return (
        "easel: note: the new cluster's API will be reached from its network only, and Terraform\n"
        "  installs Karpenter, KEDA and the runtimes through it. This machine has to be in that\n"
        "  network, or in one that is connected and named in cluster.private_access_cidrs.\n"
    )


def _public_note(root: RootModule, open_to: list[str], *, has_network: bool) -> str | None:
    try:
        seen_at = public_address()
    except AddressUnknownError as error:
        return (
            f"easel: note: whether this machine is in cluster.public_access_cidrs "
            f"({', '.join(open_to)})\n  is not known: {error}. Terraform installs Karpenter, KEDA "
            f"and the runtimes from here.\n  {ADDRESS_VARIABLE}=<address> says where it is seen.\n"
        )
    if is_within(seen_at, open_to):
        return None
    # An address of the network that this apply makes is another network's, of the same numbers.
    private = root.evaluate(_PRIVATE_BLOCKS) or (root.evaluate(_OWN_BLOCKS) if has_network else [])
    if has_address_in(private):
        return None
    raise UnreachableApiError(
        f"this machine is seen at {seen_at}, and the new cluster's API would be open\n"
        f"to {', '.join(open_to)} alone: nothing could install Karpenter, KEDA and the runtimes.\n"
        f"Let it in, in {root.folder}/terraform.tfvars:\n"
        f'      cluster = {{ public_access_cidrs = ["{_block(seen_at)}"], ... }}\n'
        "or, where it is seen at another address on the way to AWS's API servers, say that:\n"
        f"  {ADDRESS_VARIABLE}=<address> make apply ENV={root.folder.name}"
    )


def _block(address: Address) -> str:
    return f"{address}/{address.max_prefixlen}"


def _refusal(folder: Path) -> str:
    return (
        "the new cluster's API would be reached from inside of its network only, which this same\n"
        "apply makes: nothing could install Karpenter, KEDA and the runtimes. Choose a way in, in\n"
        f"{folder}/terraform.tfvars:\n"
        "  - over the internet, from this machine's public address:\n"
        '      cluster = { public_access_cidrs = ["203.0.113.7/32"], ... }\n'
        "  - from a network that this machine is in or connected to: existing_vpc\n"
        "or make the network first, connect this machine to it (a VPN, a peering; name its\n"
        "addresses in cluster.private_access_cidrs), and apply the rest then:\n"
        f"  make apply ENV={folder.name} TF_ARGS=-target=module.vpc"
    )


def refuse_unreachable(root: RootModule, options: Sequence[str]) -> ExitStatus:
    """Looks before an apply; prints a note, or why the apply is refused.

    Args:
        root: the environment, after `terraform init`.
        options: of `terraform apply`.

    Returns:
        COMPLETED; FAILED where Terraform failed; REFUSED where the apply could not get through.
    """
    # Who applies a part knows which.
    if is_targeted(options):
        return ExitStatus.COMPLETED
    try:
        said = note(root)
    except UnreachableApiError as error:
        sys.stderr.write(f"easel: nothing is applied: {error}\n")
        return ExitStatus.REFUSED
    except TerraformError as error:
        sys.stderr.write(f"easel: {error}\n")
        return ExitStatus.FAILED
    if said:
        sys.stderr.write(said)
    return ExitStatus.COMPLETED
