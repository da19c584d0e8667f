"""Of a pod's containers the agent alone gets AWS credentials; the runtime's gets none."""

import csv
from typing import Any

import pytest

from tests.charts.helm import Helm, Values, at, of_kind, overlay

pytestmark = pytest.mark.integration


def given_credentials(template: dict[str, Any]) -> set[str]:
    """Names of the containers that EKS's webhook gives the pod's role, by Pod Identity or IRSA.

    As amazon-eks-pod-identity-webhook does (pkg/handler/handler.go at 3bf80a34): all but those
    of the annotation, init containers alike.
    """
    annotation = template["metadata"]["annotations"].get("eks.amazonaws.com/skip-containers", "")
    skipped = next(csv.reader([annotation]), [])
    pod = template["spec"]
    names = {one["name"] for one in [*pod.get("initContainers", []), *pod["containers"]]}
    return names - set(skipped)


@pytest.mark.parametrize("kind", ["sdwebui", "comfyui", "custom"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        at("models", {"source": "s3", "s3": {"bucket": "models"}}),
        at("pod.annotations", {"team": "pictures"}),
        at("serviceAccount.annotations", {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"}),
    ],
    ids=["as shipped", "models in a bucket", "annotated", "IRSA"],
)
def test_the_agent_alone_has_the_role(
    helm: Helm, examples: dict[str, Values], kind: str, changes: Values
) -> None:
    deployment = of_kind(helm.render(overlay(examples[kind], changes)), "Deployment")
    template = deployment["spec"]["template"]
    assert given_credentials(template) == {"queue-agent"}
    # Nor is there a token of Kubernetes that could be traded for the role.
    assert template["spec"]["automountServiceAccountToken"] is False
    assert not [
        source
        for volume in template["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source
    ]


def test_whoever_deploys_may_decide_otherwise(helm: Helm, sdwebui: Values) -> None:
    own = at("pod.annotations", {"eks.amazonaws.com/skip-containers": "copy-config"})
    deployment = of_kind(helm.render(overlay(sdwebui, own)), "Deployment")
    assert "runtime" in given_credentials(deployment["spec"]["template"])
