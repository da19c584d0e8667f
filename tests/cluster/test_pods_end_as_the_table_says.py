"""The table of docs/architecture/03-chart.md, the cluster's side: the chart's manifests, simulated.

The manifests are those that ``tests/charts`` holds against real Helm. The agent's side, with its
real process and the same numbers, is ``tests/faults/test_instances_end.py``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from easel_local.cluster_simulation import SimulatedCluster, causes
from easel_local.cluster_simulation.cluster import name_of
from tests.instance_ends import AGENT_GRACE_SECONDS, ENDS, POD_GRACE_SECONDS, TASKS

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parents[1] / "charts" / "golden"
EXAMPLES = ("comfyui", "custom", "sdwebui")
OF_KARPENTER = {"drift", "expiry", "Spot interruption"}
LONGEST = 4000.0
NODE_SECONDS = 75.0
AGE_SECONDS = 1500.0
Object = dict[str, Any]
Cause = Callable[[SimulatedCluster, Object], None]


def manifests(example: str) -> list[Object]:
    """The example as it is rendered, but for the nodes' age: minutes, not weeks, are simulated."""
    found = list(yaml.safe_load_all((GOLDEN / f"{example}.yaml").read_text()))
    for one in found:
        if one["kind"] == "NodePool":
            assert one["spec"]["template"]["spec"]["expireAfter"] == "720h"
            one["spec"]["template"]["spec"]["expireAfter"] = f"{AGE_SECONDS:.0f}s"
    return found


def of_kind(found: list[Object], kind: str) -> Object:
    [one] = [one for one in found if one["kind"] == kind]
    return one


def grace_of(found: list[Object]) -> float:
    """What the example's pods have; the table's is that of the chart's defaults."""
    pod = of_kind(found, "Deployment")["spec"]["template"]["spec"]
    return float(pod["terminationGracePeriodSeconds"])


def busy_cluster(found: list[Object], seconds: float) -> tuple[SimulatedCluster, Object]:
    """A release with one pod, which has just begun a task; returns that pod too."""
    cluster = SimulatedCluster(node_seconds=NODE_SECONDS, ready_seconds=20)
    cluster.apply(found, "easel")
    if not cluster.of("NodePool"):  # the example that brings nodes of its own
        selector = of_kind(found, "Deployment")["spec"]["template"]["spec"]["nodeSelector"]
        cluster.add_node("own", selector, gpus=1)
    cluster.run(5)
    cluster.depth = 1
    cluster.run_until(lambda: len(cluster.ready_pods()) == 1, 300)
    [pod] = cluster.ready_pods()
    cluster.kubelets.work(name_of(pod), seconds)
    return cluster, pod


def scale_in(cluster: SimulatedCluster, pod: Object) -> None:
    deployment = cluster.find("Deployment", pod["metadata"]["labels"]["app.kubernetes.io/instance"])
    assert deployment
    cluster.merge(deployment, {"spec": {"replicas": 0}})


def drift(cluster: SimulatedCluster, _: Object) -> None:
    template = {"metadata": {"labels": {"changed": "yes"}}}
    for pool in cluster.of("NodePool"):
        cluster.merge(pool, {"spec": {"template": template}})


def expire(cluster: SimulatedCluster, pod: Object) -> None:
    """Lets the node get old while its pod works on."""
    made = cluster.seconds_of("NodeClaim created", name_of(cluster.claim_of(pod)))[0]
    task = cluster.kubelets.left(name_of(pod))
    cluster.kubelets.work(name_of(pod), LONGEST)
    cluster.run(made + AGE_SECONDS - cluster.now)
    cluster.kubelets.work(name_of(pod), task)


def spot(cluster: SimulatedCluster, pod: Object) -> None:
    causes.interrupt(cluster, cluster.kubelets, cluster.claim_of(pod))


def drain(cluster: SimulatedCluster, pod: Object) -> None:
    node = cluster.find("Node", pod["spec"]["nodeName"])
    assert node
    causes.drain(cluster, node)


def pressure(cluster: SimulatedCluster, pod: Object) -> None:
    cluster.kubelets.evict_for_pressure(pod)


CAUSES: dict[str, Cause] = {
    "scale-in": scale_in,
    "drift": drift,
    "expiry": expire,
    "kubectl drain": drain,
    "Spot interruption": spot,
    "node pressure": pressure,
}


def test_every_row_of_the_table_is_caused() -> None:
    assert CAUSES.keys() == ENDS.keys()


