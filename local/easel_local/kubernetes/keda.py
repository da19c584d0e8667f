"""What KEDA would make of a ScaledObject, as real KEDA 2.18.1 was recorded to write it.

A label says what KEDA finds, for tests of a release's own check: `down` (there is no KEDA), or
`unreadable` (a queue that cannot be read, while one pod runs). Without the label all is well.
"""

from typing import Any

Object = dict[str, Any]

LABEL = "easel.local/keda"


def status(scaled: Object) -> Object:
    """Returns the status of a ScaledObject."""
    found = _found(scaled)
    if found == "down":
        return {}
    name = scaled["metadata"]["name"]
    made: Object = {
        "conditions": [
            _condition("Ready", "True", "ScaledObjectReady"),
            _condition("Active", "False", "ScalerNotActive"),
            {"type": "Fallback", "status": "Unknown"},
            {"type": "Paused", "status": "False"},
        ],
        "hpaName": f"keda-hpa-{name}",
        "originalReplicaCount": 1,
    }
    if found == "unreadable":
        made["health"] = {f"s0-aws-sqs-{name}": {"numberOfFailures": 5, "status": "Failing"}}
        made["conditions"][2] = _condition("Fallback", "True", "FallbackExists")
    return made


def made_of(scaled: Object) -> dict[str, Object]:
    """Returns what KEDA makes beside a ScaledObject, by path; nothing where it is down."""
    if scaled.get("kind") != "ScaledObject" or _found(scaled) == "down":
        return {}
    metadata = scaled["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    owner = {"apiVersion": scaled["apiVersion"], "kind": "ScaledObject", "name": name}
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"ownerReferences": [{**owner, "uid": metadata["uid"], "controller": True}]},
        "spec": {"scaleTargetRef": scaled["spec"]["scaleTargetRef"]},
    }
    path = f"apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/keda-hpa-{name}"
    return {path: autoscaler}


def _found(scaled: Object) -> str:
    return str(scaled["metadata"].get("labels", {}).get(LABEL, ""))


def _condition(kind: str, holds: str, reason: str) -> Object:
    return {"type": kind, "status": holds, "reason": reason, "message": ""}
