"""The verbs for a cluster: `easel-deploy helm`, `easel-deploy karpenter`, `easel-deploy eks`."""

import argparse
from typing import Any

from easel_deploy.cluster.eks_token import print_token
from easel_deploy.cluster.helm_release import uninstall, upgrade
from easel_deploy.cluster.karpenter_drain import drain
from easel_deploy.cluster.karpenter_sweep import sweep, sweep_interfaces
from easel_deploy.cluster.request import CLUSTER_VARIABLE, RELEASE_VARIABLE


def add_cluster_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the verbs to the command's parser."""
    release = f"request as JSON in {RELEASE_VARIABLE}; see modules/helm-release"
    cluster = f'{CLUSTER_VARIABLE}=\'{{"cluster_name", "region", "timeout_seconds"}}\''
    _add(
        verbs.add_parser("helm", help="what Terraform's module helm-release runs"),
        {
            "upgrade": (upgrade, f"install or upgrade a release ({release})"),
            "uninstall": (uninstall, f"uninstall it ({release})"),
        },
    )
    _add(
        verbs.add_parser("karpenter", help="leave no node behind"),
        {
            "drain": (drain, f"end Karpenter's nodes while it runs ({cluster})"),
            "sweep": (sweep, f"delete what they left in EC2 and IAM ({cluster})"),
            "interfaces": (
                sweep_interfaces,
                f"delete what the network add-on left, when no node is ({cluster})",
            ),
        },
    )
    (token,) = _add(
        verbs.add_parser("eks", help="sign in to an EKS cluster"),
        {"token": (print_token, "print a token, as a kubeconfig's exec plugin")},
    )
    token.add_argument("--cluster", required=True, help="its name")
    token.add_argument("--region", required=True)


def _add(
    verb: argparse.ArgumentParser, actions: dict[str, tuple[Any, str]]
) -> list[argparse.ArgumentParser]:
    below = verb.add_subparsers(required=True)
    parsers = []
    for name, (act, description) in actions.items():
        parser = below.add_parser(name, help=description.replace("%", "%%"))
        parser.set_defaults(command=act)
        parsers.append(parser)
    return parsers
