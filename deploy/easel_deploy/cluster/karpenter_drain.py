"""`easel-deploy karpenter drain`: lets Karpenter end its nodes while it still runs.

The order: NodePools, so that nothing is launched any more; NodeClaims, until they are gone; then
EC2NodeClasses, whose instance profiles would outlive them. docs/adr/0019 says what happens at the
time limit.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from easel_contract.plain_text import printable_lines
from easel_deploy.cluster.access import Say, cluster_access
from easel_deploy.cluster.errors import ClusterGoneError, UnreachableError
from easel_deploy.cluster.kubernetes_client import KubernetesClient, Object
from easel_deploy.cluster.node_grace import longest_grace_seconds
from easel_deploy.cluster.request import ClusterRequest, read_request
from easel_deploy.request_variables import CLUSTER_VARIABLE

_POLL_SECONDS = 3.0
_PROGRESS_SECONDS = 10.0
_CLASSES_SECONDS = 120.0
"""At most, of the whole limit, for EC2NodeClasses: they have only instance profiles to remove."""
_END_SECONDS = 300.0
"""From a node's last pod to its NodeClaim's end: its instance has to terminate. A guess: it takes
minutes, and was not measured."""
_MOST_SECONDS = 7200.0
"""However long a node's grace is."""
_FINALIZER = "karpenter.sh/termination"
_NAMED = 10
"""Objects that a message names before it counts."""


@dataclass(frozen=True)
class Kind:
    """A kind of Karpenter's."""

    name: str
    path: str


NODE_POOLS = Kind("NodePool", "apis/karpenter.sh/v1/nodepools")
NODE_CLAIMS = Kind("NodeClaim", "apis/karpenter.sh/v1/nodeclaims")
NODES = Kind("Node", "api/v1/nodes")
NODE_CLASSES = Kind("EC2NodeClass", "apis/karpenter.k8s.aws/v1/ec2nodeclasses")


def drain(_: argparse.Namespace) -> int:
    """Carries out `easel-deploy karpenter drain`.

    Raises:
        easel_deploy.cluster.errors.RequestRefusedError: the environment holds no whole request.
        easel_deploy.cluster.errors.ClusterError: the cluster is there and cannot be entered.
    """
    request = read_request(ClusterRequest, CLUSTER_VARIABLE)
    try:
        with cluster_access(request, _say) as access:
            Drain(access.client, request.timeout_seconds, _say).run()
    except ClusterGoneError as gone:
        _say(f"nothing to drain: {gone}")
    return 0


def let_go(client: KubernetesClient, say: Say) -> None:
    """Deletes what a drain has left, once Karpenter, which should have done so, is uninstalled.

    Else its CRDs could not be uninstalled: they wait for their objects, and these for Karpenter.

    Raises:
        easel_deploy.cluster.errors.ClusterError: the API server refuses or does not answer.
    """
    for kind in (NODE_CLAIMS, NODE_POOLS, NODE_CLASSES):
        names = [str(item["metadata"]["name"]) for item in client.items(kind.path)]
        for name in names:
            client.delete(f"{kind.path}/{name}")
            client.drop_finalizers(f"{kind.path}/{name}")
        if names:
            say(f"deleted {_in_words(kind, names)}, without Karpenter")
    _let_nodes_go(client, say)


def _let_nodes_go(client: KubernetesClient, say: Say) -> None:
    """Deletes Nodes that only Karpenter's finalizer keeps, and their pods with them.

    Their instances are gone or are swept up; Kubernetes removes pods whose Node is no more.
    """
    names: list[str] = []
    for item in client.items(NODES.path):
        metadata = item["metadata"]
        finalizers = metadata.get("finalizers") or []
        if _FINALIZER not in finalizers:
            continue
        name = str(metadata["name"])
        client.delete(f"{NODES.path}/{name}")
        client.drop_finalizers(
            f"{NODES.path}/{name}", keep=[one for one in finalizers if one != _FINALIZER]
        )
        names.append(name)
    if names:
        nodes = _in_words(NODES, names)
        say(f"deleted {nodes}, which waited for Karpenter; their pods go with them")


