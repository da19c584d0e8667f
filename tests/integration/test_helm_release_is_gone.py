"""`easel helm uninstall` ends when nothing of a release is left, and not before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.release_runs import READY, Releases, running_releases

pytestmark = pytest.mark.integration

PODS = "api/v1/namespaces/easel/pods"
CONFIG_MAPS = "api/v1/namespaces/easel/configmaps"
CRDS = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: { name: stand-in }
spec:
  selector: { matchLabels: { app: x } }
  template: { metadata: { labels: { app: x } }, spec: { containers: [{ name: x, image: x }] } }
"""
HELD = """
apiVersion: v1
kind: ConfigMap
metadata: { name: held, finalizers: [easel.test/held] }
"""
KEPT = """
apiVersion: v1
kind: ConfigMap
metadata: { name: kept, annotations: { helm.sh/resource-policy: keep } }
"""
# The API server refuses the second one.
HALF = """
apiVersion: v1
kind: ConfigMap
metadata: { name: a-new-one }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: refused, namespace: nowhere }
"""
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.easel.test"},
    "spec": {
        "group": "easel.test",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
}
WIDGET = "apiVersion: easel.test/v1\nkind: Widget\nmetadata: { name: stand-in }\n"


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    with running_releases(tmp_path) as running:
        yield running


def put_pod(releases: Releases, name: str, labels: dict[str, str], phase: str = "Running") -> None:
    """Puts what a controller would have made, and what outlives its Deployment on a cluster."""
    pod = {"metadata": {"name": name, "labels": labels}, "status": {"phase": phase}}
    releases.api.call("POST", PODS, pod)


def names(releases: Releases, plural: str) -> list[str]:
    return [item["metadata"]["name"] for item in releases.items(plural)]


def test_pods_that_finish_are_waited_for_also_by_the_next_run(releases: Releases) -> None:
    releases.run("upgrade", DEPLOYMENT)
    put_pod(releases, "busy", {"app": "x"})
    put_pod(releases, "of-somebody-else", {"app": "y"})
    for _ in range(2):
        said = releases.run("uninstall", seconds=2, status=1)
        assert "there is still Pod busy.\n" in said
        assert "uninstalled" not in said
        # Helm's record stays until then: by it the next run knows what to wait for.
        assert releases.statuses() == ["uninstalled"]
        assert releases.api.items("apis/apps/v1/deployments") == []
    releases.api.call("DELETE", f"{PODS}/busy")
    assert "release stand-in: uninstalled" in releases.run("uninstall")
    assert releases.statuses() == []
    assert names(releases, "pods") == ["of-somebody-else"]


def test_objects_with_finalizers_are_waited_for_also_by_an_upgrade(releases: Releases) -> None:
    releases.run("upgrade", HELD)
    assert "there is still ConfigMap held (held by easel.test/held).\n" in releases.run(
        "uninstall", seconds=2, status=1
    )
    # Helm would install beside what is going.
    said = releases.run("upgrade", seconds=2, status=1)
    assert "the release is uninstalled, as a run that did not end well leaves it" in said
    assert "there is still ConfigMap held (held by easel.test/held).\n" in said
    releases.api.call("PATCH", f"{CONFIG_MAPS}/held", {"metadata": {"finalizers": None}})
    assert "revision 1 is deployed" in releases.run("upgrade")
    assert releases.statuses() == ["deployed"]
    assert names(releases, "configmaps") == ["stand-in"]


def test_pods_of_a_release_that_was_uninstalled_by_hand_are_waited_for(releases: Releases) -> None:
    releases.api.call("POST", "api/v1/namespaces", {"metadata": {"name": "easel"}})
    label = {"app.kubernetes.io/instance": "stand-in"}
    put_pod(releases, "busy", label)
    put_pod(releases, "done", label, phase="Succeeded")
    assert "there is still Pod busy.\n" in releases.run("uninstall", seconds=2, status=1)
    releases.api.call("DELETE", f"{PODS}/busy")
    assert "there is no such release" in releases.run("uninstall", seconds=2)


def test_what_an_upgrade_has_left_half_way_goes_as_well(releases: Releases) -> None:
    releases.run("upgrade", READY + "---" + KEPT)
    releases.run("upgrade", HALF, status=1)
    assert releases.statuses() == ["deployed", "failed"]
    assert {"stand-in", "kept", "a-new-one"} <= set(names(releases, "configmaps"))

    said = releases.run("uninstall")
    assert "deleted what Helm has left: ConfigMap stand-in\n" in said
    # What the chart wants kept is neither deleted nor waited for.
    assert names(releases, "configmaps") == ["kept"]
    assert releases.statuses() == []


def test_kinds_that_went_before_their_objects_are_named(releases: Releases) -> None:
    releases.api.call("POST", CRDS, WIDGETS)
    releases.run("upgrade", WIDGET)
    releases.api.call("DELETE", f"{CRDS}/widgets.easel.test")
    said = releases.run("uninstall", status=1)
    assert "does not serve Widget (easel.test/v1)" in said
    releases.api.call("POST", CRDS, WIDGETS)
    assert "release stand-in: uninstalled" in releases.run("uninstall")
