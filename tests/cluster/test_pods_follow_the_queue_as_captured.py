"""The simulated KEDA and HPA against timelines of a real control plane."""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_local.cluster_simulation import SimulatedCluster
from tests.cluster.captured import capture, differences
from tests.cluster.scenario import manifest, release

pytestmark = pytest.mark.unit

# Of captures K1, K2 and 01: what the two releases had alike.
SCALED_OBJECT = json.loads(
    (Path(__file__).parents[1] / "data" / "cluster" / "scaled_object.json").read_text()
)["spec"]


def scaled(cooldown: int, window: int) -> list[dict[str, Any]]:
    spec = json.loads(json.dumps(SCALED_OBJECT))
    spec["cooldownPeriod"] = cooldown
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    behavior["scaleDown"]["stabilizationWindowSeconds"] = window
    manifests = release(replicas=1, pod_grace=720, node_grace="1320s")
    del manifests[0]["spec"]["replicas"]
    return [*manifests, manifest("keda.sh/v1alpha1", "ScaledObject", spec)]


def replicas(cluster: SimulatedCluster) -> int:
    count: int = cluster.of("Deployment")[0]["spec"]["replicas"]
    return count


def test_an_hour_of_scaling_with_a_queue_that_fails() -> None:
    # Where the real HPA's looks fell, and KEDA's polls: at 0.3 s of every tenth second.
    cluster = SimulatedCluster(first_sync_seconds=7.4 + 8.52, first_poll_seconds=0.3)
    cluster.apply(scaled(cooldown=40, window=30), "easel")
    cluster.run(7.4)
    began = cluster.now
    assert replicas(cluster) == 0
    for moment, depth in capture("K")["depths"]:
        cluster.run(began + moment - cluster.now)
        cluster.depth = depth
    cluster.run(100)
    # KEDA's polls moved by half a period in the quarter of an hour between the two parts.
    assert differences(cluster, began, "K", 5.1) == []


def test_from_zero_to_five() -> None:
    cluster = SimulatedCluster(first_sync_seconds=1.1)  # so a look falls 5.55 s after KEDA's
    cluster.apply(scaled(cooldown=300, window=300), "easel")
    cluster.run(5)
    cluster.depth = 50
    began = cluster.run_until(lambda: replicas(cluster) == 1, 20)
    cluster.run(20)
    assert differences(cluster, began, "W1") == []


def test_scale_in_takes_one_pod_at_once() -> None:
    cluster = SimulatedCluster()
    cluster.apply(scaled(cooldown=300, window=300), "easel")
    cluster.run(5)
    cluster.depth = 50
    cluster.run_until(lambda: len(cluster.ready_pods()) == 5, 60)
    cluster.depth = 1
    began = cluster.run_until(lambda: replicas(cluster) == 4, 400)
    cluster.run(1)
    assert differences(cluster, began, "W8") == []


def test_a_fresh_release_starts_one_pod_for_nothing_and_makes_no_node() -> None:
    cluster = SimulatedCluster()
    cluster.apply(scaled(cooldown=300, window=300), "easel")
    cluster.run(60)
    assert cluster.seconds_of("KEDA 1 -> 0") == [0.6]
    assert cluster.seconds_of("NodeClaim created") == []
    assert cluster.of("Pod") == []


def test_an_unreadable_queue_keeps_pods_and_starts_none() -> None:
    cluster = SimulatedCluster()
    cluster.apply(scaled(cooldown=300, window=300), "easel")
    cluster.run(5)
    cluster.depth = None
    cluster.run(600)
    assert replicas(cluster) == 0
    cluster.depth = 40
    cluster.run(60)
    assert replicas(cluster) == 4
    cluster.depth = None
    cluster.run(600)
    assert replicas(cluster) == 4


def test_a_cluster_takes_twice_the_nodes_of_its_limit_while_pods_drain() -> None:
    # 05-nodeclaims-rollout-over-limit: five busy pods, a limit of 8, ten nodes.
    manifests = release(replicas=5, pod_grace=720, node_grace="1320s", budgets=[{"nodes": "100%"}])
    manifests[1]["spec"]["limits"] = {"nvidia.com/gpu": 8}
    cluster = SimulatedCluster()
    cluster.apply(manifests, "easel")
    cluster.run_until(lambda: len(cluster.ready_pods()) == 5, 60)
    for pod in cluster.ready_pods():
        cluster.kubelets.work(pod["metadata"]["name"], 600)
    changed = release(replicas=5, pod_grace=720, node_grace="1320s", label="second")
    changed[1] = manifests[1]
    cluster.apply(changed, "easel")
    cluster.run_until(lambda: len(cluster.ready_pods()) == 5, 300)
    cluster.run(60)
    assert len(cluster.of("NodeClaim")) == 10
