"""`easel eks addons`: which versions of the add-ons to pin."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from easel_cli.addon_versions import ADDONS, as_setting, default_versions
from easel_deploy.cluster.errors import ClusterError

pytestmark = pytest.mark.unit


def offered(name: str, version: str, *, default: bool) -> dict[str, Any]:
    compatibility = {"clusterVersion": "1.35", "platformVersions": ["*"], "defaultVersion": default}
    versions = [{"addonVersion": version, "compatibilities": [compatibility]}]
    return {"addons": [{"addonName": name, "addonVersions": versions}]}


def asked_of(eks: Stubber, name: str, *pages: dict[str, Any]) -> None:
    """Answers a question about an add-on, page by page."""
    asked = {"addonName": name, "kubernetesVersion": "1.35"}
    for number, page in enumerate(pages):
        more = {"nextToken": f"more{number}"} if number < len(pages) - 1 else {}
        eks.add_response("describe_addon_versions", page | more, asked)
        asked = asked | more


def test_the_default_is_found_among_all_versions_and_pages() -> None:
    client = boto3.client(
        "eks", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as eks:
        for name in ADDONS:
            if name == "metrics-server":
                asked_of(eks, name, {"addons": []})
                continue
            # EKS names no default for every add-on that it offers.
            has_default = name != "aws-mountpoint-s3-csi-driver"
            asked_of(
                eks,
                name,
                offered(name, "v2.9.0-eksbuild.1", default=False),
                offered(name, "v2.10.0-eksbuild.2", default=False),
                offered(name, "v1.0.0-eksbuild.1", default=has_default),
            )
        versions = default_versions(client, "1.35")
        eks.assert_no_pending_responses()
    expected = dict.fromkeys(ADDONS, "v1.0.0-eksbuild.1")
    expected["aws-mountpoint-s3-csi-driver"] = "v2.10.0-eksbuild.2"
    del expected["metrics-server"]
    assert versions == expected


def test_what_is_printed_is_a_setting_of_terraform() -> None:
    versions = {name: f"v1.{number}.0-eksbuild.1" for number, name in enumerate(ADDONS)}
    comment, *setting = as_setting(versions, "1.35", "us-east-1").splitlines()
    assert comment.startswith("# EKS's defaults for Kubernetes 1.35 in us-east-1 on 20")
    assert setting[0] == "addon_versions = {"
    assert setting[3] == '  coredns                         = "v1.2.0-eksbuild.1"'
    assert len(setting) == len(ADDONS) + 2
    assert setting[-1] == "}"


def test_what_a_region_does_not_offer_is_left_out() -> None:
    versions = dict.fromkeys((name for name in ADDONS if name != "metrics-server"), "v1.0.0")
    *_, end, reason, setting = as_setting(versions, "1.35", "cn-northwest-1").splitlines()
    assert end == "}"
    assert reason.startswith("# Not offered there")
    assert setting == 'addons_left_out = ["metrics-server"]'


def test_what_no_node_is_ready_without_has_to_be_offered() -> None:
    versions = dict.fromkeys((name for name in ADDONS if name != "coredns"), "v1.0.0")
    with pytest.raises(ClusterError, match=r"cn-northwest-1 does not offer.*coredns"):
        as_setting(versions, "1.35", "cn-northwest-1")
