"""Two mistakes in the manifests of the system that easel follows, which a cluster may swallow.

`scaleOnInFlight` stood beside the trigger instead of in its metadata, where KEDA never saw it; a
NodePool's metadata was null.
"""

import copy
import shutil
from pathlib import Path

import pytest

from tests.charts.helm import CHART, Helm, Manifest, Values, of_kind
from tests.charts.manifests import Validate

pytestmark = pytest.mark.integration


def chart_with(tmp_path: Path, template: str, right: str, wrong: str) -> Path:
    chart = shutil.copytree(CHART, tmp_path / "sd-runtime")
    file = chart / "templates" / template
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    return chart


def test_scale_on_in_flight_outside_the_metadata(
    helm: Helm, problems: Validate, sdwebui: Values, tmp_path: Path
) -> None:
    chart = chart_with(
        tmp_path,
        "scaledobject.yaml",
        "  pollingInterval:",
        "  scaleOnInFlight: true\n  pollingInterval:",
    )
    (problem,) = problems(helm.render(sdwebui, chart=chart))
    assert problem.startswith("ScaledObject sdruntime: $.spec: ")
    assert "'scaleOnInFlight' was unexpected" in problem


def test_null_metadata_in_a_node_pool(
    helm: Helm, problems: Validate, sdwebui: Values, tmp_path: Path
) -> None:
    labels = '      labels:\n        runtime: {{ include "sd-runtime.clusterName" $ }}\n'
    chart = chart_with(tmp_path, "nodepool.yaml", labels, "")
    (problem,) = problems(helm.render(sdwebui, chart=chart))
    assert problem.startswith("NodePool easel-sdruntime-gpu: $.spec.template.metadata: None")


@pytest.fixture(scope="module")
def manifests(helm: Helm, sdwebui: Values) -> list[Manifest]:
    return helm.render(sdwebui)


def test_unknown_fields_of_core_kinds_are_caught_too(
    problems: Validate, manifests: list[Manifest]
) -> None:
    deployment = copy.deepcopy(of_kind(manifests, "Deployment"))
    deployment["spec"]["template"]["spec"]["initContainers"][-1]["startupProb"] = {}
    (problem,) = problems([deployment])
    assert "'startupProb' was unexpected" in problem


def test_rules_are_run(problems: Validate, manifests: list[Manifest]) -> None:
    node_class = copy.deepcopy(of_kind(manifests, "EC2NodeClass"))
    volume = node_class["spec"]["blockDeviceMappings"][1]["ebs"]
    del volume["snapshotID"]
    volume["volumeInitializationRate"] = 200
    pool = copy.deepcopy(of_kind(manifests, "NodePool"))
    pool["spec"]["template"]["metadata"]["labels"]["karpenter.sh/nodepool"] = "mine"
    scaled = copy.deepcopy(of_kind(manifests, "ScaledObject"))
    scaled["spec"]["minReplicaCount"] = 6
    found = "\n".join(problems([node_class, pool, scaled]))
    assert "snapshotID must be set when volumeInitializationRate is set" in found
    assert 'label "karpenter.sh/nodepool" is restricted' in found
    assert "minReplicaCount must be less than or equal to maxReplicaCount" in found
