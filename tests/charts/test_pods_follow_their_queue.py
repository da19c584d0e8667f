"""KEDA counts waiting and running tasks, and nobody else sets the number of pods."""

import pytest

from tests.charts.helm import Helm, Values, at, of_kind, overlay

pytestmark = pytest.mark.integration


def test_a_task_at_work_is_counted(helm: Helm, sdwebui: Values) -> None:
    (trigger,) = of_kind(helm.render(sdwebui), "ScaledObject")["spec"]["triggers"]
    assert trigger["type"] == "aws-sqs-queue"
    assert trigger["metadata"] == {
        "queueURL": "https://sqs.us-east-1.amazonaws.com/123456789012/easel-sdruntime",
        "awsRegion": "us-east-1",
        "queueLength": "10",
        "activationQueueLength": "0",
        "scaleOnInFlight": "true",
        "scaleOnDelayed": "false",
    }


def test_the_seeds_values(helm: Helm, sdwebui: Values) -> None:
    own = {"queueLength": 3, "minReplicaCount": 1, "maxReplicaCount": 7, "cooldownPeriod": 60}
    spec = of_kind(helm.render(overlay(sdwebui, {"scaling": own})), "ScaledObject")["spec"]
    assert spec["triggers"][0]["metadata"]["queueLength"] == "3"
    assert {key: spec[key] for key in own if key != "queueLength"} == {
        "minReplicaCount": 1,
        "maxReplicaCount": 7,
        "cooldownPeriod": 60,
    }


def test_an_unreadable_queue_stops_no_pod(helm: Helm, sdwebui: Values) -> None:
    spec = of_kind(helm.render(sdwebui), "ScaledObject")["spec"]
    assert spec["fallback"] == {
        "failureThreshold": 3,
        "replicas": 1,
        "behavior": "currentReplicasIfHigher",
    }


def test_pods_are_taken_away_slowly(helm: Helm, sdwebui: Values) -> None:
    spec = of_kind(helm.render(sdwebui), "ScaledObject")["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300


@pytest.mark.parametrize("kind", ["sdwebui", "comfyui", "custom"])
def test_an_upgrade_does_not_reset_the_number_of_pods(
    helm: Helm, examples: dict[str, Values], kind: str
) -> None:
    assert "replicas" not in of_kind(helm.render(examples[kind]), "Deployment")["spec"]


def test_kedas_operator_reads_the_queue_by_its_own_identity(helm: Helm, sdwebui: Values) -> None:
    manifests = helm.render(sdwebui)
    authentication = of_kind(manifests, "TriggerAuthentication")
    assert authentication["spec"]["podIdentity"] == {"provider": "aws", "identityOwner": "keda"}
    (trigger,) = of_kind(manifests, "ScaledObject")["spec"]["triggers"]
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]


def test_or_by_a_role(helm: Helm, sdwebui: Values) -> None:
    role = "arn:aws:iam::123456789012:role/reads-queues"
    manifests = helm.render(overlay(sdwebui, at("scaling.roleArn", role)))
    identity = of_kind(manifests, "TriggerAuthentication")["spec"]["podIdentity"]
    assert identity == {"provider": "aws", "roleArn": role}


def test_warm_hours(helm: Helm, examples: dict[str, Values]) -> None:
    spec = of_kind(helm.render(examples["comfyui"]), "ScaledObject")["spec"]
    assert spec["triggers"][1]["type"] == "cron"
    assert spec["triggers"][1]["metadata"] == {
        "timezone": "Asia/Shanghai",
        "start": "0 9 * * 1-5",
        "end": "0 18 * * 1-5",
        "desiredReplicas": "1",
    }
