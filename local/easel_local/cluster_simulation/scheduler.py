"""The scheduler: which node a pod gets. It counts GPUs; CPU and memory are not simulated.

A pod needs its ``nodeSelector``, tolerations for the node's taints, and a GPU that is free. A pod
that names no GPU needs a node that has no other such pod, so that one pod per node holds for it as
well.
"""

from collections.abc import Iterable

from easel_local.cluster_simulation.cluster import Cluster, is_going, name_of
from easel_local.kubernetes import Object

GPU = "nvidia.com/gpu"
_ENDED = {"Succeeded", "Failed"}


class Scheduler:
    """Binds pods to nodes."""

    def __init__(self, cluster: Cluster) -> None:
        """Works on a cluster."""
        self._cluster = cluster

    def react(self) -> None:
        """Binds every pod that has a node to go to."""
        for pod in unbound(self._cluster):
            for node in self._cluster.of("Node"):
                if fits(pod, node, pods_on(self._cluster, name_of(node))):
                    self._cluster.merge(pod, {"spec": {"nodeName": name_of(node)}})
                    self._cluster.note("Pod bound", name_of(pod))
                    break


def unbound(cluster: Cluster) -> list[Object]:
    """Returns the pods that wait for a node."""
    return [
        pod for pod in cluster.of("Pod") if not pod["spec"].get("nodeName") and not is_going(pod)
    ]


def pods_on(cluster: Cluster, node: str) -> list[Object]:
    """Returns the pods of a node that have not ended."""
    return [
        pod
        for pod in cluster.of("Pod")
        if pod["spec"].get("nodeName") == node and pod["status"]["phase"] not in _ENDED
    ]


def gpus_of(pod: Object) -> int:
    """Returns how many GPUs a pod asks for; at least the one place that it takes."""
    containers = [*pod["spec"].get("initContainers", ()), *pod["spec"].get("containers", ())]
    limits = [one.get("resources", {}).get("limits", {}) for one in containers]
    return max(1, *(int(limit.get(GPU, 0)) for limit in limits)) if limits else 1


def fits(pod: Object, node: Object, others: Iterable[Object]) -> bool:
    """Whether a node takes a pod beside those that it has."""
    labels = node["metadata"].get("labels", {})
    spec = node.get("spec", {})
    free = int(node["status"]["allocatable"][GPU]) - sum(gpus_of(other) for other in others)
    return (
        not is_going(node)
        and not spec.get("unschedulable")
        and pod["spec"].get("nodeSelector", {}).items() <= labels.items()
        and all(_tolerates(pod, taint) for taint in spec.get("taints", ()))
        and gpus_of(pod) <= free
    )


def _tolerates(pod: Object, taint: Object) -> bool:
    return any(
        toleration.get("key") in {None, taint["key"]}
        and toleration.get("effect") in {None, taint["effect"]}
        and (
            toleration.get("operator") == "Exists" or toleration.get("value") == taint.get("value")
        )
        for toleration in pod["spec"].get("tolerations", ())
    )
