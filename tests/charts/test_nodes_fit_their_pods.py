"""Nodes are made for these pods alone, with images at hand and volumes encrypted."""

from typing import Any

import pytest

from tests.charts.helm import Helm, Manifest, Values, at, of_kind, overlay
from tests.charts.pods import pod_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def manifests(helm: Helm, sdwebui: Values) -> list[Manifest]:
    return helm.render(sdwebui)


def node_class(manifests: list[Manifest]) -> dict[str, Any]:
    spec = of_kind(manifests, "EC2NodeClass")["spec"]
    assert isinstance(spec, dict)
    return spec


def data_volume(manifests: list[Manifest]) -> dict[str, Any]:
    (found,) = (
        one["ebs"]
        for one in node_class(manifests)["blockDeviceMappings"]
        if one["deviceName"] == "/dev/xvdb"
    )
    assert isinstance(found, dict)
    return found


def test_pods_and_nodes_find_each_other(manifests: list[Manifest]) -> None:
    pod = pod_of(manifests)
    template = of_kind(manifests, "NodePool")["spec"]["template"]
    assert pod["nodeSelector"].items() <= template["metadata"]["labels"].items()
    borne = {one["key"]: one for one in pod["tolerations"]}
    for taint in template["spec"]["taints"]:
        toleration = borne[taint["key"]]
        assert toleration["operator"] == "Exists" or toleration["value"] == taint["value"]
    assert {one["key"] for one in template["spec"]["taints"]} == {"nvidia.com/gpu", "runtime"}
    reference = template["spec"]["nodeClassRef"]
    assert reference["name"] == of_kind(manifests, "EC2NodeClass")["metadata"]["name"]


def test_nodes_take_pods_once_the_models_driver_is_ready(helm: Helm, sdwebui: Values) -> None:
    waiting = helm.render(sdwebui)
    template = of_kind(waiting, "NodePool")["spec"]["template"]["spec"]
    taint = {"key": "s3.csi.aws.com/agent-not-ready", "effect": "NoExecute"}
    assert template["startupTaints"] == [taint]
    # The driver takes it away: a pod that bore it would come before the models.
    assert taint["key"] not in {one.get("key") for one in pod_of(waiting)["tolerations"]}
    assert all("key" in one for one in pod_of(waiting)["tolerations"])


@pytest.mark.parametrize(
    "without",
    [
        at("models.s3.startupTaint", value=False),
        at("models", {"source": "emptyDir"}),
        at("models", {"source": "existingClaim", "existingClaim": "own"}),
    ],
)
def test_without_the_driver_nodes_wait_for_nothing(
    helm: Helm, sdwebui: Values, without: Values
) -> None:
    manifests = helm.render(overlay(sdwebui, without))
    assert "startupTaints" not in of_kind(manifests, "NodePool")["spec"]["template"]["spec"]


def test_volumes_are_encrypted(helm: Helm, sdwebui: Values) -> None:
    manifests = helm.render(overlay(sdwebui, at("nodes.dataVolume.kmsKeyID", "alias/easel")))
    volumes = [one["ebs"] for one in node_class(manifests)["blockDeviceMappings"]]
    assert len(volumes) == 2
    assert all(one["encrypted"] and one["kmsKeyID"] == "alias/easel" for one in volumes)


def test_the_seeds_data_volume(manifests: list[Manifest]) -> None:
    assert data_volume(manifests) == {
        "volumeSize": "80Gi",
        "volumeType": "gp3",
        "deleteOnTermination": True,
        "encrypted": True,
        "iops": 4000,
        "throughput": 600,
        "snapshotID": "snap-0123456789abcdef0",
    }


def test_a_snapshot_leaves_the_snapshotter_as_it_is(manifests: list[Manifest]) -> None:
    assert "userData" not in node_class(manifests)
    assert "instanceStorePolicy" not in node_class(manifests)


def test_soci_comes_with_its_settings(helm: Helm, examples: dict[str, Values]) -> None:
    spec = node_class(helm.render(examples["comfyui"]))
    assert 'snapshotter = "soci"' in spec["userData"]
    assert spec["instanceStorePolicy"] == "RAID0"
    assert "snapshotID" not in spec["blockDeviceMappings"][1]["ebs"]


