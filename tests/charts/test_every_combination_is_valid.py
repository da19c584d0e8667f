"""Whatever the chart can be told, an API server takes what comes out."""

import pytest

from tests.charts.helm import Helm, Values, at, overlay
from tests.charts.manifests import Validate

pytestmark = pytest.mark.integration

TYPES = ("sdwebui", "comfyui", "custom")
SNAPSHOT = {"imageCache": "ebsSnapshot", "dataVolume": {"snapshotID": "snap-0123456789abcdef0"}}
IMAGE_CACHES: dict[str, Values] = {
    "ebsSnapshot": SNAPSHOT,
    "soci": {"imageCache": "soci", "dataVolume": {"snapshotID": ""}},
    "none": {"imageCache": "none", "dataVolume": {"snapshotID": ""}},
}
PARTITIONS: dict[str, tuple[str, str, str]] = {
    "aws": ("us-east-1", "aws", "amazonaws.com"),
    "aws-cn": ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
}
OPTIONS: dict[str, Values] = {
    "nothing optional": {
        "serviceAccount": {"create": False},
        "networkPolicy": {"enabled": False},
        "scaling": {"enabled": False},
        "nodes": {"create": False},
        "models": {"source": "emptyDir"},
        "runtime": {"gpus": 0, "livenessProbe": {"enabled": False}},
    },
    "RAID0 with soci": {"nodes": {**IMAGE_CACHES["soci"], "instanceStorePolicy": "RAID0"}},
    "a fast volume": {
        "nodes": {
            **overlay(SNAPSHOT, at("dataVolume.volumeInitializationRate", 300)),
            "instanceStorePolicy": "",
        }
    },
    "a key of one's own": at("nodes.dataVolume.kmsKeyID", "alias/easel"),
    "gp2": at("nodes.dataVolume.volumeType", "gp2"),
    "io2": at("nodes.dataVolume.volumeType", "io2"),
    "several GPUs": {"runtime": {"gpus": 4}, "nodes": {"instanceTypes": ["g5.12xlarge"]}},
    "a watch for Spot interruptions": at("agent.settings.spotWatch", value=True),
    "pods that are left alone": at("pod.doNotDisrupt", value=True),
    "a disruption budget": {"podDisruptionBudget": {"enabled": True, "maxUnavailable": 2}},
    "no replacement in working hours": at(
        "nodes.disruption.budgets",
        [
            {"nodes": "100%", "reasons": ["Empty"]},
            {"nodes": "1", "reasons": ["Drifted", "Underutilized"]},
            {
                "nodes": "0",
                "reasons": ["Drifted"],
                "schedule": "0 9 * * mon-fri",
                "duration": "10h",
            },
        ],
    ),
    "changes pod by pod": {"rollout": {"maxSurge": 1, "progressDeadlineSeconds": 3600}},
    "warm pods": at("scaling.minReplicaCount", 2),
    "KEDA with a role": at("scaling.roleArn", "arn:aws:iam::123456789012:role/keda"),
    "warm hours": at(
        "scaling.warmHours",
        [{"timezone": "UTC", "start": "0 9 * * *", "end": "0 18 * * *", "replicas": 2}],
    ),
    "models to write": at("models.s3.readOnly", value=False),
    "models without links": at("models.s3.links.enabled", value=False),
    "models cached": at("models.s3.cache.enabled", value=True),
    "pod's permissions": at("models.s3.authentication", "pod"),
    "a folder of the bucket": at("models.s3.prefix", "a/b/"),
    "models in a claim": {"models": {"source": "existingClaim", "existingClaim": "models"}},
    "selector terms": {
        "nodes": {
            "clusterName": "",
            "subnetSelectorTerms": [{"id": "subnet-1"}],
            "securityGroupSelectorTerms": [{"name": "nodes"}],
        }
    },
    "two pools": at(
        "nodes.pools",
        [{"name": "reserved", "weight": 50, "capacityTypes": ["reserved"]}, {"name": "spot"}],
    ),
    "IPv6": at("networkPolicy.ipv6", value=True),
    "an open runtime": {
        "networkPolicy": {
            "runtimeFrom": [{"namespaceSelector": {"matchLabels": {"team": "art"}}}],
            "metricsFrom": [{"namespaceSelector": {}}],
            "extraIngress": [{"ports": [{"port": 8080}]}],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}],
            "webPorts": [],
            "endpointCidrs": [],
        }
    },
    "all of a pod's options": {
        "labels": {"team": "art"},
        "pod": {
            "labels": {"tier": "gpu"},
            "annotations": {"note": "text"},
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"zone": "a"},
            "tolerations": [{"operator": "Exists"}],
            "priorityClassName": "high",
            "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "ScheduleAnyway",
                }
            ],
        },
        "agent": {"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn"}},
    },
}


def in_partition(partition: str) -> Values:
    region, name, suffix = PARTITIONS[partition]
    queue = f"https://sqs.{region}.{suffix}/123456789012/easel-sdruntime"
    return {
        "aws": {"region": region},
        "queue": {"url": queue, "deadLetterUrl": f"{queue}-dead-letter"},
        "notificationsTopicArn": f"arn:{name}:sns:{region}:123456789012:notifications",
    }


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("cache", IMAGE_CACHES)
@pytest.mark.parametrize("kind", TYPES)
def test_types_and_image_caches_and_partitions(
    helm: Helm,
    problems: Validate,
    examples: dict[str, Values],
    kind: str,
    cache: str,
    partition: str,
) -> None:
    nodes = overlay(
        {"create": True, "clusterName": "easel", "role": "node", "instanceStorePolicy": ""},
        IMAGE_CACHES[cache],
    )
    values = overlay(overlay(examples[kind], in_partition(partition)), {"nodes": nodes})
    manifests = helm.render(values)
    assert problems(manifests) == []
    assert {"NodePool", "EC2NodeClass", "Deployment"} <= {one["kind"] for one in manifests}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", TYPES)
def test_options(
    helm: Helm, problems: Validate, examples: dict[str, Values], kind: str, option: str
) -> None:
    assert problems(helm.render(overlay(examples[kind], OPTIONS[option]))) == []


def test_nothing_optional_leaves_the_pods_and_their_configuration(
    helm: Helm, sdwebui: Values
) -> None:
    manifests = helm.render(overlay(sdwebui, OPTIONS["nothing optional"]))
    assert sorted(one["kind"] for one in manifests) == ["ConfigMap", "Deployment"]
