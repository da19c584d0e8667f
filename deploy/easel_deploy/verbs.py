"""The verbs of `easel-deploy`: what each does, and where the function is that does it.

A verb's function is imported when it runs. Helm asks for a token at each of its calls, about five
a release: a token takes half the CPU time where the other verbs' imports are left out.
"""

import argparse
import pkgutil
from collections.abc import Callable

from easel_deploy.request_variables import (
    CLUSTER_VARIABLE,
    PROBE_VARIABLE,
    RELEASE_VARIABLE,
    WEBHOOK_VARIABLE,
)

_RELEASE = f"request as JSON in {RELEASE_VARIABLE}; see modules/helm-release"
_CLUSTER = f'{CLUSTER_VARIABLE}=\'{{"cluster_name", "region", "timeout_seconds"}}\''

_TOKEN = ("eks", "token")

VERBS = {
    ("webhook", "secret"): (
        "easel_deploy.webhook_secret:webhook_secret",
        f"make the secret of callbacks (request as JSON in {WEBHOOK_VARIABLE})",
    ),
    ("runtime", "probe"): (
        "easel_deploy.runtime_probe:probe",
        f"wait until tasks reach a new queue (request as JSON in {PROBE_VARIABLE})",
    ),
    ("helm", "upgrade"): (
        "easel_deploy.cluster.helm_release:upgrade",
        f"install or upgrade a release ({_RELEASE})",
    ),
    ("helm", "uninstall"): (
        "easel_deploy.cluster.helm_release:uninstall",
        f"uninstall it ({_RELEASE})",
    ),
    ("karpenter", "drain"): (
        "easel_deploy.cluster.karpenter_drain:drain",
        f"end Karpenter's nodes while it runs ({_CLUSTER})",
    ),
    ("karpenter", "sweep"): (
        "easel_deploy.cluster.karpenter_sweep:sweep",
        f"delete what they left in EC2 and IAM ({_CLUSTER})",
    ),
    ("karpenter", "interfaces"): (
        "easel_deploy.cluster.karpenter_sweep:sweep_interfaces",
        f"delete what the network add-on left, when no node is ({_CLUSTER})",
    ),
    _TOKEN: (
        "easel_deploy.cluster.eks_token:print_token",
        "print a token, as a kubeconfig's exec plugin",
    ),
}
"""Of a verb and its action: the function, as `pkgutil.resolve_name` takes names, and the help."""

_HELP = {
    "webhook": "callbacks to URLs",
    "runtime": "the way to a runtime",
    "helm": "what Terraform's module helm-release runs",
    "karpenter": "leave no node behind",
    "eks": "sign in to an EKS cluster",
}

Command = Callable[[argparse.Namespace], int]


def add_verbs(parser: argparse.ArgumentParser) -> None:
    """Adds them to the command's parser; `command` of what it parses runs the verb."""
    verbs = parser.add_subparsers(required=True)
    actions = {
        verb: verbs.add_parser(verb, help=words).add_subparsers(required=True)
        for verb, words in _HELP.items()
    }
    for (verb, name), (function, words) in VERBS.items():
        action = actions[verb].add_parser(name, help=words.replace("%", "%%"))
        action.set_defaults(command=imported_when_run(function))
        if (verb, name) == _TOKEN:
            action.add_argument("--cluster", required=True, help="its name")
            action.add_argument("--region", required=True)


def imported_when_run(function: str) -> Command:
    """Returns a command that imports a function when it is called, and calls it.

    Args:
        function: "module:name".
    """

    def command(arguments: argparse.Namespace) -> int:
        run: Command = pkgutil.resolve_name(function)
        return run(arguments)

    return command
