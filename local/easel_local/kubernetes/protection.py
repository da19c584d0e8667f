"""Volumes and claims that are in use stay, dying, until they are not.

Read in Kubernetes: the admission plugin ``StorageObjectInUseProtection`` sets the finalizers at
creation; ``pkg/controller/volume/pvcprotection`` takes a claim's away once no *scheduled* pod names
it, ``pvprotection`` a volume's once it is not bound. Seen on a real 1.35.6 (capture G): volume and
claim of a release that is uninstalled end with the pod.
"""

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
_OF_KIND = {
    "PersistentVolumeClaim": CLAIM_PROTECTION,
    "PersistentVolume": VOLUME_PROTECTION,
}


def protect(one: Object) -> None:
    """Gives a new claim or volume its finalizer."""
    finalizer = _OF_KIND.get(one.get("kind", ""))
    if finalizer:
        finalizers = one["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)


def released(objects: Mapping[str, Object]) -> dict[str, Object]:
    """Takes the finalizer from every dying claim and volume that nothing uses.

    Args:
        objects: all of the cluster's, by path.

    Returns:
        By path, copies with one finalizer less, of those that can go further.
    """
    pods = [one for one in objects.values() if one["kind"] == "Pod"]
    claims = [one for one in objects.values() if one["kind"] == "PersistentVolumeClaim"]
    found = {}
    for path, one in objects.items():
        finalizer = _OF_KIND.get(one["kind"])
        metadata = one["metadata"]
        if "deletionTimestamp" not in metadata or finalizer not in metadata.get("finalizers", ()):
            continue
        is_used = _mounted(one, pods) if finalizer == CLAIM_PROTECTION else _bound(one, claims)
        if not is_used:
            left = [name for name in metadata["finalizers"] if name != finalizer]
            found[path] = one | {"metadata": metadata | {"finalizers": left}}
    return found


def _mounted(claim: Object, pods: list[Object]) -> bool:
    name, namespace = (claim["metadata"][field] for field in ("name", "namespace"))
    return any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == name
        for pod in pods
        if pod["metadata"]["namespace"] == namespace and pod.get("spec", {}).get("nodeName")
        for volume in pod["spec"].get("volumes", ())
    )


def _bound(volume: Object, claims: list[Object]) -> bool:
    wanted = volume.get("spec", {}).get("claimRef") or {}
    return any(
        claim.get("spec", {}).get("volumeName") == volume["metadata"]["name"]
        or (claim["metadata"]["namespace"], claim["metadata"]["name"])
        == (wanted.get("namespace"), wanted.get("name"))
        for claim in claims
    )
