"""What of a release is still in its cluster, and waiting until nothing is. Why: docs/adr/0023."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from easel_deploy.cluster.access import Say
from easel_deploy.cluster.errors import ClusterError, NotFoundError, UnreachableError
from easel_deploy.cluster.kubernetes_client import KubernetesClient, Object
from easel_deploy.cluster.release_manifest import Declared

_POLL_SECONDS = 3.0
_PROGRESS_SECONDS = 15.0
_NAMED = 10
"""Objects that a message names before it counts."""
_INSTANCE = "app.kubernetes.io/instance"
OWNER = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
"""What Helm writes on every object of a release."""
_POLICY = "helm.sh/resource-policy"
_KEDA_FINALIZER = "finalizer.keda.sh"
OVER = {"Succeeded", "Failed"}
"""Phases of pods in which nothing runs any more; such a pod may lie there for ever."""


@dataclass(frozen=True)
class _Found:
    """An object that is still there."""

    path: str
    words: str
    is_going: bool


class ReleaseObjects:
    """The objects and the pods of one release."""

    def __init__(
        self, client: KubernetesClient, name: str, namespace: str, declared: Iterable[Declared]
    ) -> None:
        """Prepares; calls nothing.

        Args:
            client: of the cluster.
            name: of the release.
            namespace: of the release.
            declared: the objects of its manifests; none where no manifest is known.
        """
        self._client = client
        self._owner = (name, namespace)
        self._declared = list(declared)
        self._served: dict[str, dict[str, tuple[str, bool]]] = {}
        # By convention, where no manifest says it.
        self._pods = {(namespace, f"{_INSTANCE}={name}")}
        self._pods |= {
            (one.namespace, ",".join(f"{label}={value}" for label, value in one.pod_labels))
            for one in self._declared
            if one.pod_labels
        }

    def delete_forgotten(self) -> list[str]:
        """Deletes what only earlier revisions had, for Helm deletes what the last one has.

        An upgrade that failed half-way leaves such objects.

        Returns:
            Their kinds and names.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        forgotten = [one for one in self._objects() if not one.is_going]
        for one in forgotten:
            self._client.delete(one.path)
        return [one.words for one in forgotten]

    def left(self) -> list[str]:
        """Returns kinds and names of what is still there.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        pods = {
            f"Pod {item['metadata']['name']}"
            for namespace, labels in self._pods
            for item in self._client.items(
                f"api/v1/namespaces/{namespace}/pods", labelSelector=labels
            )
            if item.get("status", {}).get("phase") not in OVER
        }
        return [*sorted(pods), *(one.words for one in self._objects())]

    def unknown_kinds(self) -> list[str]:
        """Returns the kinds that the manifests have and the API server does not serve.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        return sorted(
            {
                f"{one.kind} ({one.api_version})"
                for one in self._declared
                if one.kind not in self._kinds(one.api_version)
            }
        )

    def _objects(self) -> list[_Found]:
        """Those that are there; others are not looked for again."""
        there, found = [], []
        for one in self._declared:
            path = self._path(one)
            live = self._get(path) if path else None
            if path and live is not None and self._is_ours(live):
                there.append(one)
                going = "deletionTimestamp" in live["metadata"]
                found.append(_Found(path, f"{one.kind} {one.name}{_held_by(live)}", going))
        self._declared = there
        return found

    def _is_ours(self, live: Object) -> bool:
        # Else somebody has made it anew, or it is to stay.
        annotations = live["metadata"].get("annotations") or {}
        owner = tuple(annotations.get(name) for name in OWNER)
        return owner == self._owner and annotations.get(_POLICY) != "keep"

    def _get(self, path: str) -> Object | None:
        try:
            return self._client.get(path)
        except NotFoundError:
            return None

    def _path(self, one: Declared) -> str | None:
        """Returns None for a kind that is served no more: its objects went with it."""
        kinds = self._kinds(one.api_version)
        if one.kind not in kinds:
            return None
        plural, namespaced = kinds[one.kind]
        namespace = f"/namespaces/{one.namespace}" if namespaced else ""
        return f"{_group(one.api_version)}{namespace}/{plural}/{one.name}"

    def _kinds(self, api_version: str) -> dict[str, tuple[str, bool]]:
        if api_version not in self._served:
            listed = (self._get(_group(api_version)) or {}).get("resources") or []
            self._served[api_version] = {
                one["kind"]: (one["name"], one["namespaced"])
                for one in listed
                if "/" not in one["name"]  # a part of an object, such as deployments/scale
            }
        return self._served[api_version]


def await_gone(
    left: Callable[[], list[str]],
    say: Say,
    limit_seconds: float,
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Waits until nothing is left.

    Args:
        left: looks, and returns kinds and names.
        say: prints a line of progress.
        limit_seconds: for all of it; it looks at least once.
        poll_seconds: between two looks.

    Raises:
        ClusterError: something is left at the time limit, or the API server refuses.
    """
    started = told = time.monotonic()
    while True:
        try:
            there = left()
        except UnreachableError as error:
            # An API server of EKS is replaced now and then: one lost call is no reason to give up.
            there = [f"what the API server does not tell ({error})"]
        if not there:
            return
        now = time.monotonic()
        if now - started >= limit_seconds:
            raise ClusterError(_at_the_limit(there, now - started))
        if now - told >= _PROGRESS_SECONDS:
            told = now
            say(f"waiting ({now - started:.0f} of {limit_seconds:.0f} s) for {_in_words(there)}")
        time.sleep(min(poll_seconds, max(0.0, started + limit_seconds - now)))


def _at_the_limit(there: list[str], passed: float) -> str:
    return (
        f"After {passed:.0f} s there is still {_in_words(there)}.\nIts deletion goes on, and the "
        "next run waits again: nothing that it needs is taken away before it is gone. A pod that "
        "finishes its task may take its grace period; `kubectl describe` on what is left shows "
        "what else holds it up." + _controllers_of(there)
    )


def _held_by(live: Object) -> str:
    """Which finalizers an object that is to go still has."""
    metadata = live["metadata"]
    finalizers = metadata.get("finalizers") or []
    if "deletionTimestamp" not in metadata or not finalizers:
        return ""
    return f" (held by {', '.join(map(str, finalizers))})"


def _controllers_of(there: list[str]) -> str:
    """Who takes finalizers away, as far as it is known, and what to do where it does not run."""
    if not any(_KEDA_FINALIZER in one for one in there):
        return ""
    return (
        f"\n{_KEDA_FINALIZER} is taken away by KEDA's operator: see that it runs "
        "(`kubectl -n keda get pods`), and run this again."
    )


def _in_words(there: list[str]) -> str:
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    return ", ".join(there[:_NAMED]) + more


def _group(api_version: str) -> str:
    return f"{'apis' if '/' in api_version else 'api'}/{api_version}"
