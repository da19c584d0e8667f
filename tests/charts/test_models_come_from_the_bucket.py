"""The model bucket is mounted read-only, by a volume of each runtime's own."""

from typing import Any

import pytest

from easel_agent.__main__ import REPLACE_POD
from tests.charts.helm import Helm, HelmError, Manifest, Values, at, of_kind, overlay
from tests.charts.pods import container, pod_of, settings_of

pytestmark = pytest.mark.integration

MOUNTPOINT_POD = {
    "mountpointContainerResourcesRequestsMemory": "1Gi",
    "mountpointContainerResourcesLimitsMemory": "1536Mi",
}


def volume(manifests: list[Manifest]) -> dict[str, Any]:
    spec = of_kind(manifests, "PersistentVolume")["spec"]
    assert isinstance(spec, dict)
    return spec


def mount(manifests: list[Manifest]) -> dict[str, Any]:
    mounts = container(pod_of(manifests), "runtime")["volumeMounts"]
    return next(dict(one) for one in mounts if one["name"] == "models")


def test_read_only_at_the_documented_path(helm: Helm, sdwebui: Values) -> None:
    manifests = helm.render(overlay(sdwebui, at("models.s3.links.enabled", value=False)))
    assert mount(manifests) == {
        "name": "models",
        "mountPath": "/opt/ml/code/models",
        "readOnly": True,
    }
    spec = volume(manifests)
    assert spec["accessModes"] == ["ReadOnlyMany"]
    assert spec["mountOptions"] == [
        "allow-other",
        "region us-east-1",
        "metadata-ttl 60",
        "read-only",
    ]
    assert spec["csi"]["volumeAttributes"] == {
        "bucketName": "easel-models-123456789012",
        "authenticationSource": "driver",
        **MOUNTPOINT_POD,
    }


@pytest.mark.parametrize("links", [True, False])
def test_the_agent_sees_when_the_mount_breaks_and_can_do_no_more(
    helm: Helm, sdwebui: Values, *, links: bool
) -> None:
    pod = pod_of(helm.render(overlay(sdwebui, at("models.s3.links.enabled", value=links))))
    mounts = container(pod, "queue-agent")["volumeMounts"]
    assert [one for one in mounts if one["name"] == "models"] == [
        {"name": "models", "mountPath": str(settings_of(pod).models_dir), "readOnly": True}
    ]


