"""Releases, scaling, nodes and pods of a cluster: what is well, slow and broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from easel_doctor.cluster import ClusterObjects
from easel_doctor.finding import Finding, State
from easel_doctor.nodes import look_at_nodes
from easel_doctor.pods import look_at_pods
from easel_doctor.releases import look_at_releases, look_at_scaling
from tests.doctor_world import Clients, problems, subject

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SUBJECT = subject(
    Clients("us-east-1"),
    outputs={"cluster_name": "easel", "runtimes": {"sd": {"namespace": "easel-sd"}}},
)
PLACES = (
    ("kube-system", "karpenter-crd"),
    ("kube-system", "karpenter"),
    ("keda", "keda"),
    ("easel-sd", "sd"),
)


def meta(name: str, namespace: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


def conditions(**statuses: Any) -> dict[str, Any]:
    """Of a status: each a word, or a word and a message."""
    return {
        "conditions": [
            {"type": kind, "status": said}
            if isinstance(said, str)
            else {"type": kind, "status": said[0], "message": said[1]}
            for kind, said in statuses.items()
        ]
    }


# -- releases -------------------------------------------------------------------------------------


def release(namespace: str, name: str, version: int, status: str) -> dict[str, Any]:
    labels = {"owner": "helm", "name": name, "version": str(version), "status": status}
    return {"metadata": meta(f"sh.helm.release.v1.{name}.v{version}", namespace, labels=labels)}


DEPLOYED = tuple(release(*place, 2, "deployed") for place in PLACES)


def releases(*secrets: dict[str, Any]) -> Finding:
    return look_at_releases(SUBJECT, ClusterObjects("v1.35.0", releases=secrets))


def test_releases_that_are_deployed_are_well() -> None:
    old = [release(*place, 1, "superseded") for place in PLACES]
    finding = releases(*DEPLOYED, *old)
    assert finding.state is State.OK
    assert finding.summary == "4 of 4 deployed"


def test_a_release_that_is_missing_or_has_failed_is_applied_again() -> None:
    finding = releases(*DEPLOYED[1:3], release("easel-sd", "sd", 3, "failed"), DEPLOYED[3])
    assert finding.state is State.FAIL
    said = problems(finding)
    assert "release kube-system/karpenter-crd is not there" in said
    assert "release easel-sd/sd is failed (revision 3)" in said
    assert "make apply ENV=us-east-1" in said


def test_a_release_that_is_under_way_is_no_failure() -> None:
    finding = releases(*DEPLOYED, release("easel-sd", "sd", 10, "pending-upgrade"))
    assert finding.state is State.WARN


# -- scaling --------------------------------------------------------------------------------------


def scaling(status: dict[str, Any], *events: dict[str, Any]) -> Finding:
    scaled = {"metadata": meta("sd", "easel-sd"), "status": status}
    return look_at_scaling(
        SUBJECT, ClusterObjects("v1.35.0", scaled_objects=(scaled,), events=events)
    )


def test_a_queue_that_keda_reads_is_well() -> None:
    assert scaling(conditions(Ready="True", Fallback="False", Paused="False")).state is State.OK


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (conditions(Ready=("False", "no queue")), State.FAIL, "KEDA does not scale easel-sd/sd: "),
        (conditions(Ready="True", Fallback=("True", "x")), State.FAIL, "keeps its pods as they"),
        (conditions(Ready="True", Paused="True"), State.WARN, "autoscaling.keda.sh/paused-"),
    ],
)
def test_what_keeps_keda_from_scaling_is_said(
    status: dict[str, Any], state: State, words: str
) -> None:
    finding = scaling(status)
    assert finding.state is state
    assert words in problems(finding)


def test_a_queue_that_cannot_be_read_shows_in_events_alone() -> None:
    def complaint(namespace: str) -> dict[str, Any]:
        return {
            "metadata": meta("e", namespace),
            "reason": "KEDAScalerFailed",
            "message": "AccessDenied",
            "involvedObject": {"kind": "ScaledObject", "name": "sd"},
        }

    ready = conditions(Ready="True")
    assert "AccessDenied" in problems(scaling(ready, complaint("easel-sd")))
    assert scaling(ready, complaint("another")).state is State.OK


def test_a_cluster_without_scaled_objects_is_told_of() -> None:
    assert look_at_scaling(SUBJECT, ClusterObjects("v1.35.0")).state is State.WARN


# -- nodes ----------------------------------------------------------------------------------------


def node(name: str, pool: str | None = None, **statuses: Any) -> dict[str, Any]:
    labels = {"karpenter.sh/nodepool": pool} if pool else {}
    status = conditions(**({"Ready": "True"} | statuses))
    return {"metadata": meta(name, labels=labels), "status": status}


def nodes(**objects: Any) -> Finding:
    return look_at_nodes(ClusterObjects("v1.35.0", **({"nodes": (node("n1"),)} | objects)))


def test_nodes_that_are_ready_are_well() -> None:
    pool = {"metadata": meta("sd-gpu"), "status": conditions(Ready="True")}
    claim = {"metadata": meta("sd-1"), "status": conditions(Launched="True", Registered="True")}
    finding = nodes(
        nodes=(node("n1"), node("n2"), node("g1", "sd-gpu")),
        node_pools=(pool,),
        node_claims=(claim,),
    )
    assert finding.state is State.OK
    assert finding.summary == "2 for controllers, 1 of Karpenter's"


@pytest.mark.parametrize(
    ("objects", "state", "words"),
    [
        ({"nodes": ()}, State.FAIL, "the cluster has no node"),
        (
            {"nodes": (node("n1", Ready=("Unknown", "Kubelet stopped posting")),)},
            State.FAIL,
            "node n1 is not ready: Kubelet stopped posting",
        ),
        ({"nodes": (node("n1", DiskPressure="True"),)}, State.WARN, "n1 has DiskPressure"),
        (
            {
                "node_pools": (
                    {
                        "metadata": meta("sd-gpu"),
                        "status": conditions(Ready=("False", "NodeClassNotReady")),
                    },
                )
            },
            State.FAIL,
            "NodePool sd-gpu cannot make nodes: NodeClassNotReady",
        ),
        (
            {
                "node_claims": (
                    {
                        "metadata": meta("sd-1"),
                        "status": conditions(Launched=("Unknown", "MaxSpotInstanceCountExceeded")),
                    },
                )
            },
            State.WARN,
            "NodeClaim sd-1 is not launched: MaxSpotInstanceCountExceeded",
        ),
    ],
)
def test_nodes_that_are_missing_or_ill_are_named(
    objects: dict[str, Any], state: State, words: str
) -> None:
    finding = nodes(**objects)
    assert finding.state is state
    assert words in problems(finding)


# -- pods -----------------------------------------------------------------------------------------


def pod(status: dict[str, Any], *, minutes: float = 60, **more: Any) -> dict[str, Any]:
    created = (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    return {
        "metadata": meta("sd-7", "easel-sd", creationTimestamp=created, **more),
        "status": status,
    }


def waiting(reason: str, message: str = "", field: str = "containerStatuses") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    container = {"name": "runtime", "state": state, "lastState": ended}
    return {"phase": "Pending", field: [container]}


def pods(*found: dict[str, Any], events: tuple[dict[str, Any], ...] = ()) -> Finding:
    return look_at_pods(ClusterObjects("v1.35.0", pods=found, events=events), lambda: NOW)


UNSCHEDULED = {
    "phase": "Pending",
    **conditions(PodScheduled=("False", "0/2 nodes are available"), Ready="False"),
}
STARTING = {"phase": "Running", **conditions(PodScheduled="True", Ready="False")}


@pytest.mark.parametrize(
    "well",
    [
        pod({"phase": "Running", **conditions(Ready="True")}),
        pod({"phase": "Failed"}),
        pod(STARTING, minutes=14),
        pod(UNSCHEDULED, minutes=1),
        pod({"phase": "Pending", "containerStatuses": []}, minutes=1),
        pod(waiting("ContainerCreating"), minutes=5),
        pod(waiting("CrashLoopBackOff"), deletionTimestamp="2026-11-28T11:59:00Z"),
    ],
)
def test_pods_that_run_or_start_or_end_are_well(well: dict[str, Any]) -> None:
    assert pods(well).state is State.OK


@pytest.mark.parametrize(
    ("reason", "field", "words"),
    [
        ("ImagePullBackOff", "containerStatuses", "ImagePullBackOff: not found"),
        ("CrashLoopBackOff", "initContainerStatuses", "logs sd-7 -c runtime --previous"),
        ("CreateContainerConfigError", "containerStatuses", "describe pod sd-7"),
    ],
)
def test_a_container_that_cannot_start_says_why(reason: str, field: str, words: str) -> None:
    finding = pods(pod(waiting(reason, "not found", field), minutes=1))
    assert finding.state is State.FAIL
    assert words in problems(finding)


def test_a_container_that_says_nothing_has_ended_somehow() -> None:
    assert "137 OOMKilled" in problems(pods(pod(waiting("CrashLoopBackOff"))))


def event(message: str, at: str, name: str = "sd-7") -> dict[str, Any]:
    return {
        "metadata": meta(f"e{at}", "easel-sd"),
        "involvedObject": {"kind": "Pod", "name": name},
        "reason": "FailedScheduling",
        "message": message,
        "lastTimestamp": at,
    }


def test_a_pod_without_a_node_has_the_last_warning_about_it() -> None:
    events = (event("newer", "2026-11-28T11:50:00Z"), event("older", "2026-11-28T11:40:00Z"))
    others = (event("another's", "2026-11-28T11:59:00Z", "sd-8"),)
    finding = pods(pod(UNSCHEDULED, minutes=10), events=events + others)
    assert finding.state is State.WARN
    assert "no node for 10 minutes: FailedScheduling: newer" in problems(finding)
    assert pods(pod(UNSCHEDULED, minutes=20), events=events).state is State.FAIL


def test_without_a_warning_the_scheduler_says_it() -> None:
    assert "0/2 nodes are available" in problems(pods(pod(UNSCHEDULED)))


def test_a_pod_that_does_not_get_ready_in_time_has_failed() -> None:
    finding = pods(pod(STARTING, minutes=16))
    assert finding.state is State.FAIL
    assert "is not ready after 16 minutes" in problems(finding)


def test_no_node_is_missed_on_an_emulator() -> None:
    finding = look_at_nodes(ClusterObjects("v1.35.0"), is_emulated=True)
    assert finding.state is State.NOT_CHECKED
