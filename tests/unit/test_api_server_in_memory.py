"""The API server in memory: what a release or a drain could find out wrongly if it were lax."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from easel_local.kubernetes import ObjectStore, serving
from easel_local.kubernetes.errors import ApiError
from easel_local.kubernetes.secret_protobuf import decode_secret
from easel_local.kubernetes.selectors import selected

pytestmark = pytest.mark.unit

MAPS = "api/v1/namespaces/default/configmaps"
Object = dict[str, Any]


def config_map(name: str, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name} | metadata}


@pytest.fixture
def store() -> ObjectStore:
    return ObjectStore()


@pytest.fixture
def url(store: ObjectStore) -> Iterator[str]:
    with serving(store) as url:
        yield url


def test_an_object_with_a_finalizer_goes_with_it(store: ObjectStore) -> None:
    store.create(f"{MAPS}/a", config_map("a", finalizers=["x/y"]))
    store.delete(f"{MAPS}/a")
    assert "deletionTimestamp" in store.get(f"{MAPS}/a")["metadata"]
    # Neither a second deletion nor another change brings it forward or back.
    store.delete(f"{MAPS}/a")
    store.merge(f"{MAPS}/a", {"data": {"k": "v"}})
    assert "deletionTimestamp" in store.get(f"{MAPS}/a")["metadata"]
    store.merge(f"{MAPS}/a", {"metadata": {"finalizers": None}})
    with pytest.raises(ApiError, match="not found"):
        store.get(f"{MAPS}/a")


def test_what_belongs_to_an_object_goes_after_it(store: ObjectStore) -> None:
    owner = store.create(f"{MAPS}/owner", config_map("owner"))
    reference = {"uid": owner["metadata"]["uid"], "kind": "ConfigMap", "name": "owner"}
    store.create(f"{MAPS}/owned", config_map("owned", ownerReferences=[reference]))
    store.delete(f"{MAPS}/owner")
    assert store.of_kind("ConfigMap") == []


def test_a_namespace_must_be_there_and_takes_its_objects_along(store: ObjectStore) -> None:
    with pytest.raises(ApiError, match='namespaces "x" not found'):
        store.create("api/v1/namespaces/x/configmaps/a", config_map("a"))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
    store.create("api/v1/namespaces/x", namespace)
    store.create("api/v1/namespaces/x/configmaps/a", config_map("a"))
    store.delete("api/v1/namespaces/x")
    assert store.of_kind("ConfigMap") == []


def test_an_outdated_change_is_refused(store: ObjectStore) -> None:
    before = json.loads(json.dumps(store.create(f"{MAPS}/a", config_map("a"))))
    store.merge(f"{MAPS}/a", {"data": {"k": "1"}})
    with pytest.raises(ApiError, match="has been modified"):
        store.put(f"{MAPS}/a", before)


def test_what_is_made_twice_is_refused(store: ObjectStore) -> None:
    store.create(f"{MAPS}/a", config_map("a"))
    with pytest.raises(ApiError, match="already exists"):
        store.create(f"{MAPS}/a", config_map("a"))


def definition(plural: str, kind: str) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Cluster",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1"}],
        },
    }


def test_a_kind_is_served_while_its_definition_is_there(store: ObjectStore, url: str) -> None:
    widgets = f"{url}/apis/example.com/v1/widgets"
    definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert requests.get(widgets, timeout=5).status_code == 404
    store.create(f"{definitions}/widgets.example.com", definition("widgets", "Widget"))
    one = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    assert requests.post(widgets, json=one, timeout=5).ok
    assert len(requests.get(widgets, timeout=5).json()["items"]) == 1
    store.delete(f"{definitions}/widgets.example.com")
    assert requests.get(widgets, timeout=5).status_code == 404
    assert store.of_kind("Widget") == []


def test_deployments_are_available_at_once(store: ObjectStore) -> None:
    spec = {"replicas": 2}
    made = store.create(
        "apis/apps/v1/namespaces/default/deployments/a",
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": spec},
    )
    assert made["status"]["availableReplicas"] == 2
    assert made["status"]["observedGeneration"] == made["metadata"]["generation"] == 1


def lines(url: str, count: int, **query: str) -> list[Object]:
    """The first lines of a watch."""
    with requests.get(url, params={"watch": "1"} | query, stream=True, timeout=5) as answer:
        found = []
        for line in answer.iter_lines():
            found.append(json.loads(line))
            if len(found) == count:
                break
    return found


def told(events: list[Object]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def test_a_watch_tells_what_happens_after_a_version(store: ObjectStore, url: str) -> None:
    store.create(f"{MAPS}/before", config_map("before"))
    since = requests.get(f"{url}/{MAPS}", timeout=5).json()["metadata"]["resourceVersion"]

    def change() -> None:
        store.create(f"{MAPS}/a", config_map("a"))
        store.create("api/v1/namespaces/kube-system/configmaps/other", config_map("other"))
        store.merge(f"{MAPS}/a", {"data": {"k": "v"}})
        store.delete(f"{MAPS}/a")

    threading.Timer(0.2, change).start()
    events = lines(f"{url}/{MAPS}", 3, resourceVersion=since)
    assert told(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)


def test_a_watch_can_begin_with_what_is_there(store: ObjectStore, url: str) -> None:
    store.create(f"{MAPS}/a", config_map("a"))
    events = lines(f"{url}/{MAPS}", 2, sendInitialEvents="true", allowWatchBookmarks="true")
    assert told(events) == [("ADDED", "a"), ("BOOKMARK", "")]
    annotations = events[1]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


def test_a_watch_from_long_ago_is_refused(
    store: ObjectStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_events", type(store._events)(maxlen=2))
    for number in range(4):
        store.create(f"{MAPS}/{number}", config_map(str(number)))
    answer = requests.get(f"{url}/{MAPS}?watch=1&resourceVersion=1", timeout=5)
    assert answer.status_code == 410


@pytest.mark.parametrize(
    ("labels", "fields", "expected"),
    [
        ("app=a", "", True),
        ("app!=a", "", False),
        ("app in (a,b),tier", "", True),
        ("app notin (a, b)", "", False),
        ("missing", "", False),
        ("", "metadata.name=one", True),
        ("", "metadata.name=two", False),
        ("app=a", "metadata.name=one,metadata.namespace=x", False),
    ],
)
def test_selectors_select(labels: str, fields: str, expected: bool) -> None:
    one = {"metadata": {"name": "one", "labels": {"app": "a", "tier": "b"}}}
    assert selected(one, labels, fields) is expected


def test_another_kind_than_a_secret_in_protobuf_is_refused(url: str) -> None:
    # TypeMeta {apiVersion: v1, kind: ConfigMap}, no object
    body = b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap"
    with pytest.raises(ValueError, match="ConfigMap in protobuf"):
        decode_secret(body)
    answer = requests.post(f"{url}/{MAPS}", data=body, timeout=5)
    assert answer.status_code == 415


def test_a_body_that_is_too_long_is_refused(url: str) -> None:
    answer = requests.post(f"{url}/{MAPS}", data=b"x" * (3 * 1024 * 1024 + 1), timeout=5)
    assert answer.status_code == 413