def test_the_metadata_service_is_out_of_pods_reach(manifests: list[Manifest]) -> None:
    assert node_class(manifests)["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }


def test_busy_nodes_are_not_consolidated(manifests: list[Manifest]) -> None:
    disruption = of_kind(manifests, "NodePool")["spec"]["disruption"]
    assert disruption["consolidationPolicy"] == "WhenEmpty"
    assert {"nodes": "1", "reasons": ["Drifted", "Underutilized"]} in disruption["budgets"]


@pytest.mark.parametrize(
    ("most", "surge", "gpus", "limit"),
    [
        # Twice the pods, as those that end their task keep their nodes: five were seen with ten.
        (8, "25%", 1, 2 * 8),
        (5, "25%", 1, 2 * 5),
        (100, "7%", 1, 2 * 100),
        (8, 3, 2, 2 * 2 * 8),
        # Or those of a change beside them, and one node that is being replaced, where that is more.
        (1, "25%", 1, 1 + 1 + 1),
        (8, "100%", 2, 2 * (8 + 8 + 1)),
    ],
)
def test_limits_follow_the_number_of_pods(
    helm: Helm, sdwebui: Values, most: int, surge: int | str, gpus: int, limit: int
) -> None:
    changes = {
        "scaling": {"maxReplicaCount": most},
        "rollout": {"maxSurge": surge},
        "runtime": {"gpus": gpus},
        "nodes": {"instanceTypes": ["g5.12xlarge"]},
    }
    manifests = helm.render(overlay(sdwebui, changes))
    assert of_kind(manifests, "NodePool")["spec"]["limits"] == {"nvidia.com/gpu": limit}
    strategy = of_kind(manifests, "Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": surge, "maxUnavailable": 0}


def test_pools_are_tried_by_weight(helm: Helm, examples: dict[str, Values]) -> None:
    pools = {
        one["metadata"]["name"]: one["spec"]
        for one in helm.render(examples["comfyui"])
        if one["kind"] == "NodePool"
    }
    assert pools.keys() == {"easel-sdruntime-on-demand", "easel-sdruntime-spot"}
    first, second = pools["easel-sdruntime-on-demand"], pools["easel-sdruntime-spot"]
    assert first["weight"] > second["weight"]
    assert first["limits"] == {"nvidia.com/gpu": 2}
    assert second["limits"] == {"nvidia.com/gpu": 10}

    def allowed(pool: dict[str, Any], key: str) -> list[str]:
        requirements = pool["template"]["spec"]["requirements"]
        return next(list(one["values"]) for one in requirements if one["key"] == key)

    assert allowed(first, "karpenter.sh/capacity-type") == ["on-demand"]
    assert allowed(second, "karpenter.sh/capacity-type") == ["spot"]
    assert allowed(first, "node.kubernetes.io/instance-type") == ["g5.2xlarge", "g4dn.2xlarge"]


def test_existing_nodes_are_chosen_by_label(helm: Helm, examples: dict[str, Values]) -> None:
    manifests = helm.render(examples["custom"])
    assert not {"NodePool", "EC2NodeClass"} & {one["kind"] for one in manifests}
    assert pod_of(manifests)["nodeSelector"] == {"accelerator": "nvidia"}
    assert [one["key"] for one in pod_of(manifests)["tolerations"]] == ["nvidia.com/gpu"]


def test_nodes_are_named_unless_their_tags_name_them(helm: Helm, sdwebui: Values) -> None:
    def tags(of: dict[str, str]) -> dict[str, str]:
        manifests = helm.render(overlay(sdwebui, at("nodes.tags", of)))
        found: dict[str, str] = of_kind(manifests, "EC2NodeClass")["spec"]["tags"]
        return found

    (name,) = tags({}).values()
    assert tags({"Stack": "easel"}) == {"Name": name, "Stack": "easel"}
    assert tags({"Name": "mine"}) == {"Name": "mine"}


ALWAYS = overlay(
    at("runtime.image.pullPolicy", value="Always"), at("agent.image.pullPolicy", value="Always")
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "images come from the node's volume"),
        (at("runtime.image.pullPolicy", value="Always"), "images come from the node's volume"),
        (ALWAYS, None),
        (at("nodes.imageCache", value="none"), "a node that has pulled an image once"),
        (at("nodes.imageCache", value="soci"), "a node that has pulled an image once"),
        (overlay(at("nodes.imageCache", value="none"), ALWAYS), None),
    ],
)
def test_the_reason_for_not_always_pulling_is_true_of_the_nodes(
    helm: Helm, sdwebui: Values, changes: Values, reason: str | None
) -> None:
    without_snapshot = at("nodes.dataVolume.snapshotID", value="") if "nodes" in changes else {}
    rendered = helm.render(overlay(overlay(sdwebui, changes), without_snapshot))
    annotations = of_kind(rendered, "Deployment")["metadata"]["annotations"]
    told = [text for text in annotations.values() if text.startswith("CKV_K8S_15=")]
    assert [text.removeprefix("CKV_K8S_15=").startswith(reason or "") for text in told] == (
        [True] if reason else []
    )