class Drain:
    """One draining of a cluster, within a time limit."""

    def __init__(
        self,
        client: KubernetesClient,
        limit_seconds: float,
        say: Say,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        """Prepares; calls nothing.

        Args:
            client: of the cluster.
            limit_seconds: for all of it; more where a node's own grace is longer.
            say: prints a line.
            poll_seconds: between two looks.
        """
        self._client = client
        self._say = say
        self._poll_seconds = poll_seconds
        self._started = time.monotonic()
        self._limit_seconds = limit_seconds

    def run(self) -> bool:
        """Drains.

        Returns:
            Whether nothing is left; what is left was said.

        Raises:
            easel_deploy.cluster.errors.ClusterError: the API server refuses.
        """
        self._follow_graces()
        pools = self._delete_all(NODE_POOLS)
        # Also those that belong to no NodePool.
        claims = self._delete_all(NODE_CLAIMS)
        self._say(f"{pools} NodePool(s) and {claims} NodeClaim(s) to end")
        reserve = min(_CLASSES_SECONDS, self._limit_seconds / 4)
        drained = self._await_none((NODE_POOLS, NODE_CLAIMS), self._limit_seconds - reserve)
        # Also at the limit: those that no node needs any more can go.
        self._delete_all(NODE_CLASSES)
        drained &= self._await_none((NODE_CLASSES,), self._limit_seconds)
        if drained:
            self._say(f"drained ({time.monotonic() - self._started:.0f} s)")
        return drained

    def _follow_graces(self) -> None:
        """Gives the slowest node the time that Karpenter gives it, and itself as much."""
        claims: list[Object] = []
        self._tolerating_outages(lambda: claims.extend(self._client.items(NODE_CLAIMS.path)))
        grace = longest_grace_seconds(claims)
        needed = min(_MOST_SECONDS, grace + _END_SECONDS + _CLASSES_SECONDS) if grace else 0.0
        if needed > self._limit_seconds:
            self._say(
                f"a node may take {grace:.0f} s to drain: waiting {needed:.0f} s at most, "
                f"not {self._limit_seconds:.0f}"
            )
            self._limit_seconds = needed

    def _delete_all(self, kind: Kind) -> int:
        names = self._names(kind)
        for name in names:
            self._client.delete(f"{kind.path}/{name}")
        return len(names)

    def _await_none(self, kinds: tuple[Kind, ...], until_seconds: float) -> bool:
        told = time.monotonic()
        while True:
            left = self._left(kinds)
            if left == "":
                return True
            passed = time.monotonic() - self._started
            if passed > until_seconds:
                self._say(_at_the_limit(left or "unknown", passed, kinds))
                return False
            if time.monotonic() - told >= _PROGRESS_SECONDS:
                told = time.monotonic()
                self._say(f"waiting ({passed:.0f} of {until_seconds:.0f} s) for {left}")
            # A NodeClaim that was on its way when its NodePool went.
            if NODE_CLAIMS in kinds:
                self._tolerating_outages(lambda: self._delete_new(NODE_CLAIMS))
            time.sleep(self._poll_seconds)

    def _left(self, kinds: tuple[Kind, ...]) -> str | None:
        """What is left, in words; None where the API server does not say."""
        said: list[str] = []

        def look() -> None:
            for kind in kinds:
                names = self._names(kind)
                if names:
                    said.append(_in_words(kind, names))

        return " and ".join(said) if self._tolerating_outages(look) else None

    def _delete_new(self, kind: Kind) -> None:
        for item in self._client.items(kind.path):
            if "deletionTimestamp" not in item["metadata"]:
                self._client.delete(f"{kind.path}/{item['metadata']['name']}")

    def _names(self, kind: Kind) -> list[str]:
        return [str(item["metadata"]["name"]) for item in self._client.items(kind.path)]

    def _tolerating_outages(self, act: Callable[[], None]) -> bool:
        # An API server of EKS is replaced now and then: one lost call is no reason to give up.
        try:
            act()
        except UnreachableError as error:
            self._say(f"{error}; trying again")
            return False
        return True


def _in_words(kind: Kind, names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} {kind.name}(s): {shown}{more}"


def _at_the_limit(left: str, passed: float, kinds: tuple[Kind, ...]) -> str:
    after = (
        "their instances are terminated by `easel-deploy karpenter sweep`"
        if NODE_CLAIMS in kinds
        else "their instance profiles are deleted by `easel-deploy karpenter sweep`"
    )
    return (
        f"WARNING: after {passed:.0f} s there is still {left}. Destroy goes on: once Karpenter "
        f"is uninstalled, {after}. `kubectl describe` on one of them shows what held it up; most "
        "often Karpenter does not run, or a pod may not be disrupted and its NodePool sets no "
        "terminationGracePeriod."
    )


def _say(text: str) -> None:
    sys.stdout.write(printable_lines(f"karpenter drain: {text}\n"))
    sys.stdout.flush()
