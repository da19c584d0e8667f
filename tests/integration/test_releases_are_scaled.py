"""A release ends well only where KEDA scales it; against an API server in memory and a played KEDA.

Status and events have the forms that real KEDA 2.18.1 wrote: Ready whatever the queue does.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from easel_deploy.cluster import release_scaling
from easel_deploy.cluster.errors import ClusterError
from easel_deploy.cluster.kubernetes_client import KubernetesClient
from easel_deploy.cluster.release_manifest import read_manifests
from easel_deploy.cluster.release_scaling import ReleaseScaling
from easel_local.kubernetes import ObjectStore
from tests.integration.memory_cluster import client_of
from tests.integration.release_runs import Releases, running_releases

pytestmark = pytest.mark.integration

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/easel-sdruntime"
NAMESPACE = "easel"
SCALED = f"apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects/sdruntime"
DEPLOYMENT = f"apis/apps/v1/namespaces/{NAMESPACE}/deployments/sdruntime"
DENIED = (
    "operation error SQS: GetQueueAttributes, https response error StatusCode: 403, AccessDenied: "
    "User: arn:aws:sts::123456789012:assumed-role/easel-keda/x is not authorized"
)

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: PLURAL.keda.sh }
spec:
  group: keda.sh
  scope: Namespaced
  names: { plural: PLURAL, kind: KIND }
  versions: [{ name: v1alpha1, served: true, storage: true, schema: { openAPIV3Schema: {
    type: object, x-kubernetes-preserve-unknown-fields: true } } }]
"""
KINDS = {"scaledobjects": "ScaledObject", "triggerauthentications": "TriggerAuthentication"}
OBJECTS = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: sdruntime }}
spec:
  selector: {{ matchLabels: {{ app: x }} }}
  template:
    metadata: {{ labels: {{ app: x }} }}
    spec: {{ containers: [{{ name: x, image: x }}] }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: sdruntime
  labels: {{ easel.local/keda: "FOUND" }}
spec:
  scaleTargetRef: {{ name: sdruntime }}
  minReplicaCount: 0
  pollingInterval: 1
  triggers:
    - type: aws-sqs-queue
      metadata: {{ queueURL: "{QUEUE}" }}
      authenticationRef: {{ name: sdruntime }}
"""


@pytest.fixture
def store() -> ObjectStore:
    store = ObjectStore()
    for plural, kind in KINDS.items():
        definition = yaml.safe_load(DEFINITION.replace("PLURAL", plural).replace("KIND", kind))
        store.put(
            f"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.keda.sh", definition
        )
    namespace = {"apiVersion": "v1", "kind": "Namespace"}
    store.put(f"api/v1/namespaces/{NAMESPACE}", namespace)
    return store


@pytest.fixture
def client(store: ObjectStore, tmp_path: Path) -> Iterator[KubernetesClient]:
    with client_of(store, tmp_path) as client:
        yield client


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "_LOOK_SECONDS": 0.05,
        "_TAKE_OVER_SECONDS": 1.0,
        "_PATIENCE_SECONDS": 2.0,
        "_MARGIN_SECONDS": 0.0,
    }.items():
        monkeypatch.setattr(release_scaling, name, seconds)


Check = Callable[[], list[str]]


@pytest.fixture
def release(store: ObjectStore, client: KubernetesClient) -> Callable[[str], Check]:
    """Puts the release's objects there; returns its check, which returns what was said."""

    def of(found: str) -> Check:
        manifest = OBJECTS.replace("FOUND", found)
        deployment, scaled = yaml.safe_load_all(manifest)
        store.put(DEPLOYMENT, deployment | {"spec": deployment["spec"] | {"replicas": 1}})
        store.put(SCALED, scaled)
        said: list[str] = []

        def check() -> list[str]:
            ReleaseScaling(client, read_manifests([manifest], NAMESPACE), said.append).check()
            return said

        return check

    return of


@contextmanager
def keda_complains(store: ObjectStore, times: int = 10_000) -> Iterator[None]:
    """As KEDA does at each poll: one event, counted up."""
    stop = threading.Event()

    def write(count: int) -> None:
        store.put(
            f"api/v1/namespaces/{NAMESPACE}/events/sdruntime.1",
            {
                "apiVersion": "v1",
                "kind": "Event",
                "involvedObject": {"kind": "ScaledObject", "name": "sdruntime"},
                "reason": "KEDAScalerFailed",
                "message": DENIED,
                "type": "Warning",
                "count": count,
                "lastTimestamp": "2026-11-28T03:36:36Z",
            },
        )

    def run() -> None:
        for count in itertools.count(1):
            write(count)
            if stop.wait(0.3) or count >= times:
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def replicas(store: ObjectStore) -> Any:
    return store.get(DEPLOYMENT)["spec"]["replicas"]


def test_a_runtime_that_keda_scales_is_well(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    assert release("")() == []
    # KEDA's business.
    assert replicas(store) == 1


def test_an_unreadable_queue_fails_the_release_and_runs_no_node(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    check = release("")
    with keda_complains(store), pytest.raises(ClusterError) as raised:
        check()
    words = str(raised.value)
    assert QUEUE in words
    assert DENIED in words
    assert "keda/keda-operator" in words
    assert "sqs:GetQueueAttributes" in words
    assert "set to 0 replicas" in words
    assert replicas(store) == 0


def test_a_role_that_the_chart_names_is_named(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    check = release("")
    role = "arn:aws:iam::123456789012:role/scaler"
    store.put(
        SCALED.replace("scaledobjects", "triggerauthentications"),
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "TriggerAuthentication",
            "spec": {"podIdentity": {"provider": "aws", "roleArn": role}},
        },
    )
    with keda_complains(store), pytest.raises(ClusterError, match=role):
        check()


def test_a_failure_that_passes_is_none(store: ObjectStore, release: Callable[[str], Check]) -> None:
    """A new role or policy is not known everywhere at once."""
    check = release("")
    with keda_complains(store, times=3):
        check()
    assert replicas(store) == 1


def test_while_the_hpa_asks_the_status_tells(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    """KEDA's events come no more after some dozens of them."""
    with pytest.raises(ClusterError, match="its trigger is failing"):
        release("unreadable")()
    assert replicas(store) == 0


def test_pods_that_may_be_at_work_are_left_alone(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    check = release("unreadable")
    store.merge(SCALED, {"status": {"lastActiveTime": "2026-11-28T03:35:17Z"}})
    with pytest.raises(ClusterError) as raised:
        check()
    assert "replicas" not in str(raised.value)
    assert replicas(store) == 1


def test_pods_that_are_asked_for_are_left_alone(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    check = release("down")
    store.merge(SCALED, {"spec": {"minReplicaCount": 1}})
    with pytest.raises(ClusterError):
        check()
    assert replicas(store) == 1


@pytest.mark.parametrize("without", ["status", "autoscaler"])
def test_a_keda_that_is_down_fails_the_release_and_runs_no_node(
    store: ObjectStore, release: Callable[[str], Check], without: str
) -> None:
    check = release("down")
    if without == "autoscaler":
        ready = {"type": "Ready", "status": "True"}
        store.merge(SCALED, {"status": {"conditions": [ready], "hpaName": "keda-hpa-sdruntime"}})
    with pytest.raises(ClusterError) as raised:
        check()
    assert "has not taken up its ScaledObject sdruntime" in str(raised.value)
    assert "kubectl -n keda get pods" in str(raised.value)
    assert replicas(store) == 0


def test_a_keda_that_comes_late_is_waited_for(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    check = release("down")
    labels = {"metadata": {"labels": {"easel.local/keda": None}}, "status": None}
    late = threading.Timer(0.5, lambda: store.merge(SCALED, labels))
    late.start()
    check()
    late.join()


def test_a_paused_runtime_is_not_asked_after(
    store: ObjectStore, release: Callable[[str], Check]
) -> None:
    check = release("down")
    paused = {"type": "Paused", "status": "True"}
    store.merge(SCALED, {"status": {"conditions": [paused]}})
    check()


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    with running_releases(tmp_path) as running:
        for plural, kind in KINDS.items():
            running.api.call(
                "POST",
                "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                yaml.safe_load(DEFINITION.replace("PLURAL", plural).replace("KIND", kind)),
            )
        yield running


def test_the_glue_looks_after_each_release(releases: Releases) -> None:
    """As Terraform runs it, with its own times: KEDA is there; then it is not."""
    assert "is deployed" in releases.run("upgrade", OBJECTS.replace("FOUND", ""))
    releases.run("uninstall")
    said = releases.run("upgrade", OBJECTS.replace("FOUND", "down"), status=1)
    assert "KEDA has not taken up its ScaledObject sdruntime within 60 s" in said
    assert "is deployed" not in said
    (deployment,) = releases.api.items(f"apis/apps/v1/namespaces/{NAMESPACE}/deployments")
    assert deployment["spec"]["replicas"] == 0
