"""The eviction subresource of a pod.

Read in Kubernetes: ``EvictionREST.Create`` of ``pkg/registry/core/pod/storage/eviction.go``. Seen
in captures of 1.35.6: W3 (429 with this message), C (a pod on its way takes an eviction at any
time; the condition DisruptionTarget says EvictionByEvictionAPI).
"""

from http import HTTPStatus
from typing import Any

from easel_local.kubernetes.budgets import is_ready, matching
from easel_local.kubernetes.errors import ApiError

Object = dict[str, Any]

SUCCESS: Object = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": HTTPStatus.CREATED,
}
_SEVERAL = (
    "This pod has more than one PodDisruptionBudget, "
    "which the eviction subresource does not support."
)
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_UNGUARDED = {"Succeeded", "Failed", "Pending"}
DISRUPTION_TARGET: Object = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}


def check_eviction(pod: Object, budgets: list[Object]) -> None:
    """Refuses an eviction that a budget does not allow.

    A budget that is used up answers without Retry-After (``NewTooManyRequests`` with 0 s).

    Args:
        pod: that is to be evicted.
        budgets: all of the cluster's, with their status of this moment: the store keeps it, so that
            none is ever "still being processed" and `disruptedPods` is not needed.

    Raises:
        ApiError: 429, the budget; 500, more than one budget.
    """
    if pod.get("status", {}).get("phase") in _UNGUARDED or "deletionTimestamp" in pod["metadata"]:
        return
    guarding = [one for one in budgets if matching(one, [pod])]
    if len(guarding) > 1:
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, _SEVERAL)
    for budget in guarding:
        status = budget["status"]
        healthy, desired = status["currentHealthy"], status["desiredHealthy"]
        if not is_ready(pod):
            always = budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
            if always or healthy >= desired > 0:
                continue
        if status["disruptionsAllowed"] == 0:
            name = budget["metadata"]["name"]
            text = f"The disruption budget {name} needs {desired} healthy pods and has {healthy}"
            cause = {"reason": "DisruptionBudget", "message": f"{text} currently"}
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS, _REFUSED, "TooManyRequests", {"causes": [cause]}
            )
