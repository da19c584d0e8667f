"""A release as the captured clusters had it, in a simulated one."""

from typing import Any

from easel_local.cluster_simulation import SimulatedCluster
from easel_local.cluster_simulation.cluster import name_of

Object = dict[str, Any]
LABELS = {"app": "a"}
POOL = {"runtime": "a"}
TAINTS = [
    {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"},
    {"key": "runtime", "value": "a", "effect": "NoSchedule"},
]


def release(
    *,
    replicas: int = 2,
    pod_grace: int = 72,
    node_grace: str = "132s",
    marked: bool = False,
    max_unavailable: int | None = None,
    consolidate_after: str = "20s",
    budgets: list[Object] | None = None,
    label: str = "first",
) -> list[Object]:
    """Deployment, NodePool, and a budget if wanted; another label is another revision."""
    marks = {"karpenter.sh/do-not-disrupt": "true"} if marked else {}
    pod = {
        "nodeSelector": POOL,
        "terminationGracePeriodSeconds": pod_grace,
        "tolerations": [{"key": taint["key"], "operator": "Exists"} for taint in TAINTS],
        "containers": [{"name": "a", "image": "a:1"}],
    }
    template = {"metadata": {"labels": LABELS, "annotations": marks | {"l": label}}, "spec": pod}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    made = [
        manifest(
            "apps/v1",
            "Deployment",
            {"replicas": replicas, "strategy": strategy, "template": template},
        ),
        node_pool(node_grace, consolidate_after, budgets or [{"nodes": "100%"}]),
    ]
    if max_unavailable is not None:
        budget = {"selector": {"matchLabels": LABELS}, "maxUnavailable": max_unavailable}
        made.append(manifest("policy/v1", "PodDisruptionBudget", budget))
    return made


def node_pool(node_grace: str, consolidate_after: str, budgets: list[Object]) -> Object:
    node = {
        "metadata": {"labels": POOL},
        "spec": {"terminationGracePeriod": node_grace, "taints": TAINTS},
    }
    disruption = {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": consolidate_after,
        "budgets": budgets,
    }
    return manifest("karpenter.sh/v1", "NodePool", {"template": node, "disruption": disruption})


def manifest(version: str, kind: str, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, "spec": spec}


def running(manifests: list[Object], **timings: float) -> SimulatedCluster:
    """A cluster in which all pods of a release are ready, a minute later."""
    cluster = SimulatedCluster(**timings)
    cluster.apply(manifests, "easel")
    wanted = manifests[0]["spec"].get("replicas", 1)
    cluster.run_until(lambda: len(cluster.ready_pods()) == wanted, 300)
    cluster.run(60)
    return cluster


def delete_node_of(cluster: SimulatedCluster, pod: Object) -> float:
    """Deletes the NodeClaim of a pod's node; returns when."""
    cluster.delete(cluster.claim_of(pod))
    return cluster.now


def set_ready(cluster: SimulatedCluster, pod: Object, status: str) -> None:
    """What a readiness probe would have written."""
    conditions = [{"type": "Ready", "status": status, "reason": "Probe"}]
    cluster.merge(cluster.find("Pod", name_of(pod)) or pod, {"status": {"conditions": conditions}})
