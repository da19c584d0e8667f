"""What Helm prints after an installation fits the release, and its linter has no complaint."""

import pytest
import yaml

from tests.charts.helm import CHART, Helm, Values, at, overlay

pytestmark = pytest.mark.integration


def notes(helm: Helm, values: Values) -> str:
    said = helm.run(
        *("install", "sdruntime", CHART, "--namespace", "easel", "--dry-run=client"),
        *("--values", "-"),
        stdin=yaml.safe_dump(dict(values)),
    )
    return said.partition("NOTES:\n")[2]


def test_a_runtime_that_scales_to_zero(helm: Helm, sdwebui: Values) -> None:
    said = notes(helm, sdwebui)
    assert "Runtime sdruntime (sdwebui) takes tasks from" in said
    assert "https://sqs.us-east-1.amazonaws.com/123456789012/easel-sdruntime\n" in said
    assert "runs no pod and costs nothing" in said
    # KEDA counts failures by the HPA's questions, and there is no HPA at zero.
    assert "scaling.fallback acts only where\na pod runs already" in said
    assert "kubectl -n easel get scaledobject,hpa" in said
    assert "kubectl get nodeclaim" in said
    assert "s3://easel-models-123456789012/" in said
    assert "within 720 s" in said


@pytest.mark.parametrize(
    ("values", "is_said"),
    [
        ({}, True),
        (at("nodes.capacityTypes", ["on-demand"]), False),
        (at("nodes.pools", [{"name": "gpu", "capacityTypes": ["spot"]}]), True),
        (at("nodes.create", value=False), False),
        (at("agent.settings.taskTimeoutSeconds", 110), False),
        (at("agent.settings.spotWatch", value=True), False),
    ],
)
def test_whoever_has_long_tasks_on_spot_is_told(
    helm: Helm, sdwebui: Values, values: Values, is_said: bool
) -> None:
    assert (
        "A Spot instance ends 120 s after its notice" in notes(helm, overlay(sdwebui, values))
    ) is (is_said)


def test_whoever_marks_pods_is_told_what_it_costs(helm: Helm, sdwebui: Values) -> None:
    marked = overlay(sdwebui, at("pod.doNotDisrupt", value=True))
    assert "keeps SIGTERM from pods whose node goes, for 600 s" in notes(helm, marked)
    assert "keeps SIGTERM" not in notes(helm, sdwebui)


def test_warm_pods_on_existing_nodes(helm: Helm, examples: dict[str, Values]) -> None:
    said = notes(helm, overlay(examples["custom"], at("scaling.minReplicaCount", 2)))
    assert "2 pod(s) always run." in said
    assert "no first pod is started" not in said
    assert "nodeclaim" not in said
    assert "s3://" not in said


def test_without_scaling(helm: Helm, sdwebui: Values) -> None:
    said = notes(helm, overlay(sdwebui, at("scaling.enabled", value=False)))
    assert "scaledobject" not in said
    assert "kubectl -n easel get pods" in said


@pytest.mark.parametrize("kind", ["sdwebui", "comfyui", "custom"])
def test_the_linter_is_content(helm: Helm, kind: str) -> None:
    said = helm.run("lint", "--strict", CHART, "--values", CHART / "ci" / f"{kind}-values.yaml")
    assert "0 chart(s) failed" in said