def test_a_pod_that_has_lost_its_models_fails_and_every_other_agent_is_started_anew(
    helm: Helm, sdwebui: Values
) -> None:
    agent = container(pod_of(helm.render(sdwebui)), "queue-agent")
    # No rule fits the one status, and the policy then says that the container stays down.
    assert agent["restartPolicy"] == "Never"
    assert agent["restartPolicyRules"] == [
        {"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [REPLACE_POD]}}
    ]


@pytest.mark.parametrize("source", ["existingClaim", "emptyDir"])
def test_models_from_elsewhere_are_not_watched(helm: Helm, sdwebui: Values, source: str) -> None:
    pod = pod_of(
        helm.render(overlay(sdwebui, {"models": {"source": source, "existingClaim": "models"}}))
    )
    agent = container(pod, "queue-agent")
    assert settings_of(pod).models_dir is None
    assert "models" not in {one["name"] for one in agent["volumeMounts"]}
    assert agent.keys().isdisjoint({"restartPolicy", "restartPolicyRules"})


def test_volume_and_claim_take_each_other_and_no_other(helm: Helm, sdwebui: Values) -> None:
    manifests = helm.render(sdwebui)
    claim = of_kind(manifests, "PersistentVolumeClaim")
    spec = volume(manifests)
    assert spec["storageClassName"] == claim["spec"]["storageClassName"] == ""
    assert spec["claimRef"]["name"] == claim["metadata"]["name"]
    assert spec["claimRef"]["namespace"] == claim["metadata"]["namespace"] == "easel"
    name = of_kind(manifests, "PersistentVolume")["metadata"]["name"]
    assert claim["spec"]["volumeName"] == name
    pod = pod_of(manifests)
    used = next(one for one in pod["volumes"] if one["name"] == "models")["persistentVolumeClaim"]
    assert used == {"claimName": claim["metadata"]["name"], "readOnly": True}


def test_handles_are_unique(helm: Helm, sdwebui: Values) -> None:
    handles = [
        volume(helm.render(sdwebui, release=release, namespace=namespace))["csi"]["volumeHandle"]
        for release in ("one", "two")
        for namespace in ("a", "b")
    ]
    assert len(set(handles)) == 4


@pytest.mark.parametrize(
    "change",
    [
        at("models.s3.bucket", "another-bucket"),
        at("models.s3.prefix", "folder"),
        at("models.s3.cache.enabled", value=True),
        at("models.s3.readOnly", value=False),
    ],
)
def test_what_kubernetes_would_not_let_change_makes_another_volume(
    helm: Helm, sdwebui: Values, change: Values
) -> None:
    before = of_kind(helm.render(sdwebui), "PersistentVolumeClaim")["metadata"]["name"]
    after = of_kind(helm.render(overlay(sdwebui, change)), "PersistentVolumeClaim")
    assert after["metadata"]["name"] != before


def test_an_upgrade_of_something_else_keeps_the_volume(helm: Helm, sdwebui: Values) -> None:
    before = of_kind(helm.render(sdwebui), "PersistentVolume")
    after = of_kind(helm.render(overlay(sdwebui, at("scaling.queueLength", 3))), "PersistentVolume")
    assert after == before


def test_writable_when_asked(helm: Helm, sdwebui: Values) -> None:
    manifests = helm.render(overlay(sdwebui, at("models.s3.readOnly", value=False)))
    assert mount(manifests)["readOnly"] is False
    assert volume(manifests)["accessModes"] == ["ReadWriteMany"]
    assert "read-only" not in volume(manifests)["mountOptions"]


def test_cache_and_the_pods_own_permissions(helm: Helm, examples: dict[str, Values]) -> None:
    spec = volume(helm.render(examples["comfyui"]))
    assert spec["csi"]["volumeAttributes"] == {
        "bucketName": "easel-models-123456789012",
        "authenticationSource": "pod",
        "stsRegion": "cn-northwest-1",
        "cache": "emptyDir",
        "cacheEmptyDirSizeLimit": "30Gi",
        **MOUNTPOINT_POD,
    }
    assert "prefix workflows/" in spec["mountOptions"]


def test_a_claim_of_ones_own(helm: Helm, examples: dict[str, Values]) -> None:
    manifests = helm.render(examples["custom"])
    assert "PersistentVolume" not in {one["kind"] for one in manifests}
    models = next(one for one in pod_of(manifests)["volumes"] if one["name"] == "models")
    assert models["persistentVolumeClaim"]["claimName"] == "own-models"


def test_an_empty_folder(helm: Helm, sdwebui: Values) -> None:
    manifests = helm.render(overlay(sdwebui, at("models.source", "emptyDir")))
    models = next(one for one in pod_of(manifests)["volumes"] if one["name"] == "models")
    assert models == {"name": "models", "emptyDir": {"sizeLimit": "30Gi"}}
    assert mount(manifests)["readOnly"] is False


def test_attributes_of_ones_own_win_and_make_another_volume(helm: Helm, sdwebui: Values) -> None:
    own = {"cacheEmptyDirMedium": "Memory", "mountpointContainerResourcesRequestsMemory": "2Gi"}
    before = helm.render(sdwebui)
    after = helm.render(overlay(sdwebui, at("models.s3.volumeAttributes", own)))
    assert own.items() <= volume(after)["csi"]["volumeAttributes"].items()
    assert volume(after)["csi"]["volumeHandle"] != volume(before)["csi"]["volumeHandle"]


@pytest.mark.parametrize("name", ["bucketName", "authenticationSource"])
def test_what_has_a_value_of_its_own_is_no_attribute(
    helm: Helm, sdwebui: Values, name: str
) -> None:
    with pytest.raises(HelmError, match="/models/s3/volumeAttributes"):
        helm.render(overlay(sdwebui, at("models.s3.volumeAttributes", {name: "x"})))
