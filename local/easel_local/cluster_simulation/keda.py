"""KEDA: 0 to 1 and N to 0 by its own polls, and the metric that the HPA asks it for.

Read in KEDA: ``pkg/scaling/executor/scale_scaledobjects.go`` (activation, cooldown since the last
active poll, both only at a poll) and ``pkg/fallback/fallback.go`` (failures are counted by the
HPA's questions; after more than ``failureThreshold`` the metric is the fallback's). Seen in
captures 00, K, W1, W4: a fresh Deployment goes from 1 to 0 at once; one message gives 1 at the
next poll; 3 -> 0 in one step, 30 s after the last active poll and the cooldown of 40 s; with an
unreadable queue four pods stay, and from zero nothing happens at all.
"""

import math
from collections.abc import Callable
from functools import partial

from easel_local.cluster_simulation.cluster import Cluster, name_of
from easel_local.kubernetes import Object

QueueDepth = Callable[[], int | None]
"""Messages, visible and in flight; None where the queue cannot be read."""


class Keda:
    """The operator and its metrics adapter, for ScaledObjects with one SQS trigger."""

    def __init__(
        self, cluster: Cluster, depth: QueueDepth, first_poll_seconds: float = 0.6
    ) -> None:
        """Works on a cluster.

        Args:
            cluster: whose ScaledObjects are looked after.
            depth: of the queue of all of them.
            first_poll_seconds: from a ScaledObject's creation to its first poll (measured: 0.6 s).
        """
        self._cluster = cluster
        self._depth = depth
        self._first_poll_seconds = first_poll_seconds
        self._known: set[str] = set()
        self._last_active: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def react(self) -> None:
        """Begins to poll for a new ScaledObject."""
        for scaled in self._cluster.of("ScaledObject"):
            name = name_of(scaled)
            if name not in self._known:
                self._known.add(name)
                self._cluster.clock.after(self._first_poll_seconds, partial(self._poll, name))

    def _poll(self, name: str) -> None:
        scaled = self._cluster.find("ScaledObject", name)
        if scaled is None:
            self._known.discard(name)
            return
        spec, now = scaled["spec"], self._cluster.now
        self._cluster.clock.after(spec.get("pollingInterval", 30), lambda: self._poll(name))
        deployment = self._cluster.find("Deployment", spec["scaleTargetRef"]["name"])
        depth = self._depth()
        if deployment is None or depth is None:
            return
        replicas, least = int(deployment["spec"]["replicas"]), spec.get("minReplicaCount", 0)
        is_active = depth > int(spec["triggers"][0]["metadata"].get("activationQueueLength", 0))
        if is_active:
            # status.lastActiveTime holds whole seconds.
            self._last_active[name] = math.floor(now)
            if replicas == 0:
                self._set(deployment, max(least, 1))
        elif replicas > 0 and least == 0:
            idle_since = self._last_active.get(name)
            if idle_since is None or now > idle_since + spec.get("cooldownPeriod", 300):
                self._set(deployment, 0)

    def metric(self, scaled: Object) -> float | None:
        """Answers the HPA.

        Returns:
            Messages; the fallback's number where the queue has not been readable for too long; None
            before that.
        """
        depth, name, spec = self._depth(), name_of(scaled), scaled["spec"]
        if depth is not None:
            self._failures[name] = 0
            return float(depth)
        self._failures[name] = self._failures.get(name, 0) + 1
        fallback = spec.get("fallback")
        if fallback is None or self._failures[name] <= fallback["failureThreshold"]:
            return None
        replicas = int(fallback["replicas"])
        deployment = self._cluster.find("Deployment", spec["scaleTargetRef"]["name"])
        if deployment and fallback.get("behavior") == "currentReplicasIfHigher":
            replicas = max(replicas, int(deployment["spec"]["replicas"]))
        return replicas * float(spec["triggers"][0]["metadata"]["queueLength"])

    def _set(self, deployment: Object, replicas: int) -> None:
        before = deployment["spec"]["replicas"]
        self._cluster.merge(deployment, {"spec": {"replicas": replicas}})
        self._cluster.note(f"KEDA {before} -> {replicas}", name_of(deployment))
