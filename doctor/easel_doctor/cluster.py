"""What is in the cluster, read once for all checks that look at it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easel_deploy.cluster.access import cluster_access
from easel_deploy.cluster.errors import ClusterError
from easel_deploy.cluster.kubernetes_client import KubernetesClient
from easel_deploy.cluster.request import ClusterRequest

Object = Mapping[str, Any]


@dataclass(frozen=True)
class ClusterObjects:
    """The objects that the checks look at; a kind that the server does not know has none.

    Attributes:
        version: of the API server.
        releases: Helm's Secrets, one for each revision; their labels say how it ended.
        nodes: of the cluster.
        node_pools: of Karpenter.
        node_claims: nodes that Karpenter has asked EC2 for.
        scaled_objects: of KEDA.
        pods: of all namespaces.
        events: warnings, of all namespaces; the server keeps them for an hour.
    """

    version: str
    releases: tuple[Object, ...] = ()
    nodes: tuple[Object, ...] = ()
    node_pools: tuple[Object, ...] = ()
    node_claims: tuple[Object, ...] = ()
    scaled_objects: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()


class ClusterReading:
    """Reads a cluster at the first question, and remembers the answer, or the failure."""

    def __init__(self, name: str, region: str) -> None:
        """Names it; nothing is asked yet.

        Args:
            name: of the cluster.
            region: of the cluster.
        """
        self._request = ClusterRequest(cluster_name=name, region=region)
        self._lock = threading.Lock()
        self._found: ClusterObjects | ClusterError | None = None

    def objects(self) -> ClusterObjects:
        """Returns what is there.

        Raises:
            ClusterError: the cluster cannot be reached or entered; the message says what to do.
        """
        with self._lock:
            if self._found is None:
                try:
                    self._found = self._read()
                except ClusterError as error:
                    self._found = error
        if isinstance(self._found, ClusterError):
            raise self._found
        return self._found

    def _read(self) -> ClusterObjects:
        with cluster_access(self._request, lambda _: None, patience_seconds=0) as access:
            client = access.client
            return ClusterObjects(
                version=client.version(),
                releases=_all(client, "api/v1/secrets", labelSelector="owner=helm"),
                nodes=_all(client, "api/v1/nodes"),
                node_pools=_all(client, "apis/karpenter.sh/v1/nodepools"),
                node_claims=_all(client, "apis/karpenter.sh/v1/nodeclaims"),
                scaled_objects=_all(client, "apis/keda.sh/v1alpha1/scaledobjects"),
                pods=_all(client, "api/v1/pods"),
                events=_all(client, "api/v1/events", fieldSelector="type=Warning"),
            )


def _all(client: KubernetesClient, path: str, **selection: str) -> tuple[Object, ...]:
    return tuple(client.items(path, **selection))


def name_of(one: Object) -> str:
    """Returns namespace and name, or the name alone of what is in no namespace."""
    metadata = one["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def condition(one: Object, kind: str) -> Object:
    """Returns a condition of an object's status; empty where there is none."""
    found = (one.get("status") or {}).get("conditions") or []
    return next((each for each in found if each.get("type") == kind), {})
