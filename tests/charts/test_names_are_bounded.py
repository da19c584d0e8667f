"""No name or label passes Kubernetes' 63 characters, and two releases never share an object."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.charts.helm import Helm, Manifest, Values, at, overlay
from tests.charts.manifests import Validate

pytestmark = pytest.mark.integration

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_RELEASE = "r" * 53
LONGEST_NAMESPACE = "n" * 63


def long_values(sdwebui: Values) -> Values:
    return overlay(sdwebui, at("runtime.name", "long"))


def labels(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key in ("labels", "matchLabels", "nodeSelector"):
            yield from node.get(key, {}).values()
        for value in node.values():
            yield from labels(value)
    elif isinstance(node, list):
        for value in node:
            yield from labels(value)


def identities(manifests: list[Manifest]) -> set[tuple[str, str, str]]:
    return {
        (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"])
        for one in manifests
    }


@pytest.mark.parametrize("override", ["", "o" * 63])
def test_the_longest_names(helm: Helm, problems: Validate, sdwebui: Values, override: str) -> None:
    values = overlay(long_values(sdwebui), {"nameOverride": override})
    manifests = helm.render(values, release=LONGEST_RELEASE, namespace=LONGEST_NAMESPACE)
    assert problems(manifests) == []
    for manifest in manifests:
        assert LABEL.fullmatch(manifest["metadata"]["name"]), manifest["metadata"]["name"]
        assert all(len(value) <= 63 for value in labels(manifest))


def test_long_names_stay_different(helm: Helm, sdwebui: Values) -> None:
    pools = set()
    for namespace in ("n" * 62 + "1", "n" * 62 + "2"):
        manifests = helm.render(long_values(sdwebui), release=LONGEST_RELEASE, namespace=namespace)
        pools |= {one["metadata"]["name"] for one in manifests if one["kind"] == "NodePool"}
    assert len(pools) == 2


def test_releases_share_no_object(helm: Helm, sdwebui: Values) -> None:
    rendered = [
        identities(helm.render(sdwebui, release=release, namespace=namespace))
        for release, namespace in (("one", "a"), ("two", "a"), ("one", "b"))
    ]
    assert sum(map(len, rendered)) == len(set().union(*rendered))
