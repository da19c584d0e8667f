"""Why Karpenter ends a node by itself: emptiness, drift, age.

Read in Karpenter: ``pkg/controllers/disruption`` (looks every 10 s; an empty node is looked at
again 15 s later; drift: one node at a time, empty ones first, replacements before),
``nodeclaim/expiration`` (at once when ``expireAfter`` is over, without a replacement),
``nodeclaim/podevents`` (``consolidateAfter`` runs anew when a pod comes or is deleted). Seen in
captures B (empty node: deleted 34 s after its pod was, with ``consolidateAfter`` 20 s) and W6
(drift: replacement 6.7 s after the change, eviction 2.2 s after that; a marked pod's node goes
without a replacement).

Only ``WhenEmpty`` is simulated: the chart has nothing else.
"""

from functools import partial

from easel_local.cluster_simulation.cluster import Cluster, is_going, name_of
from easel_local.cluster_simulation.node_pools import (
    allowed,
    claims_of,
    has_drifted,
    is_initialized,
    is_marked,
    reschedulable,
    seconds_of,
)
from easel_local.cluster_simulation.provisioning import Provisioner, is_ready_for_pods
from easel_local.cluster_simulation.scheduler import pods_on
from easel_local.kubernetes import Object

_LOOK_SECONDS = 10.0
_VALIDATION_SECONDS = 15.0
_QUEUE_SECONDS = 1.0


class Disruption:
    """Ends nodes that are empty, have drifted or are too old."""

    def __init__(
        self, cluster: Cluster, provisioner: Provisioner, first_look_seconds: float = 0.0
    ) -> None:
        """Works on a cluster.

        Args:
            cluster: whose nodes end.
            provisioner: makes the replacements.
            first_look_seconds: when the looks every 10 s begin.
        """
        self._cluster = cluster
        self._provisioner = provisioner
        self._last_pod_event: dict[str, float] = {}
        self._seen: dict[str, set[tuple[str, bool]]] = {}
        self._ages: set[str] = set()
        self._chosen: set[str] = set()
        cluster.clock.after(first_look_seconds, self._look)

    def react(self) -> None:
        """Notes when pods come and go on a node, and when its age is over."""
        for claim in self._cluster.of("NodeClaim"):
            name = name_of(claim)
            pods = pods_on(self._cluster, claim.get("status", {}).get("nodeName", ""))
            seen = {(pod["metadata"]["uid"], is_going(pod)) for pod in pods}
            known = self._seen.get(name, set())
            if is_initialized(claim) and (name not in self._last_pod_event or seen - known):
                self._last_pod_event[name] = self._cluster.now
            self._seen[name] = seen
            age = seconds_of(claim["spec"].get("expireAfter"))
            if age is not None and name not in self._ages:
                self._ages.add(name)
                self._cluster.clock.after(age, partial(self._delete, name, "Expired"))

    def _look(self) -> None:
        self._cluster.clock.after(_LOOK_SECONDS, self._look)
        for pool in self._cluster.of("NodePool"):
            self._end_drifted(pool)
            self._end_empty(pool)

    def _candidates(self, pool: Object) -> list[Object]:
        return [
            one
            for one in claims_of(self._cluster, pool)
            if is_initialized(one) and not is_going(one) and name_of(one) not in self._chosen
        ]

    def _end_empty(self, pool: Object) -> None:
        budget = allowed(self._cluster, pool, "Empty")
        for claim in [one for one in self._candidates(pool) if self._is_empty(pool, one)][:budget]:
            self._chosen.add(name_of(claim))
            self._cluster.clock.after(_VALIDATION_SECONDS, partial(self._validate, pool, claim))

    def _is_empty(self, pool: Object, claim: Object) -> bool:
        after = seconds_of(pool["spec"]["disruption"].get("consolidateAfter"))
        if after is None or reschedulable(self._cluster, claim):
            return False
        if name_of(claim) in self._provisioner.nominated():
            return False
        return self._cluster.now - self._last_pod_event[name_of(claim)] >= after

    def _validate(self, pool: Object, claim: Object) -> None:
        self._chosen.discard(name_of(claim))
        if self._is_empty(pool, claim):
            self._delete(name_of(claim), "Empty")

    def _end_drifted(self, pool: Object) -> None:
        drifted = [one for one in self._candidates(pool) if has_drifted(pool, one)]
        drifted.sort(key=lambda one: bool(reschedulable(self._cluster, one)))
        if not drifted or not allowed(self._cluster, pool, "Drifted"):
            return
        claim = drifted[0]
        if claim["spec"].get("terminationGracePeriod") is None and any(
            is_marked(pod) for pod in reschedulable(self._cluster, claim)
        ):
            return  # marked, and with no end: left alone
        self._chosen.add(name_of(claim))
        moving = [pod for pod in reschedulable(self._cluster, claim) if not is_marked(pod)]
        self._await_replacements(name_of(claim), self._provisioner.make_for(moving))

    def _await_replacements(self, name: str, replacements: list[str]) -> None:
        if all(is_ready_for_pods(self._cluster, one) for one in replacements):
            self._delete(name, "Drifted")
        else:
            self._cluster.clock.after(
                _QUEUE_SECONDS, lambda: self._await_replacements(name, replacements)
            )

    def _delete(self, name: str, why: str) -> None:
        self._chosen.discard(name)
        claim = self._cluster.find("NodeClaim", name)
        if claim and not is_going(claim):
            self._cluster.note(why, name)
            self._cluster.delete(claim)
