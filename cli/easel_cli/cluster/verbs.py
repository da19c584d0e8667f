"""The verbs that Terraform runs on a cluster: `easel helm`, `easel karpenter`, `easel eks`."""

import argparse
import signal
import sys
from types import FrameType
from typing import Any

from easel_cli.cluster.addon_versions import print_default_versions
from easel_cli.cluster.eks_token import print_token
from easel_cli.cluster.errors import ClusterError
from easel_cli.cluster.helm_release import uninstall, upgrade
from easel_cli.cluster.karpenter_drain import drain
from easel_cli.cluster.karpenter_sweep import sweep, sweep_interfaces
from easel_cli.cluster.request import (
    CLUSTER_VARIABLE,
    RELEASE_VARIABLE,
    RequestRefusedError,
)
from easel_contract.plain_text import printable_lines

_FAILED = 1
_USAGE = 2
_INTERRUPTED = 130


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
    token, addons = _add(
        verbs.add_parser("eks", help="sign in to an EKS cluster, pin its add-ons"),
        {
            "token": (print_token, "print a token, as a kubeconfig's exec plugin"),
            "addons": (print_default_versions, "print addon_versions for terraform.tfvars"),
        },
    )
    token.add_argument("--cluster", required=True, help="its name")
    token.add_argument("--region", required=True)
    addons.add_argument("--region", required=True)
    addons.add_argument("--kubernetes-version", required=True, help="such as 1.35")


def run_cluster_verb(arguments: argparse.Namespace) -> int:
    """Runs one of them; a signal ends it in order.

    Returns:
        0 done, 1 failed, 2 wrong request, 130 interrupted.
    """
    # SIGINT as well: where a shell has started all this in the background, it is ignored, and
    # Python leaves it so.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        status: int = arguments.cluster_verb(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("easel: interrupted\n")
        return _INTERRUPTED
    except RequestRefusedError as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return _USAGE
    except ClusterError as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return _FAILED
    return status


def _add(
    verb: argparse.ArgumentParser, actions: dict[str, tuple[Any, str]]
) -> list[argparse.ArgumentParser]:
    below = verb.add_subparsers(required=True)
    parsers = []
    for name, (act, description) in actions.items():
        parser = below.add_parser(name, help=description.replace("%", "%%"))
        parser.set_defaults(command=run_cluster_verb, cluster_verb=act)
        parsers.append(parser)
    return parsers


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
