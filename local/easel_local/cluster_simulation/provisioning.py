"""Karpenter's provisioner: NodeClaims for pods that have no node, and the nodes that come of them.

Read in Karpenter: ``pkg/controllers/provisioning/batcher.go`` (a batch closes 1 s after its last
pod, at most 10 s after its first). Measured: a pod to its NodeClaim 1.1 s (W1, W2, W7), NodeClaim
to a node that takes pods 1.1 s (kwok; a real one is said to take 60-90 s). Pods of nodes that are
going are provisioned for beforehand (capture C: the replacement stood there a minute before the
eviction), marked ones are not (capture A).
"""

import itertools

from easel_local.cluster_simulation.cluster import Cluster, is_going, name_of, set_condition
from easel_local.cluster_simulation.node_pools import (
    FINALIZER,
    HASH,
    POOL_LABEL,
    claims_of,
    has_room,
    hash_of,
    is_initialized,
    is_marked,
    node_of,
    reschedulable,
)
from easel_local.cluster_simulation.scheduler import GPU, fits, gpus_of, pods_on, unbound
from easel_local.kubernetes import Object

_BATCH_IDLE_SECONDS = 1.0
_BATCH_MOST_SECONDS = 10.0
_LAUNCH_SECONDS = 0.1


class Provisioner:
    """Makes nodes."""

    def __init__(self, cluster: Cluster, node_seconds: float = 1.1) -> None:
        """Works on a cluster.

        Args:
            cluster: whose pods get nodes.
            node_seconds: from a NodeClaim to a node that takes pods.
        """
        self._cluster = cluster
        self._node_seconds = node_seconds
        self._numbers = itertools.count(1)
        self._waiting: set[str] = set()
        self._batch = 0
        self._began = 0.0

    def react(self) -> None:
        """Opens a batch for a pod that was not there before, or keeps one open for longer."""
        waiting = {pod["metadata"]["uid"] for pod in self._homeless()}
        new = waiting - self._waiting
        if new:
            if not self._waiting or self._batch == 0:
                self._began = self._cluster.now
            self._batch += 1
            left = self._began + _BATCH_MOST_SECONDS - self._cluster.now
            number = self._batch
            self._cluster.clock.after(
                min(_BATCH_IDLE_SECONDS + _LAUNCH_SECONDS, left), lambda: self._close(number)
            )
        self._waiting = waiting

    def _homeless(self) -> list[Object]:
        going = [claim for claim in self._cluster.of("NodeClaim") if is_going(claim)]
        moving = [
            pod
            for claim in going
            for pod in reschedulable(self._cluster, claim)
            if not is_marked(pod)
        ]
        return unbound(self._cluster) + moving

    def _close(self, number: int) -> None:
        if number != self._batch:
            return  # another pod has kept it open
        self._batch = 0
        self.make_for(self._homeless())
        self._cluster.clock.after(_BATCH_MOST_SECONDS, self._retry)

    def _retry(self) -> None:
        """What found no room, or came while a batch closed, is looked at again."""
        if self._batch == 0 and unbound(self._cluster):
            self.make_for(self._homeless())
            self._cluster.clock.after(_BATCH_MOST_SECONDS, self._retry)

    def nominated(self) -> set[str]:
        """Returns the empty nodes that homeless pods will take: they do not count as empty.

        Capture C: "Node is nominated for a pending pod" keeps a replacement that stands empty.
        """
        free = [
            name_of(claim)
            for claim in self._cluster.of("NodeClaim")
            if not is_going(claim) and not reschedulable(self._cluster, claim)
        ]
        return set(free[: len(self._homeless())])

    def make_for(self, pods: list[Object]) -> list[str]:
        """Makes NodeClaims for the pods that no node, also none on its way, takes.

        Returns:
            The names of the new NodeClaims.
        """
        places = self._free_places()
        made = []
        for pod in pods:
            pool = self._pool_for(pod)
            if pool is None:
                continue
            if places.get(name_of(pool), 0) > 0:
                places[name_of(pool)] -= 1
            elif has_room(self._cluster, pool):
                made.append(self._make(pool, pod))
        return made

    def _pool_for(self, pod: Object) -> Object | None:
        pools = self._cluster.of("NodePool")
        pools.sort(key=lambda one: -int(one["spec"].get("weight", 1)))
        return next(
            (
                pool
                for pool in pools
                if not is_going(pool) and fits(pod, _node_like(pool, "", gpus_of(pod)), [])
            ),
            None,
        )

    def _free_places(self) -> dict[str, int]:
        places = {}
        for pool in self._cluster.of("NodePool"):
            free = 0
            for claim in claims_of(self._cluster, pool):
                if is_going(claim):
                    continue
                taken = pods_on(self._cluster, claim.get("status", {}).get("nodeName", ""))
                free += not taken
            places[name_of(pool)] = free
        return places

    def _make(self, pool: Object, pod: Object) -> str:
        name = f"{name_of(pool)}-{next(self._numbers)}"
        requirements = pool["spec"]["template"]["spec"].get("requirements", ())
        chosen = {one["key"]: one["values"][0] for one in requirements if one["operator"] == "In"}
        template = pool["spec"]["template"]["spec"]
        self._cluster.create(
            "NodeClaim",
            name,
            {
                "apiVersion": "karpenter.sh/v1",
                "metadata": {
                    "annotations": {HASH: hash_of(pool)},
                    "finalizers": [FINALIZER],
                    "labels": chosen | {POOL_LABEL: name_of(pool)},
                },
                "spec": {
                    "expireAfter": template.get("expireAfter", "720h"),
                    "terminationGracePeriod": template.get("terminationGracePeriod"),
                    "resources": {"requests": {GPU: str(gpus_of(pod))}},
                },
                "status": {"conditions": []},
            },
        )
        like = _node_like(pool, name, gpus_of(pod))
        self._cluster.clock.after(self._node_seconds, lambda: self._register(name, like))
        return name

    def _register(self, name: str, like: Object) -> None:
        claim = self._cluster.find("NodeClaim", name)
        if claim is None or is_going(claim):
            return
        self._cluster.create("Node", name, like)
        conditions = set_condition(claim, "Initialized", "True")
        self._cluster.merge(claim, {"status": {"nodeName": name, "conditions": conditions}})


def is_ready_for_pods(cluster: Cluster, name: str) -> bool:
    """Whether a NodeClaim of that name has its node."""
    claim = cluster.find("NodeClaim", name)
    return claim is not None and is_initialized(claim) and node_of(cluster, claim) is not None


def _node_like(pool: Object, claim: str, gpus: int) -> Object:
    template = pool["spec"]["template"]
    labels = template.get("metadata", {}).get("labels", {}) | {POOL_LABEL: name_of(pool)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": claim, "labels": labels, "finalizers": [FINALIZER]},
        "spec": {"taints": list(template["spec"].get("taints", ()))},
        "status": {
            "allocatable": {GPU: str(gpus)},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        },
    }
