"""A cluster with all of its controllers."""

import json
from collections.abc import Iterable

from easel_local.cluster_simulation.autoscaling import Autoscaler
from easel_local.cluster_simulation.cluster import Cluster, is_going
from easel_local.cluster_simulation.disruption import Disruption
from easel_local.cluster_simulation.keda import Keda
from easel_local.cluster_simulation.kubelet import Kubelets
from easel_local.cluster_simulation.provisioning import Provisioner
from easel_local.cluster_simulation.replicas import Replicas
from easel_local.cluster_simulation.scheduler import GPU, Scheduler
from easel_local.cluster_simulation.termination import Termination
from easel_local.kubernetes import Object
from easel_local.kubernetes.budgets import is_ready

_PLACES = {
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "NodePool": "apis/karpenter.sh/v1/nodepools",
    "PodDisruptionBudget": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "ScaledObject": "apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects",
}
"""What of a release the controllers look at."""


class SimulatedCluster(Cluster):
    """A cluster, its controllers and one queue.

    Attributes:
        depth: of the queue, visible and in flight; None while it cannot be read.
        kubelets: say what pods work on, and what becomes of nodes.
    """

    def __init__(
        self,
        *,
        node_seconds: float = 1.1,
        ready_seconds: float = 2.5,
        first_look_seconds: float = 0.0,
        first_sync_seconds: float = 0.0,
        first_poll_seconds: float = 0.6,
    ) -> None:
        """Makes an empty cluster.

        Args:
            node_seconds: from a NodeClaim to its node.
            ready_seconds: from a pod's node to its readiness.
            first_look_seconds: Karpenter's disruption looks every 10 s from then.
            first_sync_seconds: the HPA looks every 15 s from then.
            first_poll_seconds: KEDA polls a new ScaledObject so soon.
        """
        super().__init__()
        self.depth: int | None = 0
        self.kubelets = Kubelets(self, ready_seconds)
        provisioner = Provisioner(self, node_seconds)
        keda = Keda(self, lambda: self.depth, first_poll_seconds)
        self.controllers = [
            keda,
            Autoscaler(self, keda.metric, first_sync_seconds),
            Replicas(self),
            Scheduler(self),
            self.kubelets,
            provisioner,
            Termination(self),
            Disruption(self, provisioner, first_look_seconds),
        ]

    def apply(self, manifests: Iterable[Object], namespace: str) -> None:
        """Applies what of a release the controllers look at; the rest is left out.

        Args:
            manifests: objects, as ``helm template`` renders them.
            namespace: of the release; made if missing.
        """
        space = f"api/v1/namespaces/{namespace}"
        if space not in self.store.objects:
            self.store.create(space, {"apiVersion": "v1", "kind": "Namespace"})
        for one in manifests:
            if place := _PLACES.get(one["kind"]):
                path = f"{place.format(namespace)}/{one['metadata']['name']}"
                self.store.apply(path, json.loads(json.dumps(one)))

    def add_node(self, name: str, labels: dict[str, str], *, gpus: int) -> None:
        """Adds a ready node that is not Karpenter's."""
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        self.create(
            "Node",
            name,
            {
                "apiVersion": "v1",
                "metadata": {"labels": labels},
                "status": {"allocatable": {GPU: str(gpus)}, "conditions": [ready]},
            },
        )

    def ready_pods(self) -> list[Object]:
        """Returns the pods that are ready and stay."""
        return [pod for pod in self.of("Pod") if is_ready(pod) and not is_going(pod)]

    def claim_of(self, pod: Object) -> Object:
        """Returns the NodeClaim of the node that a pod is on.

        Raises:
            LookupError: it is on none.
        """
        claim = self.find("NodeClaim", pod["spec"].get("nodeName", ""))
        if claim is None:
            raise LookupError(f"{pod['metadata']['name']} is on no node of Karpenter's")
        return claim
