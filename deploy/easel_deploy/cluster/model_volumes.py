"""The volumes by which a release of sd-runtime mounts its models. Why: docs/adr/0040."""

from collections.abc import Iterable

from easel_deploy.cluster.errors import ClusterError
from easel_deploy.cluster.kubernetes_client import KubernetesClient, Object
from easel_deploy.cluster.release_manifest import Declared
from easel_deploy.cluster.release_objects import OVER, OWNER

_OURS = "app.kubernetes.io/name=sd-runtime,app.kubernetes.io/part-of=easel"
_KINDS = {"PersistentVolumeClaim", "PersistentVolume"}


class ModelVolumes:
    """Claims and volumes of one release, those that only earlier revisions had included."""

    def __init__(self, client: KubernetesClient, name: str, namespace: str) -> None:
        """Prepares; calls nothing.

        Args:
            client: of the cluster.
            name: of the release.
            namespace: of the release.
        """
        self._client = client
        self._owner = (name, namespace)
        self._claims = f"api/v1/namespaces/{namespace}/persistentvolumeclaims"
        self._volumes = "api/v1/persistentvolumes"
        self._pods = f"api/v1/namespaces/{namespace}/pods"

    def left(self) -> list[str]:
        """Returns kinds and names of all that are there.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        return [words for _, words, _ in self._all()]

    def going(self) -> list[str]:
        """Returns kinds and names of those that are being deleted.

        A pod that starts now and names such a claim would wait for ever.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        return [words for _, words, one in self._all() if "deletionTimestamp" in one["metadata"]]

    def delete(self) -> list[str]:
        """Deletes all of them, for a release that is uninstalled.

        Returns:
            Their kinds and names.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        found = list(self._all())
        for path, _, _ in found:
            self._client.delete(path)
        return [words for _, words, _ in found]

    def delete_unused(self, declared: Iterable[Declared]) -> list[str]:
        """Deletes those of earlier revisions that no pod mounts any more.

        Args:
            declared: the objects of the release's manifest.

        Returns:
            Their kinds and names.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        wanted = {(one.kind, one.name) for one in declared if one.kind in _KINDS}
        used = self._used_claims()
        deleted = []
        for path, words, one in self._all():
            kind, _, name = words.partition(" ")
            claim = name if kind == "PersistentVolumeClaim" else _claim_of(one)
            if (kind, name) not in wanted and claim not in used:
                self._client.delete(path)
                deleted.append(words)
        return deleted

    def check(self, declared: Iterable[Declared]) -> None:
        """Looks whether what a release has made is there to stay.

        Args:
            declared: the objects of the release's manifest.

        Raises:
            ClusterError: a claim or a volume of it is not there, or is being deleted; or the API
                server refuses or does not answer.
        """
        staying = {w for _, w, one in self._all() if "deletionTimestamp" not in one["metadata"]}
        wanted = {f"{one.kind} {one.name}" for one in declared if one.kind in _KINDS}
        if lost := sorted(wanted - staying):
            raise ClusterError(
                f"Helm calls the release deployed, but {', '.join(lost)} is being deleted or is "
                "not there: pods that start now wait for ever. Run apply again once the pods that "
                "still use it are gone: `kubectl get pods` in the namespace shows them."
            )

    def _all(self) -> list[tuple[str, str, Object]]:
        """Path, kind with name, and object, of each; the claims first."""
        return [
            (f"{path}/{one['metadata']['name']}", f"{kind} {one['metadata']['name']}", one)
            for kind, path in (
                ("PersistentVolumeClaim", self._claims),
                ("PersistentVolume", self._volumes),
            )
            for one in self._client.items(path, labelSelector=_OURS)
            if self._is_ours(one)
        ]

    def _is_ours(self, one: Object) -> bool:
        annotations = one["metadata"].get("annotations") or {}
        return tuple(annotations.get(name) for name in OWNER) == self._owner

    def _used_claims(self) -> set[str]:
        return {
            volume["persistentVolumeClaim"]["claimName"]
            for pod in self._client.items(self._pods)
            if pod.get("status", {}).get("phase") not in OVER
            for volume in pod.get("spec", {}).get("volumes") or []
            if "persistentVolumeClaim" in volume
        }


def _claim_of(volume: Object) -> str | None:
    claim: str | None = (volume.get("spec", {}).get("claimRef") or {}).get("name")
    return claim
