"""A wrong value is refused before anything is made, by a message that says which and what to do."""

import json

import pytest

from tests.charts.helm import CHART, Helm, HelmError, Values, at, overlay

pytestmark = pytest.mark.integration

REFUSED: dict[str, tuple[Values, str]] = {
    "an unknown value": (
        at("scaling.minReplicas", 1),
        "at '/scaling': additional properties 'minReplicas' not allowed",
    ),
    "an unknown type": (
        at("runtime.type", "invokeai"),
        "at '/runtime/type': value must be one of 'sdwebui', 'comfyui', 'custom'",
    ),
    "custom without an API": (
        at("runtime.type", "custom"),
        "at '/runtime/api': value must be one of 'sdwebui', 'comfyui'",
    ),
    "an API for a known type": (
        at("runtime.api", "comfyui"),
        "at '/runtime/api': value must be ''",
    ),
    "dynamic ComfyUI": (
        {"runtime": {"type": "comfyui", "dynamicModel": True}},
        "at '/runtime/dynamicModel': value must be false",
    ),
    "text for a number": (
        at("scaling.queueLength", "ten"),
        "at '/scaling/queueLength': got string, want integer",
    ),
    "no image tag": (at("runtime.image.tag", ""), "a tag or a digest is needed"),
    "RAID0 over a snapshot": (
        at("nodes.instanceStorePolicy", "RAID0"),
        "not with imageCache ebsSnapshot: RAID0 would hide the snapshot\\'s images",
    ),
    "a snapshot cache without snapshot": (
        at("nodes.dataVolume.snapshotID", ""),
        "needed with imageCache ebsSnapshot",
    ),
    "soci with a snapshot": (at("nodes.imageCache", "soci"), "only with imageCache ebsSnapshot"),
    "no cache with a snapshot": (
        at("nodes.imageCache", "none"),
        "only with imageCache ebsSnapshot",
    ),
    "a rate without a snapshot": (
        {
            "nodes": {
                "imageCache": "none",
                "dataVolume": {"snapshotID": "", "volumeInitializationRate": 200},
            }
        },
        "at '/nodes/dataVolume/volumeInitializationRate': value must be 0",
    ),
    "a moving Bottlerocket": (at("nodes.amiAlias", "bottlerocket@latest"), "at '/nodes/amiAlias'"),
    "a tag that Karpenter sets itself": (
        {"nodes": {"tags": {"kubernetes.io/cluster/easel": "owned"}}},
        "at '/nodes/tags/kubernetes.io~1cluster~1easel': false schema",
    ),
    "no node role": (at("nodes.role", ""), "the name of the nodes\\' role is needed"),
    "no way to subnets": (at("nodes.clusterName", ""), "the cluster\\'s name is needed"),
    "no model bucket": (at("models.s3.bucket", ""), "needed with models.source s3"),
    "no claim": (at("models.source", "existingClaim"), "needed with models.source existingClaim"),
    "a label that pods are found by": (
        {"pod": {"labels": {"app.kubernetes.io/instance": "mine"}}},
        "the chart sets this label itself",
    ),
    "a limit that Karpenter does not know": (
        at("nodes.limits", {"gpu": 3}),
        "at '/nodes/limits': additional properties 'gpu' not allowed",
    ),
    "replicas above their limit": (
        {"scaling": {"minReplicaCount": 9}},
        "scaling.minReplicaCount (9) is above scaling.maxReplicaCount (5)",
    ),
    "a fallback above the limit": (
        {"scaling": {"fallback": {"replicas": 9}}},
        "scaling.fallback.replicas (9) is above scaling.maxReplicaCount (5)",
    ),
    "more warm pods than pods": (
        at(
            "scaling.warmHours",
            [{"timezone": "UTC", "start": "0 9 * * *", "end": "0 18 * * *", "replicas": 6}],
        ),
        "scaling.warmHours[0].replicas (6) is above scaling.maxReplicaCount (5)",
    ),
    "a volume that EC2 refuses": (
        at("nodes.dataVolume", {"iops": 3000, "throughput": 1000}),
        "nodes.dataVolume.throughput: 1000 MiB/s on gp3 needs at least 4000 iops, not 3000",
    ),
    "a change that cannot begin": (at("rollout.maxSurge", "0%"), "at '/rollout/maxSurge'"),
    "nodes that die before their pods": (
        at("nodes.terminationGracePeriodSeconds", 600),
        "nodes.terminationGracePeriodSeconds (600) must be longer than the pods' grace, 720",
    ),
    "visibility below the long poll": (
        at("agent.settings.visibilityTimeoutSeconds", 15),
        "at '/agent/settings/visibilityTimeoutSeconds': minimum: got 15, want 30",
    ),
    "one input above all inputs": (
        at("agent.settings.inputMaxTotalBytes", 1000),
        "inputMaxBytes (20971520, one file) is above agent.settings.inputMaxTotalBytes (1000",
    ),
    "two pools of one name": (
        at("nodes.pools", [{"name": "gpu"}, {"name": "gpu"}]),
        "nodes.pools: each pool needs a name of its own, found gpu, gpu",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(helm: Helm, sdwebui: Values, case: str) -> None:
    changes, message = REFUSED[case]
    with pytest.raises(HelmError) as refusal:
        helm.render(overlay(sdwebui, changes))
    assert message in str(refusal.value)


def test_a_release_name_that_is_no_runtime_name(helm: Helm, sdwebui: Values) -> None:
    with pytest.raises(HelmError, match=r"set runtime\.name"):
        helm.render(sdwebui, release="a-release-with-a-name-of-many-words-too-many")


def test_all_that_is_missing_is_named_at_once(helm: Helm) -> None:
    with pytest.raises(HelmError) as refusal:
        helm.render({})
    for path in (
        "/aws/region",
        "/queue/url",
        "/queue/deadLetterUrl",
        "/notificationsTopicArn",
        "/outputBucket",
        "/runtime/image/repository",
        "/agent/image/repository",
        "/nodes/role",
        "/models/s3/bucket",
    ):
        assert f"at '{path}'" in str(refusal.value)


def test_no_object_of_ours_takes_unknown_values() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    # Kubernetes' own objects, and free maps.
    open_ones = {"properties/global"}

    def lax(node: object, path: str = "") -> list[str]:
        if isinstance(node, list):
            return [hit for index, one in enumerate(node) for hit in lax(one, f"{path}/{index}")]
        if not isinstance(node, dict):
            return []
        here = [path] if "properties" in node and "type" in node else []
        here = [one for one in here if "additionalProperties" not in node]
        return here + [hit for key, one in node.items() for hit in lax(one, f"{path}/{key}")]

    assert set(lax(schema)) <= open_ones
