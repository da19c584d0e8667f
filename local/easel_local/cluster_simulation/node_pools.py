"""What the simulated Karpenter reads from NodePools and NodeClaims."""

import hashlib
import json
import math
import re

from easel_local.cluster_simulation.cluster import Cluster, is_going, name_of
from easel_local.cluster_simulation.scheduler import GPU, pods_on
from easel_local.kubernetes import Object

POOL_LABEL = "karpenter.sh/nodepool"
HASH = "karpenter.sh/nodepool-hash"
DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
FINALIZER = "karpenter.sh/termination"
DISRUPTED = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PERCENT = 100


def seconds_of(duration: str | None) -> float | None:
    """Reads a duration of Go, such as ``1320s`` or ``1h30m``.

    Returns:
        Seconds; None for ``Never`` and for nothing.
    """
    if duration in {None, "Never"}:
        return None
    parts = re.findall(r"([\d.]+)([hms])", str(duration))
    return sum(float(count) * _UNITS[unit] for count, unit in parts)


def hash_of(pool: Object) -> str:
    """Returns what changes when a NodePool's template does: a node of another hash has drifted.

    Not Karpenter's own hash, and over the whole template but its requirements, whose change drifts
    a node only where it does not meet them any more.
    """
    template = json.loads(json.dumps(pool["spec"]["template"]))
    template["spec"].pop("requirements", None)
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16]


def has_drifted(pool: Object, claim: Object) -> bool:
    """Whether a node is not what its NodePool would make now."""
    if claim["metadata"]["annotations"][HASH] != hash_of(pool):
        return True
    labels = claim["metadata"]["labels"]
    return not all(
        labels.get(one["key"], one["values"][0]) in one["values"]
        for one in pool["spec"]["template"]["spec"].get("requirements", ())
        if one["operator"] == "In"
    )


def node_of(cluster: Cluster, claim: Object) -> Object | None:
    """Returns the Node of a NodeClaim, once it is registered."""
    return cluster.find("Node", claim.get("status", {}).get("nodeName", ""))


def is_initialized(claim: Object) -> bool:
    """Whether a node is ready for pods."""
    return any(
        one["type"] == "Initialized" and one["status"] == "True"
        for one in claim.get("status", {}).get("conditions", ())
    )


def is_marked(pod: Object) -> bool:
    """Whether a pod bears ``karpenter.sh/do-not-disrupt: "true"``; durations are not simulated."""
    return bool(pod["metadata"].get("annotations", {}).get(DO_NOT_DISRUPT) == "true")


def reschedulable(cluster: Cluster, claim: Object) -> list[Object]:
    """Returns the pods of a node that need another place; one that is ending needs none."""
    node = claim.get("status", {}).get("nodeName", "")
    return [pod for pod in pods_on(cluster, node) if not is_going(pod)]


def claims_of(cluster: Cluster, pool: Object) -> list[Object]:
    """Returns the NodeClaims of a NodePool."""
    return [
        one
        for one in cluster.of("NodeClaim")
        if one["metadata"]["labels"][POOL_LABEL] == name_of(pool)
    ]


def has_room(cluster: Cluster, pool: Object) -> bool:
    """Whether a NodePool's limit of GPUs lets another node be made.

    Nodes that are going do not count: the limit is no hard cap (seen: 10 nodes at a limit of 8).
    """
    limit = pool["spec"].get("limits", {}).get(GPU)
    staying = [one for one in claims_of(cluster, pool) if not is_going(one)]
    used = sum(int(one["spec"]["resources"]["requests"][GPU]) for one in staying)
    return limit is None or used < int(limit)


def allowed(cluster: Cluster, pool: Object, reason: str) -> int:
    """Returns how many nodes may be disrupted now for a reason, by the NodePool's budgets."""
    claims = claims_of(cluster, pool)
    budgets = pool["spec"].get("disruption", {}).get("budgets", [{"nodes": "10%"}])
    limits = [
        _count(one["nodes"], len(claims))
        for one in budgets
        if reason in one.get("reasons", [reason])
    ]
    going = sum(is_going(one) for one in claims)
    return max(min(limits, default=len(claims)) - going, 0)


def _count(nodes: str, of: int) -> int:
    if nodes.endswith("%"):
        return math.ceil(int(nodes[:-1]) * of / _PERCENT)
    return int(nodes)
