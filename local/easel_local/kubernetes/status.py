"""What controllers would have written into an object's status: everything is ready at once."""

from collections.abc import Callable
from typing import Any

from easel_local.kubernetes import keda

Object = dict[str, Any]

_READY_KINDS = {"EC2NodeClass", "NodePool"}


def settle(one: Object) -> None:
    """Writes the status of an object whose controller would have done its work."""
    make = _STATUS.get(one.get("kind", ""))
    if make:
        one["status"] = one.get("status", {}) | make(one)
    elif one.get("kind") == "ScaledObject":
        one.setdefault("status", keda.status(one))
    elif one.get("kind") in _READY_KINDS:
        one.setdefault("status", {"conditions": [_condition("Ready")]})


def _deployment(one: Object) -> Object:
    replicas = one.get("spec", {}).get("replicas", 1)
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {
        "observedGeneration": one["metadata"]["generation"],
        **dict.fromkeys(counts, replicas),
        "conditions": [
            _condition("Available", "MinimumReplicasAvailable"),
            _condition("Progressing", "NewReplicaSetAvailable"),
        ],
    }


def _definition(_: Object) -> Object:
    return {"conditions": [_condition("NamesAccepted"), _condition("Established")]}


def _condition(name: str, reason: str = "Ready") -> Object:
    return {"type": name, "status": "True", "reason": reason, "message": ""}


_STATUS: dict[str, Callable[[Object], Object]] = {
    "APIService": lambda _: {"conditions": [_condition("Available")]},
    "CustomResourceDefinition": _definition,
    "Deployment": _deployment,
    "Namespace": lambda _: {"phase": "Active"},
    "PersistentVolume": lambda _: {"phase": "Bound"},
    "PersistentVolumeClaim": lambda _: {"phase": "Bound"},
}
