"""The kubelets: pods start, hear SIGTERM, work on, and are killed at the end of their grace.

A pod gets SIGTERM the moment it is deleted, ends when what it works on has ended, or by SIGKILL at
its ``deletionTimestamp``, and is then deleted with a grace of 0 (capture C, S1, P2). What a pod
works on is the test's to say (`Kubelets.work`). A deletion that shortens the grace moves SIGKILL.

Measured: an agent ends about a second after its task (P2: 2.6 s from the deletion of an idle pod
to its end, 1 s of the idle agent's poll among them). Read in Kubernetes: a hard eviction for node
pressure has a grace of 1 s (``immediateEvictionGracePeriodSeconds`` of ``pkg/kubelet/eviction``);
a node is NotReady when its kubelet has been silent for the node monitor's grace period. Measured,
W2b: 44 s; the pods of a node that is gone are deleted 45 s after that (``pkg/controller/podgc``: a
quarantine of 40 s, looked at every 20 s).
"""

from functools import partial

from easel_local.cluster_simulation.cluster import Cluster, is_going, name_of, set_condition
from easel_local.cluster_simulation.scheduler import pods_on
from easel_local.kubernetes import Object

_SILENCE_SECONDS = 44.0
_ORPHAN_SECONDS = 45.0
_PRESSURE_GRACE_SECONDS = 1.0
_END_SECONDS = 1.0
_ENDED = {"Succeeded", "Failed"}


class Kubelets:
    """The kubelets of all nodes.

    Attributes:
        ready_seconds: from a pod's node to its readiness.
    """

    def __init__(self, cluster: Cluster, ready_seconds: float = 2.5) -> None:
        """Works on a cluster.

        Args:
            cluster: whose pods run.
            ready_seconds: from a pod's node to its readiness (capture A: 2.6 s by kwok's fake
                kubelet; P1: 8 s of a real one with a simulated runtime).
        """
        self._cluster = cluster
        self.ready_seconds = ready_seconds
        self._busy_until: dict[str, float] = {}
        self._started: set[str] = set()
        self._kill_at: dict[str, float] = {}
        self._silent: set[str] = set()
        self._orphans: set[str] = set()

    def work(self, pod: str, seconds: float) -> None:
        """Gives a pod something to do for so long; it takes nothing new after SIGTERM."""
        self._busy_until[pod] = self._cluster.now + seconds

    def left(self, pod: str) -> float:
        """Returns for how many more seconds a pod has something to do."""
        return max(self._busy_until.get(pod, 0) - self._cluster.now, 0)

    def end_instance(self, node: str) -> None:
        """Takes the power from a node: what runs there is killed, and nobody reports it."""
        self._silent.add(node)
        self._cluster.note("instance ended", node)
        for pod in pods_on(self._cluster, node):
            self._cluster.note("SIGKILL", name_of(pod))
        self._cluster.clock.after(_SILENCE_SECONDS, lambda: self._not_ready(node))

    def evict_for_pressure(self, pod: Object) -> None:
        """What a kubelet does to a pod when its node has no memory or disk left."""
        name = name_of(pod)
        self._cluster.note("SIGTERM", name)
        busy = self._busy_until.get(name, 0) - self._cluster.now
        self._cluster.clock.after(
            min(max(busy, 0), _PRESSURE_GRACE_SECONDS),
            lambda: self._end(pod, "Failed", killed=busy > _PRESSURE_GRACE_SECONDS),
        )

    def react(self) -> None:
        """Starts pods and ends those that are deleted."""
        for pod in self._cluster.of("Pod"):
            uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
            if not node or node in self._silent or pod["status"]["phase"] in _ENDED:
                continue
            if uid not in self._started:
                self._started.add(uid)
                self._cluster.clock.after(self.ready_seconds, partial(self._ready, pod))
            if is_going(pod):
                self._terminate(pod)
        self._forget_orphans()

    def _terminate(self, pod: Object) -> None:
        uid, name = pod["metadata"]["uid"], name_of(pod)
        kill_at = self._cluster.deletion_of(pod)
        known = self._kill_at.get(uid)
        if known is None:
            self._cluster.note("SIGTERM", name)
            ends = max(self._busy_until.get(name, 0), self._cluster.now) + _END_SECONDS
            self._cluster.clock.after(
                ends - self._cluster.now, lambda: self._end(pod, "Succeeded", killed=False)
            )
        if known is None or kill_at < known:
            self._kill_at[uid] = kill_at
            left = kill_at - self._cluster.now
            self._cluster.clock.after(left, lambda: self._end(pod, "Failed", killed=True))

    def _ready(self, pod: Object) -> None:
        found = self._same(pod)
        if found and found["spec"]["nodeName"] not in self._silent:
            conditions = set_condition(found, "Ready", "True")
            self._cluster.merge(found, {"status": {"phase": "Running", "conditions": conditions}})
            self._cluster.note("Pod ready", name_of(pod))

    def _end(self, pod: Object, phase: str, *, killed: bool) -> None:
        found = self._same(pod)
        if not found or found["status"]["phase"] in _ENDED:
            return
        if found["spec"]["nodeName"] in self._silent:
            return
        self._cluster.note("SIGKILL" if killed else "Pod ended", name_of(pod))
        conditions = set_condition(found, "Ready", "False")
        self._cluster.merge(found, {"status": {"phase": phase, "conditions": conditions}})
        if is_going(found):
            self._cluster.delete(found, gracePeriodSeconds=0)
            self._cluster.note("Pod gone", name_of(pod))

    def _same(self, pod: Object) -> Object | None:
        found = self._cluster.find("Pod", name_of(pod))
        same = found and found["metadata"]["uid"] == pod["metadata"]["uid"]
        return found if same else None

    def _not_ready(self, node: str) -> None:
        found = self._cluster.find("Node", node)
        if found:
            conditions = set_condition(found, "Ready", "Unknown", "NodeStatusUnknown")
            self._cluster.merge(found, {"status": {"conditions": conditions}})
            self._cluster.note("Node not ready", node)

    def _forget_orphans(self) -> None:
        nodes = {name_of(node) for node in self._cluster.of("Node")}
        for pod in self._cluster.of("Pod"):
            uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
            if node and node not in nodes and uid not in self._orphans:
                self._orphans.add(uid)
                self._cluster.clock.after(_ORPHAN_SECONDS, partial(self._collect, pod))

    def _collect(self, pod: Object) -> None:
        if found := self._same(pod):
            self._cluster.delete(found, gracePeriodSeconds=0)
            self._cluster.note("Pod gone", name_of(pod))
