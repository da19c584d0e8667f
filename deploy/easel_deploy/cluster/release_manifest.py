"""Reads the manifests that Helm keeps of a release."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import yaml

from easel_deploy.cluster.errors import ClusterError

# Everything stays text: names and labels are all that is read, and other YAML 1.1 types would only
# be misread. The one in C, where there is one, takes a tenth of the time for a chart full of CRDs.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Declared(NamedTuple):
    """An object as a manifest declares it."""

    api_version: str
    kind: str
    namespace: str
    """Where it says none, the release's; it means nothing to a kind without namespaces."""
    name: str
    pod_labels: tuple[tuple[str, str], ...]
    """By which it finds its pods; empty where it makes none."""


def read_manifests(manifests: Iterable[str], namespace: str) -> list[Declared]:
    """Returns the objects of some manifests, each once.

    Args:
        manifests: as `helm get manifest` prints them.
        namespace: of the release.

    Raises:
        ClusterError: one is not YAML.
    """
    found: dict[Declared, None] = {}
    for manifest in manifests:
        try:
            documents = list(yaml.load_all(manifest, _LOADER))
        except yaml.YAMLError as error:
            # Not the error itself: it repeats the text, which may be a Secret's.
            mark = getattr(error, "problem_mark", None)
            where = f" (line {mark.line + 1})" if mark else ""
            raise ClusterError(f"The release's manifest is no YAML{where}.") from None
        for document in documents:
            found |= dict.fromkeys(_declared(document, namespace))
    return list(found)


def _declared(document: Any, namespace: str) -> Iterable[Declared]:
    if not isinstance(document, dict) or "kind" not in document:
        return  # a template that made nothing
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _declared(item, namespace)
        return
    metadata = document["metadata"]
    yield Declared(
        api_version=document["apiVersion"],
        kind=document["kind"],
        namespace=metadata.get("namespace") or namespace,
        name=metadata["name"],
        pod_labels=_pod_labels(document.get("spec")),
    )


def _pod_labels(spec: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(spec, dict) or not isinstance(spec.get("template"), dict):
        return ()
    selector = spec.get("selector")
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    # A merge key stays as it is written: without it the rest would match too many pods.
    if not isinstance(labels, dict) or not all(isinstance(one, str) for one in labels.values()):
        return ()
    return tuple(sorted(labels.items()))
