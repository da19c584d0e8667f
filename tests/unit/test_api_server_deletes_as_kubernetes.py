"""Deletion, eviction and defaults of the API server in memory, as a real 1.35.6 has them."""

import copy
import datetime
import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from easel_local.kubernetes import ApiError, ObjectStore, serving
from easel_local.kubernetes.defaults import fill_defaults

pytestmark = pytest.mark.unit

Object = dict[str, Any]
PODS = "api/v1/namespaces/default/pods"
CLAIMS = "api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "api/v1/persistentvolumes"
BUDGETS = "apis/policy/v1/namespaces/default/poddisruptionbudgets"
DATA = Path(__file__).parents[1] / "data" / "cluster"
START = datetime.datetime(2026, 11, 28, 3, 15, tzinfo=datetime.UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> ObjectStore:
    return ObjectStore(clock=clock, settles=False)


@pytest.fixture
def url(store: ObjectStore) -> Iterator[str]:
    with serving(store) as url:
        yield url


def put_pod(
    store: ObjectStore,
    name: str,
    *,
    ready: bool = True,
    phase: str = "Running",
    node: str = "node",
    claim: str = "",
    owner: str = "",
) -> Object:
    volumes = [{"name": "m", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    owners = [{"kind": "ReplicaSet", "name": "rs", "uid": owner, "controller": True}]
    placed = {"nodeName": node} if node else {}
    return store.create(
        f"{PODS}/{name}",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": {"app": "a"}, "ownerReferences": owners if owner else []},
            "spec": {"terminationGracePeriodSeconds": 72, "volumes": volumes} | placed,
            "status": {
                "phase": phase,
                "conditions": [{"type": "Ready", "status": str(ready)}],
            },
        },
    )


def metadata(store: ObjectStore, name: str) -> Object:
    found: Object = store.get(f"{PODS}/{name}")["metadata"]
    return found


def is_there(store: ObjectStore, path: str) -> bool:
    return path in store.objects


def test_a_pod_on_a_node_has_its_grace_and_its_kubelet_ends_it(store: ObjectStore) -> None:
    put_pod(store, "a")
    store.delete(f"{PODS}/a")
    assert metadata(store, "a")["deletionTimestamp"] == "2026-11-28T03:16:12Z"
    assert metadata(store, "a")["deletionGracePeriodSeconds"] == 72
    store.merge(f"{PODS}/a", {"status": {"phase": "Running"}})
    assert metadata(store, "a")["deletionGracePeriodSeconds"] == 72
    store.delete(f"{PODS}/a", {"gracePeriodSeconds": 0})
    assert not is_there(store, f"{PODS}/a")


@pytest.mark.parametrize(("node", "phase"), [("", "Pending"), ("node", "Succeeded")])
def test_a_pod_that_does_not_run_goes_at_once(store: ObjectStore, node: str, phase: str) -> None:
    put_pod(store, "a", node=node, phase=phase)
    store.delete(f"{PODS}/a")
    assert not is_there(store, f"{PODS}/a")


def test_a_second_deletion_only_shortens(store: ObjectStore, clock: Clock) -> None:
    put_pod(store, "a")
    store.delete(f"{PODS}/a")
    clock.pass_by(10)
    store.delete(f"{PODS}/a", {"gracePeriodSeconds": 100})
    store.delete(f"{PODS}/a")
    assert metadata(store, "a")["deletionTimestamp"] == "2026-11-28T03:16:12Z"
    # Counted from the first deletion, not from now.
    store.delete(f"{PODS}/a", {"gracePeriodSeconds": 30})
    assert metadata(store, "a")["deletionTimestamp"] == "2026-11-28T03:15:30Z"
    assert metadata(store, "a")["deletionGracePeriodSeconds"] == 30


def test_a_deletion_of_another_object_is_refused(store: ObjectStore) -> None:
    put_pod(store, "a")
    with pytest.raises(ApiError, match="uid in the precondition") as refused:
        store.delete(f"{PODS}/a", {"preconditions": {"uid": "another"}})
    assert refused.value.status == HTTPStatus.CONFLICT
    assert "deletionTimestamp" not in metadata(store, "a")


def put_pair(store: ObjectStore) -> None:
    store.create(
        f"{VOLUMES}/m",
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "spec": {"claimRef": {"namespace": "default", "name": "m"}},
        },
    )
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"volumeName": "m"}}
    store.create(f"{CLAIMS}/m", claim)


def test_claim_and_volume_end_with_the_last_pod_that_mounts_them(store: ObjectStore) -> None:
    put_pair(store)
    put_pod(store, "drains", claim="m")
    put_pod(store, "other", claim="another")
    store.delete(f"{VOLUMES}/m")
    store.delete(f"{CLAIMS}/m")
    store.delete(f"{PODS}/drains")
    for path, finalizer in ((VOLUMES, "pv-protection"), (CLAIMS, "pvc-protection")):
        dying = store.get(f"{path}/m")["metadata"]
        assert dying["finalizers"] == [f"kubernetes.io/{finalizer}"]
        assert "deletionTimestamp" in dying
    store.delete(f"{PODS}/drains", {"gracePeriodSeconds": 0})
    assert not is_there(store, f"{CLAIMS}/m")
    assert not is_there(store, f"{VOLUMES}/m")


def test_a_pod_that_has_no_node_yet_holds_no_claim(store: ObjectStore) -> None:
    put_pair(store)
    put_pod(store, "pending", claim="m", node="", phase="Pending")
    store.delete(f"{CLAIMS}/m")
    assert not is_there(store, f"{CLAIMS}/m")
    assert is_there(store, f"{VOLUMES}/m")


