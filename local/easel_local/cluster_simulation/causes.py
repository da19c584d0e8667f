"""What ends a pod from outside of the controllers: a Spot interruption, a drain by hand."""

from easel_local.cluster_simulation.cluster import Cluster, name_of, path_of
from easel_local.cluster_simulation.kubelet import Kubelets
from easel_local.cluster_simulation.node_pools import node_of
from easel_local.cluster_simulation.scheduler import pods_on
from easel_local.kubernetes import ApiError, Object

SPOT_NOTICE_SECONDS = 120.0
"""From EC2's notice to the instance's end (EC2 User Guide, Spot interruption notices)."""

_DRAIN_RETRY_SECONDS = 5.0
"""Of ``kubectl drain`` after a 429 (``evictPods`` of ``kubectl/pkg/drain/drain.go``)."""


def interrupt(cluster: Cluster, kubelets: Kubelets, claim: Object) -> None:
    """EC2 gives notice: Karpenter deletes the NodeClaim, and 120 s later the instance is off.

    The way of the notice through EventBridge and SQS to Karpenter takes a second or so on AWS; here
    it takes none.
    """
    cluster.note("Spot notice", name_of(claim))
    cluster.delete(claim)
    node = name_of(claim)

    def end() -> None:
        if node_of(cluster, claim) and cluster.find("Node", node):
            kubelets.end_instance(node)

    cluster.clock.after(SPOT_NOTICE_SECONDS, end)


def drain(cluster: Cluster, node: Object, grace_period: int | None = None) -> None:
    """``kubectl drain``: cordons a node and evicts its pods until they are gone.

    Args:
        cluster: the node's.
        node: that is drained.
        grace_period: seconds, of ``--grace-period``; None leaves the pods' own.
    """
    cluster.merge(node, {"spec": {"unschedulable": True}})
    cluster.note("Node cordoned", name_of(node))
    options = {} if grace_period is None else {"gracePeriodSeconds": grace_period}

    def evict(pod: Object) -> None:
        if path_of(pod) not in cluster.store.objects:
            return
        try:
            cluster.store.evict(path_of(pod), {"deleteOptions": options})
        except ApiError:
            cluster.note("eviction refused", name_of(pod))
            cluster.clock.after(_DRAIN_RETRY_SECONDS, lambda: evict(pod))
        else:
            cluster.note("Pod evicted", name_of(pod))

    for pod in pods_on(cluster, name_of(node)):
        evict(pod)
