"""How `easel helm uninstall` knows what a release has, and how it waits until that is gone."""

import time
from collections.abc import Callable

import pytest

from easel_deploy.cluster import release_objects
from easel_deploy.cluster.errors import ClusterError, UnreachableError
from easel_deploy.cluster.release_manifest import Declared, read_manifests
from easel_deploy.cluster.release_objects import await_gone

pytestmark = pytest.mark.unit

MANIFEST = """---
# Source: x/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: 007}
spec:
  selector: {matchLabels: {tier: on, app: x}}
  template: {}
---
# Source: x/templates/nothing.yaml
---
apiVersion: v1
kind: ConfigMapList
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: other}, data: {equals: =}}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {selector: {app: x}}
"""

OBJECTS = [
    Declared("apps/v1", "Deployment", "easel", "007", (("app", "x"), ("tier", "on"))),
    Declared("v1", "ConfigMap", "other", "a", ()),
    Declared("v1", "Service", "easel", "x", ()),
]


def test_the_objects_of_a_manifest_are_read_as_they_are_written() -> None:
    assert read_manifests([MANIFEST], "easel") == OBJECTS


def test_what_two_revisions_have_is_looked_for_once() -> None:
    assert read_manifests([MANIFEST, "", MANIFEST], "easel") == OBJECTS


def test_a_selector_that_is_not_understood_selects_no_pods() -> None:
    # Only `app: x` would be more pods than the Deployment's.
    labels = "matchLabels: {<<: {tier: a}, app: x}"
    manifest = MANIFEST.replace("matchLabels: {tier: on, app: x}", labels)
    assert read_manifests([manifest], "easel")[0].pod_labels == ()


def test_a_manifest_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(ClusterError, match=r"is no YAML \(line 2\)") as error:
        read_manifests(["kind: Secret\ntoken: 'hunter2"], "easel")
    assert "hunter2" not in str(error.value)
    assert error.value.__suppress_context__


def answers(*said: list[str] | UnreachableError) -> Callable[[], list[str]]:
    """Tells one after the other; then nothing is left."""
    rest = list(said)

    def left() -> list[str]:
        one = rest.pop(0) if rest else []
        if isinstance(one, UnreachableError):
            raise one
        return one

    return left


def test_it_waits_on_where_the_api_server_fails_to_answer_once() -> None:
    left = answers(["Pod a"], UnreachableError("no answer"), ["Pod a"])
    await_gone(left, print, limit_seconds=10, poll_seconds=0)
    assert left() == []


def test_no_answer_is_not_taken_for_gone() -> None:
    with pytest.raises(ClusterError, match=r"does not tell \(no answer\)"):
        await_gone(answers(UnreachableError("no answer")), print, limit_seconds=0)


def test_it_looks_once_more_when_the_time_was_used_up_by_helm() -> None:
    await_gone(answers(), print, limit_seconds=-5)
    with pytest.raises(ClusterError, match="there is still Pod a"):
        await_gone(answers(["Pod a"]), print, limit_seconds=-5)


def test_the_time_limit_holds_also_between_two_looks() -> None:
    started = time.monotonic()
    with pytest.raises(ClusterError, match="After 0 s"):
        await_gone(lambda: ["Pod a"], print, limit_seconds=0.1, poll_seconds=60)
    assert time.monotonic() - started < 5


def test_progress_names_what_is_left_and_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_objects, "_PROGRESS_SECONDS", 0.0)
    said: list[str] = []
    pods = [f"Pod {number}" for number in range(12)]
    await_gone(answers(pods), said.append, limit_seconds=10, poll_seconds=0)
    assert said == [f"waiting (0 of 10 s) for {', '.join(pods[:10])} and 2 more"]


@pytest.mark.parametrize(
    ("left", "is_told"),
    [
        ("ScaledObject x (held by finalizer.keda.sh)", True),
        ("Pod x (held by example.com/y)", False),
    ],
)
def test_whoever_is_held_by_keda_hears_of_its_operator(left: str, is_told: bool) -> None:
    with pytest.raises(ClusterError) as refused:
        await_gone(answers([left]), print, limit_seconds=0)
    assert f"there is still {left}." in str(refused.value)
    assert ("KEDA's operator: see that it runs" in str(refused.value)) is is_told
