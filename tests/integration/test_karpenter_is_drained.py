"""`easel karpenter drain`: in the right order, within its time, and what is said at the end of it.

Karpenter is played by a few lines: a NodePool that goes takes its NodeClaims along, and a NodeClaim
is let go when its node is.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easel_deploy.cluster import karpenter_drain
from easel_deploy.cluster.karpenter_drain import Drain, let_go
from easel_deploy.cluster.kubernetes_client import KubernetesClient
from easel_local.kubernetes import ObjectStore
from tests.integration.memory_cluster import client_of

pytestmark = pytest.mark.integration

FINALIZER = "karpenter.sh/termination"
KINDS = {
    "nodepools": ("karpenter.sh", "NodePool"),
    "nodeclaims": ("karpenter.sh", "NodeClaim"),
    "ec2nodeclasses": ("karpenter.k8s.aws", "EC2NodeClass"),
}


def path(plural: str, name: str) -> str:
    return f"apis/{KINDS[plural][0]}/v1/{plural}/{name}"


def add(store: ObjectStore, plural: str, name: str, **metadata: Any) -> None:
    group, kind = KINDS[plural]
    metadata = {"name": name, "finalizers": [FINALIZER]} | metadata
    store.put(path(plural, name), {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata})


@pytest.fixture
def store() -> ObjectStore:
    store = ObjectStore()
    for plural, (group, kind) in KINDS.items():
        store.put(
            f"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}",
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.{group}"},
                "spec": {
                    "group": group,
                    "scope": "Cluster",
                    "names": {"plural": plural, "kind": kind},
                    "versions": [{"name": "v1"}],
                },
            },
        )
    return store


@pytest.fixture
def client(store: ObjectStore, tmp_path: Path) -> Iterator[KubernetesClient]:
    with client_of(store, tmp_path) as client:
        yield client


class Karpenter:
    """Takes nodes away as they are deleted."""

    def __init__(self, store: ObjectStore, keeps: frozenset[str] = frozenset()) -> None:
        self._store = store
        self._keeps = keeps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.ended: list[str] = []

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            with self._store.changed:
                claims = self._store.of_kind("NodeClaim")
                for one in [*claims, *self._store.of_kind("NodePool")]:
                    waits = one["kind"] == "NodePool" and claims
                    self._end(one, unless=bool(waits))
                for one in self._store.of_kind("EC2NodeClass"):
                    self._end(one, unless=bool(claims))

    def _end(self, one: dict[str, Any], *, unless: bool) -> None:
        name = one["metadata"]["name"]
        if "deletionTimestamp" not in one["metadata"] or unless or name in self._keeps:
            return
        plural = next(plural for plural, (_, kind) in KINDS.items() if kind == one["kind"])
        self._store.merge(path(plural, name), {"metadata": {"finalizers": None}})
        self.ended.append(name)

    def __enter__(self) -> "Karpenter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)


Fill = Callable[[], None]


@pytest.fixture
def fill(store: ObjectStore) -> Fill:
    def of_two_runtimes() -> None:
        for name in ("sdwebui", "comfyui"):
            add(store, "nodepools", name)
            add(store, "ec2nodeclasses", name)
            add(store, "nodeclaims", f"{name}-x1")

    return of_two_runtimes


def left(store: ObjectStore) -> set[str]:
    return {one["kind"] for one in store.objects.values()} & {kind for _, kind in KINDS.values()}


def test_nothing_is_left_and_classes_go_last(
    store: ObjectStore, client: KubernetesClient, fill: Fill
) -> None:
    fill()
    said: list[str] = []
    with Karpenter(store) as karpenter:
        assert Drain(client, 20, said.append, poll_seconds=0.05).run()
    assert left(store) == set()
    assert set(karpenter.ended[-2:]) <= {"sdwebui", "comfyui"}
    deleted = [call for call in store.calls if call.startswith("DELETE")]
    order = [call.split("/")[-2] for call in deleted]
    assert order == [*["nodepools"] * 2, *["nodeclaims"] * 2, *["ec2nodeclasses"] * 2]
    assert said[0] == "2 NodePool(s) and 2 NodeClaim(s) to end"
    assert said[-1].startswith("drained")


def test_a_node_that_came_while_its_pool_went_is_ended_too(
    store: ObjectStore, client: KubernetesClient, fill: Fill
) -> None:
    fill()
    late = threading.Timer(0.3, add, (store, "nodeclaims", "late-x2"))
    keeps = frozenset({"sdwebui-x1"})
    with Karpenter(store, keeps) as karpenter:
        late.start()
        timer = threading.Timer(0.8, karpenter.__setattr__, ("_keeps", frozenset()))
        timer.start()
        assert Drain(client, 20, lambda _: None, poll_seconds=0.05).run()
    assert "late-x2" in karpenter.ended
    assert left(store) == set()


def test_at_the_limit_it_names_what_is_left_and_goes_on(
    store: ObjectStore,
    client: KubernetesClient,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(karpenter_drain, "_PROGRESS_SECONDS", 0.2)
    fill()
    said: list[str] = []
    with Karpenter(store, keeps=frozenset({"sdwebui-x1"})):
        assert not Drain(client, 1.2, said.append, poll_seconds=0.05).run()
    assert any("waiting" in line and "1 NodeClaim(s): sdwebui-x1" in line for line in said)
    warnings = [line for line in said if line.startswith("WARNING")]
    assert "1 NodeClaim(s): sdwebui-x1" in warnings[0]
    assert "terminationGracePeriod" in warnings[0]
    assert "easel-deploy karpenter sweep" in warnings[0]
    # What could go has gone.
    assert all(one["metadata"].get("deletionTimestamp") for one in store.of_kind("EC2NodeClass"))

    # When Karpenter is uninstalled, its objects are let go: CRDs wait for theirs.
    let_go(client, said.append)
    assert left(store) == set()
    assert any("1 NodeClaim(s): sdwebui-x1, without Karpenter" in line for line in said)


def test_a_node_has_the_time_to_drain_that_its_nodepool_gives_it(
    store: ObjectStore,
    client: KubernetesClient,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(karpenter_drain, "_END_SECONDS", 0.5)
    monkeypatch.setattr(karpenter_drain, "_CLASSES_SECONDS", 0.5)
    fill()
    store.merge(path("nodeclaims", "sdwebui-x1"), {"spec": {"terminationGracePeriod": "0m20s"}})
    store.merge(path("nodeclaims", "comfyui-x1"), {"spec": {"terminationGracePeriod": "1s"}})
    said: list[str] = []
    keeps = {"sdwebui-x1"}
    with Karpenter(store, keeps=keeps):  # type: ignore[arg-type]
        ends = threading.Timer(3, keeps.clear)
        ends.start()
        assert Drain(client, 1, said.append, poll_seconds=0.05).run()
        ends.join()
    assert said[0] == "a node may take 20 s to drain: waiting 21 s at most, not 1"
    assert left(store) == set()


def test_nodes_that_wait_for_a_karpenter_that_is_gone_are_let_go(
    store: ObjectStore, client: KubernetesClient
) -> None:
    for name, finalizers in {
        "ghost": [FINALIZER],
        "ghost-of-another-too": [FINALIZER, "example.com/keeps"],
        "system": [],
    }.items():
        metadata = {"name": name, "finalizers": finalizers}
        store.put(
            f"api/v1/nodes/{name}", {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
        )
    said: list[str] = []
    let_go(client, said.append)
    nodes = {one["metadata"]["name"]: one["metadata"] for one in store.of_kind("Node")}
    assert nodes.keys() == {"ghost-of-another-too", "system"}
    # Somebody else's finalizer is his own to take away.
    assert nodes["ghost-of-another-too"]["finalizers"] == ["example.com/keeps"]
    assert "deletionTimestamp" not in nodes["system"]
    (line,) = said
    assert line.startswith("deleted 2 Node(s): ghost, ghost-of-another-too, which waited")
    assert line.endswith("their pods go with them")


def test_without_karpenters_kinds_there_is_nothing_to_drain(
    client: KubernetesClient, store: ObjectStore
) -> None:
    for definition in store.of_kind("CustomResourceDefinition"):
        name = definition["metadata"]["name"]
        store.delete(f"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
    said: list[str] = []
    assert Drain(client, 5, said.append, poll_seconds=0.05).run()
    assert said[0] == "0 NodePool(s) and 0 NodeClaim(s) to end"


def test_twice_is_as_good_as_once(store: ObjectStore, client: KubernetesClient, fill: Fill) -> None:
    fill()
    with Karpenter(store):
        assert Drain(client, 20, lambda _: None, poll_seconds=0.05).run()
        assert Drain(client, 20, lambda _: None, poll_seconds=0.05).run()


def test_an_outage_of_the_api_server_is_sat_out(
    store: ObjectStore, client: KubernetesClient, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    said: list[str] = []
    listed = ObjectStore.listed
    failing = iter([False] * 3 + [True] * 3)

    def flaky(self: ObjectStore, wanted: Any) -> list[dict[str, Any]]:
        if next(failing, False):
            raise ConnectionAbortedError
        return listed(self, wanted)

    monkeypatch.setattr(ObjectStore, "listed", flaky)
    with Karpenter(store):
        assert Drain(client, 20, said.append, poll_seconds=0.05).run()
    assert any("cannot be reached" in line for line in said)
    assert left(store) == set()
