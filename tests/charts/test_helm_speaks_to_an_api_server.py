"""A protocol test: real Helm installs, upgrades in place, rolls back and uninstalls the chart.

The API server is one in memory that stores objects and runs nothing; that the pods would run is
not shown here.
"""

import copy
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from easel_local.kubernetes import ObjectStore, serving
from tests.charts.crd_schema import CustomResourceDefinition
from tests.charts.helm import CHART, Helm, HelmError, Values, at, overlay
from tests.charts.manifests import Validate

pytestmark = pytest.mark.integration

KINDS = {
    "ConfigMap",
    "Deployment",
    "EC2NodeClass",
    "NetworkPolicy",
    "NodePool",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ScaledObject",
    "ServiceAccount",
    "TriggerAuthentication",
}
# KEDA makes the HorizontalPodAutoscaler of a ScaledObject.
NOT_OF_THE_CHART = {"CustomResourceDefinition", "HorizontalPodAutoscaler", "Namespace", "Secret"}


@dataclass
class Cluster:
    store: ObjectStore
    helm: Helm
    kubeconfig: Path

    def run(self, *arguments: str | Path, values: Values | None = None) -> str:
        return self.helm.run(
            *arguments,
            stdin=yaml.safe_dump(dict(values)) if values else "",
            KUBECONFIG=str(self.kubeconfig),
        )

    def upgrade(self, values: Values, chart: Path = CHART) -> str:
        """As Terraform's module runs it."""
        return self.run(
            *("upgrade", "--install", "sdruntime", chart, "--namespace", "easel"),
            *("--create-namespace", "--values", "-", "--history-max", "5", "--timeout", "1m"),
            values=values,
        )

    def kinds(self) -> set[str]:
        return {one["kind"] for one in self.store.objects.values()} - NOT_OF_THE_CHART


@pytest.fixture
def cluster(
    helm: Helm,
    problems: Validate,
    crds: dict[str, CustomResourceDefinition],
    tmp_path: Path,
) -> Iterator[Cluster]:
    def validate(wanted: dict[str, object]) -> list[str]:
        return [] if wanted["kind"] == "Namespace" else problems([wanted])

    store = ObjectStore(validate)
    for crd in crds.values():
        store.put(crd.path, crd.definition)
    with serving(store) as url:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "memory", "cluster": {"server": url}}],
                    "users": [{"name": "nobody", "user": {}}],
                    "contexts": [{"name": "c", "context": {"cluster": "memory", "user": "nobody"}}],
                    "current-context": "c",
                }
            )
        )
        yield Cluster(store, helm, kubeconfig)


def test_the_life_of_a_release(cluster: Cluster, sdwebui: Values) -> None:
    said = cluster.upgrade(sdwebui)
    assert "takes tasks from" in said
    assert cluster.kinds() == KINDS
    (deployment,) = cluster.store.of_kind("Deployment")
    uid = deployment["metadata"]["uid"]

    # What the HPA does.
    deployment["spec"]["replicas"] = 3

    cluster.upgrade(overlay(sdwebui, at("scaling.maxReplicaCount", 9)))
    (scaled,) = cluster.store.of_kind("ScaledObject")
    (deployment,) = cluster.store.of_kind("Deployment")
    assert scaled["spec"]["maxReplicaCount"] == 9
    assert deployment["metadata"]["uid"] == uid
    assert deployment["spec"]["replicas"] == 3

    cluster.run("rollback", "sdruntime", "1", "--namespace", "easel")
    (scaled,) = cluster.store.of_kind("ScaledObject")
    (deployment,) = cluster.store.of_kind("Deployment")
    assert scaled["spec"]["maxReplicaCount"] == 5
    assert deployment["spec"]["replicas"] == 3
    history = yaml.safe_load(
        cluster.run("history", "sdruntime", "--namespace", "easel", "--output", "json")
    )
    assert [one["status"] for one in history] == ["superseded", "superseded", "deployed"]

    cluster.run("uninstall", "sdruntime", "--namespace", "easel")
    # Nobody's pods wait for these; `easel helm uninstall` takes them away (docs/adr/0040).
    assert cluster.kinds() == {"PersistentVolume", "PersistentVolumeClaim"}
    assert cluster.store.of_kind("Secret") == []


