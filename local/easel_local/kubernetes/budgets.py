"""What a PodDisruptionBudget allows: the part of the disruption controller.

Read in Kubernetes: ``getExpectedPodCount``, ``countHealthyPods`` and ``updatePdbStatus`` of
``pkg/controller/disruption/disruption.go``. Seen in a capture of 1.35.6: one ready pod and
``maxUnavailable: 1`` give currentHealthy 1, desiredHealthy 0, disruptionsAllowed 1, SufficientPods.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]


def is_ready(pod: Object) -> bool:
    """Whether a pod's condition Ready is true."""
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod.get("status", {}).get("conditions", ())
    )


def matching(budget: Object, pods: Iterable[Object]) -> list[Object]:
    """Returns the pods of a budget's namespace that its selector takes; an empty one takes none."""
    labels = (budget.get("spec", {}).get("selector") or {}).get("matchLabels") or {}
    return [
        pod
        for pod in pods
        if labels
        and pod["metadata"].get("namespace") == budget["metadata"].get("namespace")
        and labels.items() <= (pod["metadata"].get("labels") or {}).items()
    ]


def budget_status(budget: Object, pods: Iterable[Object], scales: Mapping[str, int]) -> Object:
    """Returns the status that the controller writes.

    Args:
        budget: a PodDisruptionBudget, ``matchLabels`` only.
        pods: all of the cluster's.
        scales: replicas that are wanted, by the uid of the pods' controller.
    """
    taken = matching(budget, pods)
    expected, desired = _counts(budget["spec"], taken, scales)
    healthy = sum(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in taken)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    return {
        "observedGeneration": budget["metadata"]["generation"],
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "conditions": [
            {
                "type": "DisruptionAllowed",
                "status": "True" if allowed else "False",
                "reason": "SufficientPods" if allowed else "InsufficientPods",
                "message": "",
                "observedGeneration": budget["metadata"]["generation"],
            }
        ],
    }


def _counts(spec: Object, pods: list[Object], scales: Mapping[str, int]) -> tuple[int, int]:
    controllers = {
        owner["uid"]
        for pod in pods
        for owner in pod["metadata"].get("ownerReferences", ())
        if owner.get("controller")
    }
    scale = sum(scales.get(uid, 0) for uid in controllers)
    if (most := spec.get("maxUnavailable")) is not None:
        return scale, max(scale - _scaled(most, scale), 0)
    least = spec.get("minAvailable", 0)
    if isinstance(least, int):
        return len(pods), least
    return scale, _scaled(least, scale)


def _scaled(value: int | str, of: int) -> int:
    """A number, or a share of another one, rounded up."""
    if isinstance(value, int):
        return value
    return math.ceil(int(value.removesuffix("%")) * of / 100)
