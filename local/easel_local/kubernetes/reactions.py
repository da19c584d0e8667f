"""What the controllers of a cluster do at once after a change: protection of volumes, budgets."""

from collections.abc import Mapping
from typing import Any

from easel_local.kubernetes.budgets import budget_status
from easel_local.kubernetes.protection import released

Object = dict[str, Any]

REACTED_TO = frozenset(
    {
        "deployments",
        "persistentvolumeclaims",
        "persistentvolumes",
        "poddisruptionbudgets",
        "pods",
        "replicasets",
    }
)
"""Plurals of the kinds whose change has consequences."""


def consequences(objects: Mapping[str, Object]) -> dict[str, Object]:
    """Returns what controllers change now, as copies by path; nothing where all is settled."""
    return released(objects) | _budgets(objects)


def _budgets(objects: Mapping[str, Object]) -> dict[str, Object]:
    budgets = {path: one for path, one in objects.items() if one["kind"] == "PodDisruptionBudget"}
    if not budgets:
        return {}
    pods = [one for one in objects.values() if one["kind"] == "Pod"]
    scales = _scales(objects)
    changed = {}
    for path, one in budgets.items():
        status = budget_status(one, pods, scales)
        if one.get("status") != status:
            changed[path] = one | {"status": status}
    return changed


def _scales(objects: Mapping[str, Object]) -> dict[str, int]:
    """Wanted replicas by the uid of a ReplicaSet: those of its Deployment, if it has one."""
    kinds = {"Deployment", "ReplicaSet"}
    wanted = {
        one["metadata"]["uid"]: int(one.get("spec", {}).get("replicas", 1))
        for one in objects.values()
        if one["kind"] in kinds
    }
    owners = {
        one["metadata"]["uid"]: owner["uid"]
        for one in objects.values()
        if one["kind"] == "ReplicaSet"
        for owner in one["metadata"].get("ownerReferences", ())
    }
    return {uid: wanted.get(owners.get(uid, uid), count) for uid, count in wanted.items()}
