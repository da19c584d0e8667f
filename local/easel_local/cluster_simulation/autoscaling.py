"""The HorizontalPodAutoscaler of a ScaledObject: 1 to N, every 15 s.

Read in Kubernetes: ``pkg/controller/podautoscaler``: ``GetExternalPerPodMetric`` (tolerance 10 %
of the ratio; desired is the sum over the target), ``stabilizeRecommendationWithBehaviors``
(scaling down takes the highest recommendation of the window),
``calculateScaleDownLimitWithBehaviors`` (a policy counts what has been taken away in its period).
Seen in capture K: 5 -> 4 -> 3 a minute apart, and nothing at all while KEDA holds the Deployment
at 0 (ScalingDisabled).
"""

import math
from collections.abc import Callable

from easel_local.cluster_simulation.cluster import Cluster, name_of
from easel_local.kubernetes import Object

_SYNC_SECONDS = 15.05
"""Measured in K: a period of 15 s, and the work of a look on top of it."""
_TOLERANCE = 0.1
_PERCENT = 100
_STABILIZATION_SECONDS = 300

Metric = Callable[[Object], float | None]
"""The metric of a ScaledObject; None where it cannot be had."""


class Autoscaler:
    """The HPAs of all ScaledObjects."""

    def __init__(self, cluster: Cluster, metric: Metric, first_sync_seconds: float = 0.0) -> None:
        """Works on a cluster.

        Args:
            cluster: whose Deployments are scaled.
            metric: KEDA's metrics adapter.
            first_sync_seconds: when the looks every 15 s begin.
        """
        self._cluster = cluster
        self._metric = metric
        self._recommended: dict[str, list[tuple[float, int]]] = {}
        self._changes: dict[str, list[tuple[float, int]]] = {}
        cluster.clock.after(first_sync_seconds, self._sync)

    def react(self) -> None:
        """Does nothing: it looks by the clock."""

    def _sync(self) -> None:
        self._cluster.clock.after(_SYNC_SECONDS, self._sync)
        for scaled in self._cluster.of("ScaledObject"):
            deployment = self._cluster.find("Deployment", scaled["spec"]["scaleTargetRef"]["name"])
            if deployment and deployment["spec"]["replicas"] > 0:
                self._scale(scaled, deployment)

    def _scale(self, scaled: Object, deployment: Object) -> None:
        value = self._metric(scaled)
        if value is None:
            return  # FailedGetExternalMetric: everything stays
        now, name, spec = self._cluster.now, name_of(scaled), scaled["spec"]
        current = int(deployment["spec"]["replicas"])
        target = float(spec["triggers"][0]["metadata"]["queueLength"])
        wanted = current
        if abs(value / (target * current) - 1) > _TOLERANCE:
            wanted = math.ceil(value / target)
        wanted = min(max(wanted, spec.get("minReplicaCount", 0), 1), spec["maxReplicaCount"])
        behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {})
        behavior = behavior.get("behavior", {})
        wanted = self._stabilized(name, wanted, current, behavior.get("scaleDown", {}))
        wanted = self._limited(name, wanted, current, behavior)
        if wanted != current:
            self._changes.setdefault(name, []).append((now, wanted - current))
            self._cluster.merge(deployment, {"spec": {"replicas": wanted}})
            self._cluster.note(f"HPA {current} -> {wanted}", name_of(deployment))

    def _stabilized(self, name: str, wanted: int, current: int, down: Object) -> int:
        window = down.get("stabilizationWindowSeconds", _STABILIZATION_SECONDS)
        now = self._cluster.now
        known = [one for one in self._recommended.get(name, []) if one[0] > now - window]
        self._recommended[name] = [*known, (now, wanted)]
        if wanted >= current:
            return wanted
        return min(max(count for _, count in self._recommended[name]), current)

    def _limited(self, name: str, wanted: int, current: int, behavior: Object) -> int:
        if wanted < current:
            policies = behavior.get("scaleDown", {}).get("policies", ())
            lowest = [
                self._began_with(name, one, current) - _step(one, current) for one in policies
            ]
            return max(wanted, min(lowest, default=wanted))
        policies = behavior.get("scaleUp", {}).get("policies", ())
        highest = [self._began_with(name, one, current) + _step(one, current) for one in policies]
        return min(wanted, max(highest, default=wanted))

    def _began_with(self, name: str, policy: Object, current: int) -> int:
        """The replicas at the beginning of a policy's period."""
        since = self._cluster.now - policy["periodSeconds"]
        return current - sum(by for at, by in self._changes.get(name, ()) if at > since)


def _step(policy: Object, current: int) -> int:
    value: int = policy["value"]
    return value if policy["type"] == "Pods" else math.ceil(value * current / _PERCENT)
