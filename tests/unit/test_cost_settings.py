"""The settings that cost money, and the defaults that stand in modules and chart."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from easel_cost import settings
from easel_cost.errors import CostError
from easel_deploy.pins import KUBERNETES, KUBERNETES_VERSIONS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 28)
NOTHING_SET: dict[str, Any] = {
    "region": "us-east-1",
    "name": "easel",
    "zones": None,
    "own_network": False,
    "nat_gateways": "one_per_zone",
    "interface_endpoints": [],
    "kubernetes_version": None,
    "system_nodes": {
        "architecture": None, "instance_types": None, "desired": None, "disk_gib": None,
    },
    "insights": True,
    "log_retention_days": 365,
    "task_retention_days": 30,
    "runtimes": {
        "sdruntime": {
            "instance_types": None, "capacity_types": None, "data_volume_gib": None,
            "min_pods": None, "max_pods": None,
        }
    },
}  # fmt: skip


def test_what_is_not_set_has_the_defaults() -> None:
    assert settings.settings_of(NOTHING_SET, TODAY) == settings.StackSettings("us-east-1")


def test_one_nat_gateway_and_two_zones() -> None:
    found = settings.settings_of(
        NOTHING_SET | {"nat_gateways": "one", "zones": ["a", "b"], "interface_endpoints": ["sqs"]},
        TODAY,
    )
    assert (found.nat_gateways, found.zones, found.interface_endpoints) == (1, 2, 1)


def test_a_network_of_others_has_neither_gateways_nor_endpoints() -> None:
    found = settings.settings_of(
        NOTHING_SET | {"own_network": True, "interface_endpoints": ["sqs"]}, TODAY
    )
    assert (found.nat_gateways, found.interface_endpoints, found.makes_network) == (0, 0, False)


def test_a_version_is_extended_from_the_day_after_standard_support() -> None:
    end = KUBERNETES_VERSIONS[KUBERNETES]
    assert not settings.is_extended(KUBERNETES, end)
    assert settings.is_extended(None, end.replace(day=end.day + 1))
    assert settings.is_extended("1.30", TODAY)
    assert not settings.is_extended("1.99", TODAY)


def test_the_defaults_of_system_nodes_are_the_modules() -> None:
    variables = (ROOT / "modules/eks-karpenter/variables.tf").read_text()
    for name, value in {
        "desired": str(settings.SYSTEM_NODES),
        "disk_gib": str(settings.SYSTEM_DISK_GIB),
        "architecture": f'"{settings.SYSTEM_ARCHITECTURE}"',
    }.items():
        assert re.search(rf"{name}\s+= optional\(\w+, {re.escape(value)}\)", variables)
    nodes = (ROOT / "modules/eks-karpenter/system_nodes.tf").read_text()
    for kind in settings.SYSTEM_TYPES.values():
        assert f'instance_types = ["{kind}"' in nodes
    assert f'"/dev/xvda" = {settings.OS_DISK_GIB}' in nodes


def test_the_defaults_of_gpu_nodes_are_the_charts() -> None:
    nodes = yaml.safe_load((ROOT / "charts/sd-runtime/values.yaml").read_text())["nodes"]
    assert tuple(nodes["instanceTypes"]) == settings.INSTANCE_TYPES
    assert tuple(nodes["capacityTypes"]) == settings.CAPACITY_TYPES
    assert nodes["dataVolume"]["volumeSize"] == f"{settings.DATA_VOLUME_GIB}Gi"
    assert (nodes["dataVolume"]["iops"], nodes["dataVolume"]["throughput"]) == (4000, 600)


def test_a_folder_that_is_no_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CostError, match=r"no terraform\.tfvars"):
        settings.read_settings(tmp_path, TODAY)