@pytest.mark.parametrize("row", ENDS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_sigterm_and_sigkill_come_when_the_table_says(example: str, row: str) -> None:
    found = manifests(example)
    if example == "custom" and row in OF_KARPENTER:
        assert "NodePool" not in {one["kind"] for one in found}
        return  # its nodes are somebody else's
    cluster, pod = busy_cluster(found, LONGEST)
    CAUSES[row](cluster, pod)
    began = cluster.now
    cluster.run(2000)
    [told] = cluster.seconds_of("SIGTERM", name_of(pod))
    [killed] = cluster.seconds_of("SIGKILL", name_of(pod))
    replacement = NODE_SECONDS if row == "drift" else 0
    assert told - began <= ENDS[row].sigterm_within + replacement
    is_whole = ENDS[row].killed_after == POD_GRACE_SECONDS
    grace = grace_of(found) if is_whole else ENDS[row].killed_after
    # deletionTimestamp holds whole seconds.
    assert killed - told == pytest.approx(grace, abs=1)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("row", ENDS)
def test_a_task_is_finished_where_the_table_says(row: str, task: float) -> None:
    cluster, pod = busy_cluster(manifests("sdwebui"), task)
    CAUSES[row](cluster, pod)
    if row == "drift":
        cluster.run_until(lambda: bool(cluster.seconds_of("Pod evicted")), 200)
        cluster.kubelets.work(name_of(pod), task)  # one that has begun right before
    cluster.run(1400)
    is_finished = cluster.seconds_of("SIGKILL", name_of(pod)) == []
    assert is_finished is ENDS[row].finishes(task)


def test_drift_makes_the_replacement_first() -> None:
    cluster, pod = busy_cluster(manifests("sdwebui"), LONGEST)
    drift(cluster, pod)
    cluster.run(200)
    [_, replacement] = cluster.seconds_of("Node created")
    [told] = cluster.seconds_of("SIGTERM", name_of(pod))
    assert replacement < told < replacement + 2


def test_consolidation_leaves_a_busy_pod_alone() -> None:
    cluster, pod = busy_cluster(manifests("sdwebui"), LONGEST)
    cluster.run(900)  # as long as was watched on a real control plane
    assert cluster.seconds_of("SIGTERM", name_of(pod)) == []
    assert cluster.seconds_of("NodeClaim deleted") == []


def test_a_node_whose_pod_is_ending_counts_as_empty_and_waits_for_it() -> None:
    cluster, pod = busy_cluster(manifests("sdwebui"), 300)
    cluster.depth = 0
    scale_in(cluster, pod)
    cluster.run(400)
    [empty] = cluster.seconds_of("Empty")
    [ended] = cluster.seconds_of("Pod ended", name_of(pod))
    [gone] = cluster.seconds_of("NodeClaim gone")
    assert empty < ended < gone
    assert cluster.seconds_of("SIGKILL", name_of(pod)) == []


@pytest.mark.parametrize("row", ["Spot interruption", "expiry"])
def test_a_mark_would_keep_sigterm_away(row: str) -> None:
    found = manifests("sdwebui")
    template = of_kind(found, "Deployment")["spec"]["template"]
    template["metadata"].setdefault("annotations", {})["karpenter.sh/do-not-disrupt"] = "true"
    cluster, pod = busy_cluster(found, LONGEST)
    CAUSES[row](cluster, pod)
    began = cluster.now
    cluster.run(1400)
    told = [at - began for at in cluster.seconds_of("SIGTERM", name_of(pod))]
    # Never before the instance ends; and 600 s late where none does.
    assert told == ([] if row == "Spot interruption" else [pytest.approx(600, abs=2)])


def budget(spec: Object) -> Object:
    selector = {"matchLabels": {"app.kubernetes.io/name": "sd-runtime"}}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "budget"},
        "spec": {"selector": selector} | spec,
    }


@pytest.mark.parametrize(
    ("spec", "is_told"),
    [
        ({"maxUnavailable": 0}, False),
        ({"maxUnavailable": "100%", "unhealthyPodEvictionPolicy": "AlwaysAllow"}, True),
    ],
)
def test_only_a_budget_that_refuses_nothing_lets_sigterm_through(
    spec: Object, is_told: bool
) -> None:
    cluster, pod = busy_cluster([*manifests("sdwebui"), budget(spec)], LONGEST)
    began = cluster.now
    spot(cluster, pod)
    cluster.run(300)
    told = [at - began for at in cluster.seconds_of("SIGTERM", name_of(pod))]
    assert bool(told and told[0] < 1) is is_told


def test_a_drain_with_a_grace_of_its_own_ends_the_pod_then() -> None:
    cluster, pod = busy_cluster(manifests("sdwebui"), LONGEST)
    node = cluster.find("Node", pod["spec"]["nodeName"])
    assert node
    causes.drain(cluster, node, grace_period=30)
    cluster.run(60)
    [told] = cluster.seconds_of("SIGTERM", name_of(pod))
    [killed] = cluster.seconds_of("SIGKILL", name_of(pod))
    assert killed - told == pytest.approx(30, abs=1)


def test_the_manifests_hold_the_tables_graces() -> None:
    found = manifests("sdwebui")
    assert grace_of(found) == POD_GRACE_SECONDS
    pod = of_kind(found, "Deployment")["spec"]["template"]["spec"]
    [agent] = [one for one in pod["containers"] if one["name"] == "queue-agent"]
    said = {one["name"]: one.get("value") for one in agent["env"]}
    assert float(said["EASEL_SHUTDOWN_GRACE_SECONDS"]) == AGENT_GRACE_SECONDS
