"""The doctor enters a cluster, reads it once and says where it cannot."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from easel_doctor.checks import after_checks
from easel_doctor.cluster import ClusterReading
from easel_doctor.control_plane import look_at_cluster
from easel_doctor.finding import Finding, State
from easel_doctor.running import run_checks
from easel_doctor.subject import Subject
from easel_local.kubernetes import ObjectStore, serving
from tests.doctor_world import REGIONS, Clients, custom_kinds, problems, subject
from tests.stubbed_aws import answer

pytestmark = pytest.mark.integration


@pytest.fixture(params=REGIONS)
def stack(request: pytest.FixtureRequest) -> Subject:
    """A stack with one runtime, whose queues and records AWS says are empty."""
    clients = Clients(str(request.param))
    counts = {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "MessageRetentionPeriod": "345600",
    }
    answer(
        clients["sqs"],
        "get_queue_attributes",
        lambda asked: {"Attributes": {name: counts[name] for name in asked["AttributeNames"]}},
    )
    answer(clients["cloudwatch"], "get_metric_data", {"MetricDataResults": []})
    answer(clients["cloudwatch"], "describe_alarms", {"MetricAlarms": []})
    answer(clients["dynamodb"], "query", {"Items": []})
    url = f"https://sqs.{clients.region}.amazonaws.com/000000000000/easel-sd"
    runtime = {"namespace": "easel-sd", "queue_url": url, "dead_letter_queue_url": f"{url}-dlq"}
    outputs = {"cluster_name": "easel", "records_table": "r", "runtimes": {"sd": runtime}}
    return subject(clients, outputs=outputs)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ObjectStore]:
    """An API server that EASEL_KUBECONFIG leads to."""
    store = ObjectStore()
    with serving(store) as url:
        kubeconfig = tmp_path / "kubeconfig"
        content = {
            "clusters": [{"name": "memory", "cluster": {"server": url}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "memory", "user": "nobody"}}],
            "current-context": "c",
        }
        kubeconfig.write_text(yaml.safe_dump(content))
        monkeypatch.setenv("EASEL_KUBECONFIG", str(kubeconfig))
        yield store


def eks(stack: Subject, status: str = "ACTIVE", **more: Any) -> None:
    cluster = {"cluster": {"name": "easel", "status": status, "version": "1.35", **more}}
    answer(stack.aws.client("eks"), "describe_cluster", cluster)


def cluster(stack: Subject) -> Finding:
    return look_at_cluster(stack, ClusterReading("easel", stack.settings.region))


@pytest.mark.usefixtures("api")
def test_a_cluster_that_answers_is_well(stack: Subject) -> None:
    eks(stack)
    finding = cluster(stack)
    assert finding.state is State.OK
    assert finding.summary == "easel is ACTIVE, Kubernetes 1.35; its API answers as v1.35.0"


@pytest.mark.usefixtures("api")
def test_a_cluster_that_changes_or_is_ill_is_told_of(stack: Subject) -> None:
    eks(stack, "UPDATING")
    assert cluster(stack).state is State.WARN
    eks(stack, health={"issues": [{"code": "SubnetNotFound", "message": "it is gone"}]})
    finding = cluster(stack)
    assert finding.state is State.FAIL
    assert "SubnetNotFound: it is gone" in problems(finding)
    answer(stack.aws.client("eks"), "describe_cluster", "ResourceNotFoundException")
    assert cluster(stack).state is State.FAIL


def test_an_api_that_is_not_reached_fails_once_and_excuses_the_rest(
    stack: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "c",
            }
        )
    )
    monkeypatch.setenv("EASEL_KUBECONFIG", str(kubeconfig))
    eks(stack)
    states = {one.name: one.finding.state for one in run_checks(after_checks(stack))}
    assert states["cluster"] is State.FAIL
    assert {states[name] for name in ("releases", "scaling", "nodes", "pods")} == {
        State.NOT_CHECKED
    }
    assert {states[name] for name in ("queues", "dead letters", "alarms", "last task")} == {
        State.OK
    }


@pytest.mark.usefixtures("api")
def test_a_cluster_with_nothing_in_it_has_failed(stack: Subject) -> None:
    eks(stack)
    results = {one.name: one.finding for one in run_checks(after_checks(stack))}
    assert results["cluster"].state is State.OK
    assert results["releases"].state is State.FAIL
    assert results["nodes"].state is State.FAIL
    assert results["pods"].summary == "0 of 0 are ready"


def test_what_is_in_the_cluster_is_read(stack: Subject, api: ObjectStore) -> None:
    for namespace, name in (
        ("kube-system", "karpenter-crd"),
        ("kube-system", "karpenter"),
        ("keda", "keda"),
        ("easel-sd", "sd"),
    ):
        labels = {"owner": "helm", "name": name, "version": "1", "status": "deployed"}
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        api.apply(f"api/v1/namespaces/{namespace}", space)
        secret = f"sh.helm.release.v1.{name}.v1"
        content = {"apiVersion": "v1", "kind": "Secret", "metadata": {"labels": labels}}
        api.create(f"api/v1/namespaces/{namespace}/secrets/{secret}", content)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": ready}
    api.create("api/v1/nodes/n1", node)
    for path, kind in custom_kinds(api).items():
        content: dict[str, Any] = {"apiVersion": "/".join(path.split("/")[1:3]), "kind": kind}
        failing = {"type": "Ready", "status": "False", "message": f"no {kind}"}
        content |= {"spec": {"scaleTargetRef": {"name": "sd"}}, "status": {"conditions": [failing]}}
        api.create(f"{path}/sd", content)
    eks(stack)
    results = {one.name: one.finding for one in run_checks(after_checks(stack))}
    assert results["releases"].state is State.OK
    assert results["nodes"].summary == "1 for controllers, 0 of Karpenter's"
    assert "NodePool sd cannot make nodes: no NodePool" in problems(results["nodes"])
    assert "KEDA does not scale easel-sd/sd: no ScaledObject" in problems(results["scaling"])


def test_a_stack_that_was_not_applied_is_said_to_be_none(stack: Subject) -> None:
    nothing = Subject(stack.folder, stack.settings, {}, stack.aws)
    (result,) = run_checks(after_checks(nothing))
    assert result.finding.state is State.FAIL
    assert "make apply" in problems(result.finding)
