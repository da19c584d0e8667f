"""Karpenter's end of a node: taint, drain, force, and the instance goes.

Read in Karpenter: ``pkg/controllers/node/termination``, its ``controller.go`` and the terminator's
``terminator.go`` and ``eviction.go``; seen in captures A, B, C, S1, S3, W2, W3, W7:

- The NodeClaim's deletion deletes the Node and writes down when all must be over: deletion plus
  ``terminationGracePeriod``.
- The node is looked at every second. Pods are evicted at once; an eviction that a budget refuses is
  tried again after 0.1 s, 0.2 s, ... 10 s (W3, and the late eviction of capture C).
- A marked pod is not evicted. It, and one that a budget holds, is deleted once no more time is left
  than its own grace, with what is left as its grace (71 s of 72, the deadline being whole seconds).
- The instance ends when no pod is left, not before 5 s after the drain began.
- A node that is not ready and whose instance is gone is let go without a drain (W2b).

Karpenter's newest code lets marked pods wait in the queue of evictions, up to 10 s; the one that
was captured deleted them within 0.5 s of the moment, and so does this.
"""

from easel_local.cluster_simulation.cluster import Cluster, is_going, name_of, path_of
from easel_local.cluster_simulation.node_pools import (
    DISRUPTED,
    is_marked,
    node_of,
    seconds_of,
)
from easel_local.cluster_simulation.scheduler import pods_on
from easel_local.kubernetes import ApiError, Object

_DEADLINE = "karpenter.sh/nodeclaim-termination-timestamp"
_BEGIN_SECONDS = 0.05
_LOOK_SECONDS = 1.0
_LEAST_DRAIN_SECONDS = 5.0
_RETRY_SECONDS = 0.1
_RETRY_MOST_SECONDS = 10.0
_STUCK_SECONDS = 60.0


class Termination:
    """Ends nodes whose NodeClaim, or whose Node, is deleted."""

    def __init__(self, cluster: Cluster) -> None:
        """Works on a cluster."""
        self._cluster = cluster
        self._began: dict[str, float] = {}
        self._queued: set[str] = set()
        self._forced: set[str] = set()

    def react(self) -> None:
        """Begins to end what is deleted."""
        for claim in self._cluster.of("NodeClaim"):
            node = node_of(self._cluster, claim)
            if node and is_going(node) and not is_going(claim):
                self._cluster.delete(claim)
            elif is_going(claim) and name_of(claim) not in self._began:
                self._began[name_of(claim)] = self._cluster.now
                self._begin(claim)

    def _begin(self, claim: Object) -> None:
        grace = seconds_of(claim["spec"].get("terminationGracePeriod"))
        if grace is not None:
            deadline = self._cluster.deletion_of(claim) + grace
            self._cluster.merge(claim, {"metadata": {"annotations": {_DEADLINE: str(deadline)}}})
        if node := node_of(self._cluster, claim):
            self._cluster.delete(node)
        self._cluster.clock.after(_BEGIN_SECONDS, lambda: self._look(name_of(claim)))

    def _look(self, name: str) -> None:
        claim = self._cluster.find("NodeClaim", name)
        if claim is None:
            return
        node = node_of(self._cluster, claim)
        if node is None or _is_silent(node):
            self._finish(claim, node)
            return
        if DISRUPTED not in node["spec"]["taints"]:
            taints = [*node["spec"]["taints"], DISRUPTED]
            self._cluster.merge(node, {"spec": {"taints": taints}})
            self._cluster.note("Node tainted", name)
        drained = self._drain(claim, node)
        if drained and self._cluster.now - self._began[name] >= _LEAST_DRAIN_SECONDS:
            self._finish(claim, node)
        else:
            self._cluster.clock.after(_LOOK_SECONDS, lambda: self._look(name))

    def _drain(self, claim: Object, node: Object) -> bool:
        said = claim["metadata"]["annotations"].get(_DEADLINE)
        deadline = float(said) if said else None
        waiting = [pod for pod in pods_on(self._cluster, name_of(node)) if not self._is_stuck(pod)]
        for pod in waiting:
            uid = pod["metadata"]["uid"]
            if deadline is not None and self._must_be_forced(pod, deadline):
                if uid not in self._forced:
                    self._forced.add(uid)
                    self._cluster.note("Pod forced", name_of(pod))
                    left = max(int(deadline - self._cluster.now), 1)
                    self._cluster.delete(pod, gracePeriodSeconds=left)
            elif not is_marked(pod) and not is_going(pod) and uid not in self._queued:
                self._queued.add(uid)
                self._evict(pod, _RETRY_SECONDS)
        return not waiting

    def _must_be_forced(self, pod: Object, deadline: float) -> bool:
        if is_going(pod):
            return self._cluster.deletion_of(pod) > deadline
        grace: int = pod["spec"]["terminationGracePeriodSeconds"]
        return self._cluster.now > deadline - grace

    def _is_stuck(self, pod: Object) -> bool:
        late = self._cluster.now - _STUCK_SECONDS
        return is_going(pod) and self._cluster.deletion_of(pod) < late

    def _evict(self, pod: Object, retry_seconds: float) -> None:
        found = self._cluster.find("Pod", name_of(pod))
        if found is None or is_going(found):
            return
        try:
            self._cluster.store.evict(path_of(found), {})
        except ApiError:
            self._cluster.note("eviction refused", name_of(pod))
            following = min(retry_seconds * 2, _RETRY_MOST_SECONDS)
            self._cluster.clock.after(retry_seconds, lambda: self._evict(pod, following))
        else:
            self._cluster.note("Pod evicted", name_of(pod))

    def _finish(self, claim: Object, node: Object | None) -> None:
        self._cluster.note("NodeClaim gone", name_of(claim))
        for one in (node, claim):
            if one is not None:
                self._cluster.merge(one, {"metadata": {"finalizers": None}})
                self._cluster.delete(one)


def _is_silent(node: Object) -> bool:
    return any(
        one["type"] == "Ready" and one["status"] != "True" for one in node["status"]["conditions"]
    )