def test_another_bucket_is_another_volume(cluster: Cluster, sdwebui: Values) -> None:
    cluster.upgrade(sdwebui)
    (before,) = cluster.store.of_kind("PersistentVolume")
    cluster.upgrade(overlay(sdwebui, at("models.s3.bucket", "another-bucket")))
    (after,) = (
        one
        for one in cluster.store.of_kind("PersistentVolume")
        if one["metadata"]["name"] != before["metadata"]["name"]
    )
    assert after["spec"]["csi"]["volumeAttributes"]["bucketName"] == "another-bucket"


def test_what_a_server_refuses_is_no_release(
    cluster: Cluster, sdwebui: Values, tmp_path: Path
) -> None:
    chart = shutil.copytree(CHART, tmp_path / "sd-runtime")
    template = chart / "templates" / "scaledobject.yaml"
    text = template.read_text().replace("  pollingInterval:", "  scaleOnInFlight: true\n  polling:")
    template.write_text(text)
    with pytest.raises(HelmError, match="scaleOnInFlight"):
        cluster.upgrade(sdwebui, chart)


PODS = "api/v1/namespaces/easel/pods"


def start_pod(cluster: Cluster, name: str) -> None:
    """A pod of the release as it is now, on a node."""
    [deployment] = cluster.store.of_kind("Deployment")
    spec = copy.deepcopy(deployment["spec"]["template"]["spec"]) | {"nodeName": "node"}
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": {"phase": "Running"}}
    cluster.store.create(f"{PODS}/{name}", pod)


def mounts(cluster: Cluster, name: str) -> bool:
    """Whether a pod's volume and its claim are there to stay: else it waits for them for ever."""
    spec = cluster.store.get(f"{PODS}/{name}")["spec"]
    [claimed] = [one for one in spec["volumes"] if "persistentVolumeClaim" in one]
    wanted = claimed["persistentVolumeClaim"]["claimName"]
    claims = {
        one["metadata"]["name"]: one for one in cluster.store.of_kind("PersistentVolumeClaim")
    }
    volumes = {one["metadata"]["name"]: one for one in cluster.store.of_kind("PersistentVolume")}
    claim = claims.get(wanted)
    volume = volumes.get(claim["spec"]["volumeName"]) if claim else None
    return all(one and "deletionTimestamp" not in one["metadata"] for one in (claim, volume))


def test_a_bucket_changed_and_changed_back_dies_under_no_pod(
    cluster: Cluster, sdwebui: Values
) -> None:
    another = overlay(sdwebui, at("models.s3.bucket", "another-bucket"))
    releases: list[Callable[[], object]] = [
        lambda: cluster.upgrade(sdwebui),
        lambda: cluster.upgrade(another),
        lambda: cluster.run("rollback", "sdruntime", "1", "--namespace", "easel"),
        lambda: cluster.upgrade(another),
    ]
    started: list[str] = []
    for number, release in enumerate(releases):
        release()
        start_pod(cluster, f"pod-{number}")
        for old in started:
            cluster.store.delete(f"{PODS}/{old}")
        started.append(f"pod-{number}")
        # The older ones work on, as long as their grace.
        assert all(one in cluster.store.objects for one in (f"{PODS}/{old}" for old in started))
        assert all(mounts(cluster, one) for one in started)
    for old in started[:-1]:
        cluster.store.delete(f"{PODS}/{old}", {"gracePeriodSeconds": 0})
    assert mounts(cluster, started[-1])


def test_a_claim_that_dies_under_a_pod_would_be_seen(cluster: Cluster, sdwebui: Values) -> None:
    """What the test before would see if Helm deleted the claim, as it once did."""
    cluster.upgrade(sdwebui)
    start_pod(cluster, "drains")
    [claim] = cluster.store.of_kind("PersistentVolumeClaim")
    cluster.store.delete(
        f"api/v1/namespaces/easel/persistentvolumeclaims/{claim['metadata']['name']}"
    )
    assert not mounts(cluster, "drains")
    cluster.store.delete(f"{PODS}/drains", {"gracePeriodSeconds": 0})
    assert cluster.store.of_kind("PersistentVolumeClaim") == []
