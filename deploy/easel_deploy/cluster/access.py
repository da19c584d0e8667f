"""The way into a cluster: a private folder with its kubeconfig, tried before it is used."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from easel_deploy.cluster.eks_cluster import Cluster, find_cluster
from easel_deploy.cluster.errors import ClusterError, UnknownCallerError, UnreachableError
from easel_deploy.cluster.kubeconfig import write_kubeconfig
from easel_deploy.cluster.kubernetes_client import KubernetesClient
from easel_deploy.cluster.request import ClusterRequest

KUBECONFIG_VARIABLE = "EASEL_KUBECONFIG"
PATIENCE_SECONDS = 60
"""How long a new cluster may take to be found by its name and to know its access entries."""

_PAUSE_SECONDS = 5

Say = Callable[[str], None]


@dataclass(frozen=True)
class ClusterAccess:
    """An API server that answered."""

    kubeconfig: Path
    client: KubernetesClient
    folder: Path
    """Private, and removed afterwards: for whatever nobody else shall read."""


@contextmanager
def cluster_access(
    request: ClusterRequest, say: Say, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[ClusterAccess]:
    """Opens the way into a cluster for the block.

    `EASEL_KUBECONFIG` names a kubeconfig to use in place of EKS's answer.

    Args:
        request: which cluster.
        say: prints a line of progress.
        patience_seconds: for which a server that does not answer is tried again.

    Raises:
        easel_deploy.cluster.errors.ClusterGoneError: there is no such cluster.
        ClusterError: it cannot be reached or entered; the message says what to do.
    """
    with tempfile.TemporaryDirectory(prefix="easel-") as name:
        folder = Path(name)
        chosen = os.environ.get(KUBECONFIG_VARIABLE)
        if chosen:
            cluster, kubeconfig = None, Path(chosen)
        else:
            cluster, kubeconfig = (
                find_cluster(request.cluster_name, request.region),
                folder / "kube",
            )
            write_kubeconfig(kubeconfig, cluster)
        client = KubernetesClient(kubeconfig, folder)
        try:
            _await_answer(client, say, patience_seconds)
        except UnreachableError as error:
            raise UnreachableError(_no_way(request, cluster, error)) from error
        except UnknownCallerError as error:
            raise UnknownCallerError(_unknown(request, cluster, error)) from error
        yield ClusterAccess(kubeconfig, client, folder)


def _await_answer(client: KubernetesClient, say: Say, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    said = False
    while True:
        try:
            client.version()
        except (UnreachableError, UnknownCallerError) as error:
            if time.monotonic() + _PAUSE_SECONDS > deadline:
                raise
            if not said:
                say(f"{error}; trying for {patience_seconds:.0f} s")
                said = True
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _no_way(request: ClusterRequest, cluster: Cluster | None, error: ClusterError) -> str:
    if cluster is None:
        return f"{error}\n{KUBECONFIG_VARIABLE} leads there: is the tunnel open?"
    if cluster.public_cidrs:
        open_to = ", ".join(cluster.public_cidrs)
        why = f"Its public endpoint takes calls from {open_to}; everyone else needs the VPC."
    else:
        why = "Its endpoint is private: it takes calls from its VPC and networks that are let in."
    return (
        f"The API server of cluster {request.cluster_name} in {request.region} does not answer.\n"
        f"{error}\n{why} One of these helps:\n"
        "- from outside: let your address in, which `curl https://checkip.amazonaws.com` prints:\n"
        '    cluster = { public_access_cidrs = ["<address>/32"], ... }\n'
        "- from a network that is connected with the VPC (a VPN, a peered VPC): let it in beside "
        "the VPC:\n"
        '    cluster = { private_access_cidrs = ["<block of the VPC>", "<of the other>"], ... }\n'
        f"- open a tunnel and name its kubeconfig: export {KUBECONFIG_VARIABLE}=/path/to/it.\n"
        f"{_how_to_apply(request)}"
    )


def _unknown(request: ClusterRequest, cluster: Cluster | None, error: ClusterError) -> str:
    if cluster is None:
        return f"{error}\nThe credentials in the kubeconfig of {KUBECONFIG_VARIABLE} are not known."
    return (
        f"Cluster {request.cluster_name} in {request.region} does not know these AWS credentials "
        f"({error}).\nUse those that the cluster was made with, or give these an access entry:\n"
        '    cluster = { access_entries = { me = { principal_arn = "<ARN>", '
        'policy = "cluster-admin" } }, ... }\n'
        "`aws sts get-caller-identity` prints the ARN; for an assumed role give the role's own, "
        "arn:<partition>:iam::<account>:role/<name>.\n"
        f"{_how_to_apply(request)}\n"
        "Whoever does that needs the right to make access entries (eks:CreateAccessEntry, "
        "eks:AssociateAccessPolicy); else somebody who has it has to."
    )


def _how_to_apply(request: ClusterRequest) -> str:
    return (
        f"Such a setting goes into envs/{request.region}/terraform.tfvars, and is applied before "
        "what failed is run again:\n"
        f"    make apply ENV={request.region} TF_ARGS=-target=module.eks_karpenter"
    )