def put_budget(store: ObjectStore, replicas: int, **spec: Any) -> str:
    """A budget and the ReplicaSet of its pods; returns the ReplicaSet's uid."""
    owner = store.create(
        "apis/apps/v1/namespaces/default/replicasets/rs",
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"replicas": replicas}},
    )
    budget = {"selector": {"matchLabels": {"app": "a"}}} | spec
    store.create(
        f"{BUDGETS}/nod",
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": budget},
    )
    uid: str = owner["metadata"]["uid"]
    return uid


def counts(store: ObjectStore) -> list[int]:
    status = store.get(f"{BUDGETS}/nod")["status"]
    names = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    return [status[name] for name in names]


def test_a_budget_counts_as_the_disruption_controller(store: ObjectStore) -> None:
    owner = put_budget(store, 3, maxUnavailable="34%")
    assert counts(store) == [0, 0, 0, 0]
    for name in ("a", "b", "c"):
        put_pod(store, name, owner=owner)
    assert counts(store) == [3, 3, 1, 2]
    store.delete(f"{PODS}/a")
    assert counts(store) == [3, 2, 1, 1]
    condition = store.get(f"{BUDGETS}/nod")["status"]["conditions"][0]
    assert (condition["status"], condition["reason"]) == ("True", "SufficientPods")


def test_a_budget_refuses_with_the_body_of_a_real_server(store: ObjectStore, url: str) -> None:
    owner = put_budget(store, 2, maxUnavailable=1)
    put_pod(store, "works", owner=owner)
    put_pod(store, "loads", owner=owner, ready=False)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "works"}}
    answer = requests.post(f"{url}/{PODS}/works/eviction", json=eviction, timeout=5)
    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    # 0 s: a budget that is used up names no time.
    assert "Retry-After" not in answer.headers
    assert answer.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Cannot evict pod as it would violate the pod's disruption budget.",
        "reason": "TooManyRequests",
        "details": {
            "causes": [
                {
                    "reason": "DisruptionBudget",
                    "message": "The disruption budget nod needs 1 healthy pods and has 1 currently",
                }
            ]
        },
        "code": 429,
    }
    assert "deletionTimestamp" not in metadata(store, "works")


def test_an_eviction_is_a_deletion_with_a_condition(store: ObjectStore, url: str) -> None:
    put_pod(store, "a")
    answer = requests.post(f"{url}/{PODS}/a/eviction", json={"deleteOptions": {}}, timeout=5)
    assert answer.status_code == HTTPStatus.CREATED
    assert answer.json()["status"] == "Success"
    pod = store.get(f"{PODS}/a")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 72
    condition = pod["status"]["conditions"][-1]
    assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "EvictionByEvictionAPI")
    # One on its way takes another, with a shorter grace.
    store.evict(f"{PODS}/a", {"deleteOptions": {"gracePeriodSeconds": 5}})
    assert metadata(store, "a")["deletionGracePeriodSeconds"] == 5


@pytest.mark.parametrize(
    ("policy", "ready_beside", "refused"),
    [
        ("AlwaysAllow", 0, False),
        ("IfHealthyBudget", 0, True),
        ("IfHealthyBudget", 1, False),
        (None, 0, True),
    ],
)
def test_a_pod_that_is_not_ready_is_evicted_by_policy(
    store: ObjectStore, policy: str | None, ready_beside: int, refused: bool
) -> None:
    chosen = {"unhealthyPodEvictionPolicy": policy} if policy else {}
    owner = put_budget(store, 2, maxUnavailable=1, **chosen)
    put_pod(store, "loads", owner=owner, ready=False)
    put_pod(store, "beside", owner=owner, ready=bool(ready_beside))
    if refused:
        with pytest.raises(ApiError, match="disruption budget"):
            store.evict(f"{PODS}/loads", {})
    else:
        store.evict(f"{PODS}/loads", {})
    assert ("deletionTimestamp" in metadata(store, "loads")) is not refused


def test_two_budgets_for_one_pod_are_an_error(store: ObjectStore) -> None:
    put_budget(store, 1, maxUnavailable=1)
    second = copy.deepcopy(store.get(f"{BUDGETS}/nod")) | {"metadata": {}}
    store.create(f"{BUDGETS}/second", second)
    put_pod(store, "a")
    with pytest.raises(ApiError, match="more than one PodDisruptionBudget"):
        store.evict(f"{PODS}/a", {})


_FILLED = {
    "dnsPolicy",
    "failureThreshold",
    "imagePullPolicy",
    "protocol",
    "restartPolicy",
    "schedulerName",
    "scheme",
    "serviceAccount",
    "successThreshold",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "defaultMode",
    "replicas",
}
# What the chart says itself, though a default has the same name.
_SAID = {("livenessProbe", "failureThreshold"), ("startupProbe", "failureThreshold")}


def without_defaults(value: Any, inside: str = "") -> Any:
    if isinstance(value, list):
        return [without_defaults(one, inside) for one in value]
    if not isinstance(value, dict):
        return value
    is_sidecar = value.get("restartPolicy") == "Always" and "name" in value
    return {
        name: without_defaults(one, name)
        for name, one in value.items()
        if name not in _FILLED
        or (inside, name) in _SAID
        or (name == "restartPolicy" and is_sidecar)
    }


def test_defaults_are_filled_in_as_a_real_server_returned_them() -> None:
    returned = json.loads((DATA / "deployment.json").read_text())["spec"]
    sent = without_defaults(returned)
    assert sent != returned
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": sent}
    fill_defaults(deployment)
    assert deployment["spec"] == returned
