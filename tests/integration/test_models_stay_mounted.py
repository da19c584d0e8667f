"""`easel helm` and the volumes of a model bucket that changes while pods mount the last one.

The API server protects volumes as Kubernetes does: what is deleted stays, dying, until no pod on a
node uses it; and a pod that is deleted has its grace.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.release_runs import Releases, running_releases

pytestmark = pytest.mark.integration

CLAIMS = "api/v1/namespaces/easel/persistentvolumeclaims"
VOLUMES = "api/v1/persistentvolumes"
PODS = "api/v1/namespaces/easel/pods"


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    with running_releases(tmp_path) as running:
        yield running


def pair(bucket: str, kept: str = "helm.sh/resource-policy: keep") -> str:
    """Claim and volume as charts/sd-runtime has them."""
    head = f"""
  labels: {{ app.kubernetes.io/name: sd-runtime, app.kubernetes.io/part-of: easel }}
  annotations: {{ {kept} }}
"""
    return f"""
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: models-{bucket}{head}
spec: {{ volumeName: models-{bucket} }}
---
apiVersion: v1
kind: PersistentVolume
metadata:
  name: models-{bucket}{head}
spec: {{ claimRef: {{ namespace: easel, name: models-{bucket} }} }}
"""


def put_pod(releases: Releases, name: str, bucket: str) -> None:
    """A pod that runs on a node."""
    volume = {"name": "models", "persistentVolumeClaim": {"claimName": f"models-{bucket}"}}
    pod = {
        "metadata": {"name": name},
        "spec": {
            "nodeName": "node",
            "terminationGracePeriodSeconds": 720,
            "volumes": [volume],
        },
        "status": {"phase": "Running"},
    }
    releases.api.call("POST", PODS, pod)


def drain(releases: Releases, name: str) -> None:
    """Deletes a pod, which goes on with its task."""
    pod = releases.api.call("DELETE", f"{PODS}/{name}")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 720


def end(releases: Releases, name: str) -> None:
    """What a kubelet does once the containers of a deleted pod have ended."""
    releases.api.call("DELETE", f"{PODS}/{name}", {"gracePeriodSeconds": 0})


def standing(releases: Releases) -> dict[str, bool]:
    """Claims and volumes by name, and whether each is being deleted."""
    return {
        f"{path.rpartition('/')[2]}/{one['metadata']['name']}": "deletionTimestamp"
        in one["metadata"]
        for path in (CLAIMS, VOLUMES)
        for one in releases.api.items(path)
    }


def both(bucket: str, *, dying: bool = False) -> dict[str, bool]:
    return {
        f"{kind}/models-{bucket}": dying for kind in ("persistentvolumeclaims", "persistentvolumes")
    }


def test_a_change_and_back_while_pods_drain(releases: Releases) -> None:
    releases.run("upgrade", pair("a"))
    put_pod(releases, "drains", "a")
    releases.run("upgrade", pair("b"))
    drain(releases, "drains")
    assert standing(releases) == both("a") | both("b")
    put_pod(releases, "new", "b")
    said = releases.run("upgrade", pair("a"))
    assert "is deployed" in said
    # New pods mount a at once, and those of b finish.
    assert standing(releases) == both("a") | both("b")
    drain(releases, "new")
    end(releases, "drains")
    assert standing(releases) == both("a") | both("b")


def test_what_no_pod_mounts_goes_with_the_next_release(releases: Releases) -> None:
    releases.run("upgrade", pair("a"))
    put_pod(releases, "drains", "a")
    releases.run("upgrade", pair("b"))
    drain(releases, "drains")
    assert "deleted" not in releases.run("upgrade", pair("b"))
    end(releases, "drains")
    said = releases.run("upgrade", pair("b"))
    assert (
        "deleted what no pod mounts any more: PersistentVolumeClaim models-a, "
        "PersistentVolume models-a\n" in said
    )
    assert standing(releases) == both("b")


def test_a_dying_claim_is_waited_for_and_named(releases: Releases) -> None:
    releases.run("upgrade", pair("a"))
    put_pod(releases, "drains", "a")
    drain(releases, "drains")
    releases.api.call("DELETE", f"{CLAIMS}/models-a")
    said = releases.run("upgrade", pair("a"), seconds=2, status=1)
    assert "there is still PersistentVolumeClaim models-a.\n" in said
    # Helm was not asked: it would call the release deployed.
    assert releases.statuses() == ["deployed"]
    end(releases, "drains")
    assert "revision 2 is deployed" in releases.run("upgrade", pair("a"))
    assert standing(releases) == both("a")


def test_uninstalling_takes_what_helm_keeps(releases: Releases) -> None:
    releases.run("upgrade", pair("a"))
    put_pod(releases, "drains", "a")
    releases.run("upgrade", pair("b"))
    drain(releases, "drains")
    said = releases.run("uninstall", seconds=2, status=1)
    assert "deleted what Helm has left: PersistentVolumeClaim models-a, " in said
    assert standing(releases) == both("a", dying=True)
    end(releases, "drains")
    assert "uninstalled" in releases.run("uninstall")
    assert standing(releases) == {}


def test_volumes_of_others_are_left_alone(releases: Releases) -> None:
    releases.run("upgrade", pair("a"))
    labels = {"app.kubernetes.io/name": "sd-runtime", "app.kubernetes.io/part-of": "easel"}
    other = {"name": "models-other", "labels": labels, "annotations": {}}
    other["annotations"] = {
        "meta.helm.sh/release-name": "another",
        "meta.helm.sh/release-namespace": "easel",
    }
    releases.api.call("POST", CLAIMS, {"metadata": other})
    releases.run("upgrade", pair("a"))
    releases.run("uninstall")
    assert standing(releases) == {"persistentvolumeclaims/models-other": False}
