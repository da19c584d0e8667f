"""A type that cannot run the pod is refused: Karpenter would start no node, and say so nowhere."""

import io
import json
from pathlib import Path

import pytest
import yaml

from charts.instance_types import TABLE, families, text
from tests.charts.helm import CHART, Helm, HelmError, Values, at, of_kind, overlay

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[1] / "data" / "karpenter" / "instance-types.md"


def types(*names: str) -> Values:
    return at("nodes.instanceTypes", list(names))


REFUSED: dict[str, tuple[Values, str]] = {
    "a part of a GPU": (
        types("g5.xlarge", "g6f.xlarge"),
        "nodes.instanceTypes: g6f.xlarge has 0 whole NVIDIA GPUs, and a pod needs 1",
    ),
    "ARM": (types("g5g.2xlarge"), "g5g.2xlarge is arm64, and the images are for amd64"),
    "no GPU": (types("m5.xlarge"), "m5.xlarge has 0 whole NVIDIA GPUs, and a pod needs 1"),
    "another maker's GPU": (types("g4ad.xlarge"), "g4ad.xlarge has 0 whole NVIDIA GPUs"),
    "two GPUs of types with one": (
        at("runtime.gpus", 2),
        "g5.2xlarge has 1 whole NVIDIA GPUs, and a pod needs 2: choose a type such as g5.12xlarge",
    ),
    "an unknown size": (types("g5.3xlarge"), "g5.3xlarge is unknown to this chart"),
    "an unknown family": (types("g9.xlarge"), "describe it in nodes.moreInstanceTypes"),
    "more memory than the node has": (
        overlay(types("g5.xlarge"), at("runtime.resources.requests.memory", "13Gi")),
        "g5.xlarge leaves 14162 MiB to pods, and a pod with its Mountpoint pod asks for 14592 MiB",
    ),
    "a limit that stands for the request": (
        at("runtime.resources", {"requests": None, "limits": {"memory": "15Gi"}}),
        "g5.xlarge leaves 14162 MiB to pods, and a pod with its Mountpoint pod asks for 16640 MiB",
    ),
    "limits of more memory than the node has": (
        overlay(types("g5.xlarge", "g5.2xlarge"), at("runtime.resources.limits.memory", "13Gi")),
        "g5.xlarge leaves 14162 MiB to pods, and a pod with its Mountpoint pod may take 15616 MiB",
    ),
    "a Mountpoint pod that may take too much": (
        overlay(types("g5.xlarge"), at("models.s3.resources.limits.memory", "4G")),
        "g5.xlarge leaves 14162 MiB to pods, and a pod with its Mountpoint pod may take 15847 MiB",
    ),
    "a pool's own type": (
        at("nodes.pools", [{"name": "gpu"}, {"name": "cpu", "instanceTypes": ["m5.xlarge"]}]),
        "nodes.pools[1].instanceTypes: m5.xlarge has 0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(helm: Helm, sdwebui: Values, case: str) -> None:
    changes, message = REFUSED[case]
    with pytest.raises(HelmError) as refusal:
        helm.render(overlay(sdwebui, changes))
    assert message in str(refusal.value)


TAKEN: dict[str, Values] = {
    "four GPUs": overlay(types("g5.12xlarge", "g6.12xlarge"), at("runtime.gpus", 4)),
    "none": overlay(types("m5.xlarge"), at("runtime.gpus", 0)),
    "a type that is described": overlay(
        types("g9.xlarge"),
        at(
            "nodes.moreInstanceTypes",
            {"g9.xlarge": {"architecture": "amd64", "gpus": 1, "memoryMi": 14000}},
        ),
    ),
    "most that a node has": overlay(
        types("g5.xlarge"), at("runtime.resources.requests.memory", "11Gi")
    ),
    "larger limits on larger nodes": overlay(
        types("g5.2xlarge"), at("runtime.resources.limits.memory", "24Gi")
    ),
    "no limit": overlay(types("g5.xlarge"), at("runtime.resources.limits", None)),
}


@pytest.mark.parametrize("case", TAKEN)
def test_taken(helm: Helm, sdwebui: Values, case: str) -> None:
    changes = TAKEN[case]
    manifests = helm.render(overlay(sdwebui, changes))
    requirements = of_kind(manifests, "NodePool")["spec"]["template"]["spec"]["requirements"]
    named = next(one for one in requirements if one["key"] == "node.kubernetes.io/instance-type")
    assert named["values"] == changes["nodes"]["instanceTypes"]


def test_nodes_of_ones_own_are_no_business_of_the_chart(
    helm: Helm, examples: dict[str, Values]
) -> None:
    assert helm.render(overlay(examples["custom"], types("m5.xlarge")))


def test_the_table_is_made_from_karpenters_page() -> None:
    assert families(io.StringIO(PAGE.read_text())) == {
        "g5": {"architecture": "amd64", "sizes": {"xlarge": {"gpus": 1, "memoryMi": 14162}}},
        "g5g": {"architecture": "arm64", "sizes": {"xlarge": {"gpus": 1, "memoryMi": 6525}}},
        "g6f": {"architecture": "amd64", "sizes": {"xlarge": {"gpus": 0, "memoryMi": 14162}}},
        "m5": {"architecture": "amd64", "sizes": {"large": {"gpus": 0, "memoryMi": 6903}}},
    }


def test_the_table_in_the_chart_says_the_same_of_these_types() -> None:
    table = json.loads(TABLE.read_text())
    for family, known in json.loads(text("0", io.StringIO(PAGE.read_text())))["families"].items():
        assert table["families"][family]["architecture"] == known["architecture"]
        assert known["sizes"].items() <= table["families"][family]["sizes"].items()


def test_the_table_is_of_the_karpenter_that_the_chart_is_for() -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]["easel/karpenter"]
    source = json.loads(TABLE.read_text())["source"]
    assert source.startswith(f"karpenter-provider-aws v{version.removesuffix('x')}")
