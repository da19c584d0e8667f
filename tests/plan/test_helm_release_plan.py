"""What modules/helm-release plans: which change is an upgrade, and what is shown of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from .conftest import Plan

pytestmark = pytest.mark.plan

SECRET = "not-in-the-plan"


@pytest.fixture(scope="module")
def planned(plan_of: Plan) -> Mapping[str, Any]:
    """The planned arguments by address."""
    changes = plan_of("helm_release").resource_changes
    return {address: change["change"]["after"] for address, change in changes.items()}


def test_a_release_is_its_cluster_namespace_and_name(planned: Mapping[str, Any]) -> None:
    release = planned["module.local_chart.terraform_data.release"]
    identity = {
        "cluster_name": "easel",
        "region": "cn-northwest-1",
        "name": "sdruntime",
        "namespace": "easel",
    }
    assert release["triggers_replace"] == identity | {"cluster_id": None}
    # What uninstalling is told.
    assert release["input"] == identity | {"timeout_seconds": 1200}


def test_a_cluster_made_anew_needs_its_releases_anew(planned: Mapping[str, Any]) -> None:
    release = planned["module.release.terraform_data.release"]
    assert release["triggers_replace"]["cluster_id"].startswith("https://")
    # Uninstalling asks for the cluster by its name: one that is gone must go on to work.
    assert "cluster_id" not in release["input"]


def test_the_values_are_shown(planned: Mapping[str, Any]) -> None:
    upgrade = planned["module.local_chart.terraform_data.upgrade"]["triggers_replace"]
    assert upgrade["values"] == {"scaling": {"maxReplicaCount": 3}}


def test_a_remote_chart_is_known_by_its_version(planned: Mapping[str, Any]) -> None:
    charts = {
        name: planned[f"module.{name}.terraform_data.upgrade"]["triggers_replace"]["chart"]
        for name in ("release", "repository")
    }
    assert charts == {
        "release": {
            "reference": "oci://public.ecr.aws/karpenter/karpenter",
            "repository": None,
            "version": "1.14.1",
            "sha256": None,
        },
        "repository": {
            "reference": "keda",
            "repository": "https://kedacore.github.io/charts",
            "version": "2.20.2",
            "sha256": None,
        },
    }


def test_a_local_chart_is_known_by_its_files(planned: Mapping[str, Any]) -> None:
    chart = planned["module.local_chart.terraform_data.upgrade"]["triggers_replace"]["chart"]
    assert chart["reference"] == "sd-runtime"
    assert len(chart["sha256"]) == 64


def test_of_the_users_own_yaml_only_the_hash_is_kept(planned: Mapping[str, Any]) -> None:
    upgrade = planned["module.local_chart.terraform_data.upgrade"]["triggers_replace"]
    assert len(upgrade["extra_values_sha256"]) == 64
    assert SECRET not in json.dumps(dict(planned))
    without = planned["module.release.terraform_data.upgrade"]["triggers_replace"]
    assert without["extra_values_sha256"] is None


def test_what_waits_for_a_release_knows_its_namespace_before(planned: Mapping[str, Any]) -> None:
    release = planned["module.repository.terraform_data.release"]
    assert release["input"]["namespace"] == "kube-system"
