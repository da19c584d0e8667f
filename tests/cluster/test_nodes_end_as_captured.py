"""The simulated Karpenter, kubelets and budgets against timelines of a real control plane."""

import itertools

import pytest

from easel_local.cluster_simulation import SimulatedCluster, causes
from easel_local.cluster_simulation.cluster import name_of
from tests.cluster.captured import capture, differences
from tests.cluster.scenario import delete_node_of, release, running, set_ready

pytestmark = pytest.mark.unit

FULL = {"pod_grace": 720, "node_grace": "1320s", "consolidate_after": "60s"}


def test_a_marked_pod_hears_nothing_for_most_of_its_nodes_grace() -> None:
    cluster = running(release(marked=True))
    pod = cluster.ready_pods()[0]
    began = delete_node_of(cluster, pod)
    cluster.run(30)
    cluster.kubelets.work(name_of(pod), 35.2)  # it ended 6.2 s after SIGTERM
    cluster.run(60)
    assert differences(cluster, began, "A") == []
    assert cluster.seconds_of("Pod evicted") == []


def test_an_unmarked_pod_hears_at_once() -> None:
    cluster = running(release())
    pod = cluster.ready_pods()[0]
    cluster.kubelets.work(name_of(pod), 4.3)
    began = delete_node_of(cluster, pod)
    cluster.run(60)
    assert differences(cluster, began, "B") == []


def test_an_empty_node_goes_after_a_while() -> None:
    # Karpenter looks every 10 s: in the capture, right when consolidateAfter was over.
    cluster = running(release(), first_look_seconds=9.5)
    pod = cluster.ready_pods()[0]
    cluster.kubelets.work(name_of(pod), 4.2)
    cluster.merge(cluster.of("Deployment")[0], {"spec": {"replicas": 1}})
    began = cluster.now
    cluster.run(60)
    # The look's phase is not in the capture, so a look's period on top.
    assert differences(cluster, began, "B-empty", 10) == []
    real = {what: at for at, what in capture("B-empty")["events"]}
    [deleted], [gone] = map(cluster.seconds_of, ("NodeClaim deleted", "NodeClaim gone"))
    drained = real["NodeClaim gone"] - real["NodeClaim deleted"]
    assert gone - deleted == pytest.approx(drained, abs=0.5)


def only_first(cluster: SimulatedCluster, what: str, count: int = 1) -> None:
    """Leaves the first events of a kind in the timeline."""
    found = [one for one in cluster.timeline if one.what == what]
    assert len(found) > count
    cluster.timeline = [one for one in cluster.timeline if one not in found[count:]]


def test_a_budget_keeps_sigterm_away_as_a_mark_does() -> None:
    cluster = running(release(max_unavailable=1))
    works, loads = cluster.ready_pods()
    set_ready(cluster, loads, "False")
    began = delete_node_of(cluster, works)
    cluster.run(30)
    cluster.kubelets.work(name_of(works), 34.5)
    cluster.run(60)
    # How often it is tried is another test's.
    only_first(cluster, "eviction refused")
    assert differences(cluster, began, "C") == []


def test_a_budget_ends_two_nodes_one_after_the_other() -> None:
    cluster = running(release(max_unavailable=1))
    cluster.kubelets.ready_seconds = 40.7  # the new pods load for so long
    pods = cluster.ready_pods()
    for pod in pods:
        cluster.kubelets.work(name_of(pod), 9.3)
    began = min(delete_node_of(cluster, pod) for pod in pods)
    cluster.run(45)
    cluster.kubelets.work(name_of(pods[1]), 17.5)
    cluster.run(45)
    # The second eviction waits for a retry every 10 s.
    assert differences(cluster, began, "S3", 3) == []


@pytest.mark.parametrize(("capture", "marked"), [("W2", False), ("W7", True)])
def test_unshortened_graces(capture: str, marked: bool) -> None:
    cluster = running(release(**FULL, marked=marked))
    pod = cluster.ready_pods()[0]
    began = delete_node_of(cluster, pod)
    cluster.kubelets.work(name_of(pod), 2000)
    cluster.run(700)
    assert differences(cluster, began, capture) == []


def test_an_instance_that_is_off_takes_a_marked_pod_along() -> None:
    cluster = running(release(**FULL, marked=True))
    pod = cluster.ready_pods()[0]
    cluster.kubelets.work(name_of(pod), 2000)
    began = cluster.now
    causes.interrupt(cluster, cluster.kubelets, cluster.claim_of(pod))
    cluster.run(300)
    assert differences(cluster, began, "W2b") == []
    # Nobody told it.
    assert cluster.seconds_of("SIGTERM") == []
    assert [at - began for at in cluster.seconds_of("SIGKILL")] == [pytest.approx(120)]


def test_an_eviction_that_is_refused_is_tried_again_later_and_later() -> None:
    cluster = running(release(**FULL, max_unavailable=1))
    works, loads = cluster.ready_pods()
    set_ready(cluster, loads, "False")
    began = delete_node_of(cluster, works)
    cluster.run(130)
    tries = [at - began for at in cluster.seconds_of("eviction refused")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[:7] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4])
    assert gaps[7:] == [pytest.approx(10)] * len(gaps[7:])
    only_first(cluster, "eviction refused", 3)
    assert differences(cluster, began, "W3", 0.5) == []


def drifting(*, marked: bool, look_after: float) -> tuple[SimulatedCluster, float]:
    """A cluster whose NodePool changes, and Karpenter looks so long after that."""
    one_by_one = [{"nodes": "100%", "reasons": ["Empty"]}, {"nodes": "1", "reasons": ["Drifted"]}]
    manifests = release(**FULL, marked=marked, budgets=one_by_one)
    cluster = running(manifests)
    cluster.run(10 - cluster.now % 10 + 10 - look_after)
    for pod in cluster.ready_pods():
        cluster.kubelets.work(name_of(pod), 2000)
    manifests[1]["spec"]["template"]["spec"]["expireAfter"] = "100h"
    cluster.apply(manifests, "easel")
    return cluster, cluster.now


def test_drift_replaces_before_it_evicts() -> None:
    cluster, began = drifting(marked=False, look_after=6.7)
    cluster.run(20)
    assert differences(cluster, began, "W6") == []


def test_drift_of_a_marked_pods_node_replaces_nothing() -> None:
    cluster, began = drifting(marked=True, look_after=0.65)
    cluster.run(9)
    assert differences(cluster, began, "W6-marked") == []
    made = [at for at in cluster.seconds_of("NodeClaim created") if at > began]
    assert made == []
    cluster.run(580)
    assert [at for at in cluster.seconds_of("SIGTERM") if at > began] == []
