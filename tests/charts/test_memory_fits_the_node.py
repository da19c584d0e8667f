"""No pod's memory is another's: all limits together fit each node of the defaults.

Else the kernel chooses whom to kill, and takes the Mountpoint pod first: every model load after it
fails with "Transport endpoint is not connected".
"""

import json
from collections.abc import Iterator
from fractions import Fraction

import pytest
import yaml

from charts.instance_types import TABLE
from tests.charts.helm import CHART, Helm, HelmError, Values, at, of_kind, overlay
from tests.charts.pods import pod_of

pytestmark = pytest.mark.integration

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
MIB = {"Ki": Fraction(1, 1024), "Mi": Fraction(1), "Gi": Fraction(1024)}
DAEMONS_MIB = 350
"""What the daemons of modules/eks-karpenter's add-ons ask for on each node, with room: the CSI
driver's node plugin 3 x 40, CloudWatch's agent 128, Fluent Bit 100; the others ask for nothing."""


def mebibytes(size: str) -> Fraction:
    return int(size[:-2]) * MIB[size[-2:]]


def sums(helm: Helm, values: Values, bound: str) -> Fraction:
    """Requests or limits of the pod's lasting containers and of its Mountpoint pod, in MiB."""
    manifests = helm.render(values)
    pod = pod_of(manifests)
    lasting = [one for one in pod["initContainers"] if one.get("restartPolicy") == "Always"]
    sizes = [one["resources"][bound]["memory"] for one in (*lasting, *pod["containers"])]
    attributes = of_kind(manifests, "PersistentVolume")["spec"]["csi"]["volumeAttributes"]
    sizes.append(attributes[f"mountpointContainerResources{bound.title()}Memory"])
    assert len(sizes) == 3
    return sum(map(mebibytes, sizes), Fraction(0))


def default_types() -> Iterator[tuple[str, int]]:
    families = json.loads(TABLE.read_text())["families"]
    for name in DEFAULTS["nodes"]["instanceTypes"]:
        family, _, size = name.partition(".")
        yield name, families[family]["sizes"][size]["memoryMi"]


@pytest.mark.parametrize("bound", ["requests", "limits"])
@pytest.mark.parametrize(("name", "allocatable"), list(default_types()))
def test_the_defaults_fit(
    helm: Helm, sdwebui: Values, bound: str, name: str, allocatable: int
) -> None:
    assert sums(helm, sdwebui, bound) + DAEMONS_MIB <= allocatable, name


def test_sd_on_eks_limit_did_not(helm: Helm, sdwebui: Values) -> None:
    before = overlay(sdwebui, at("runtime.resources.limits.memory", "13Gi"))
    with pytest.raises(HelmError, match=r"g5\.xlarge leaves 14162 MiB .* may take 15616 MiB"):
        helm.render(before)


@pytest.mark.parametrize("example", ["sdwebui", "comfyui"])
def test_the_mountpoint_pod_is_not_first_to_go(
    helm: Helm, examples: dict[str, Values], example: str
) -> None:
    volume = of_kind(helm.render(examples[example]), "PersistentVolume")
    attributes = volume["spec"]["csi"]["volumeAttributes"]
    asked = mebibytes(attributes["mountpointContainerResourcesRequestsMemory"])
    # Mountpoint's own least; https://github.com/awslabs/mountpoint-s3/blob/main/doc/CONFIGURATION.md
    assert asked >= 512
    assert mebibytes(attributes["mountpointContainerResourcesLimitsMemory"]) >= asked
    # A limit would slow a model's loading down.
    assert "mountpointContainerResourcesLimitsCpu" not in attributes
