"""A canary for each bridge of EKS: what ministack does without it, and what AWS does.

Where the first half of a test fails, ministack no longer needs the bridge: remove it.
"""

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_local.emulator import Emulator, KubernetesEndpoint

pytestmark = pytest.mark.integration

Client = Callable[..., Any]


def new_role(client: Client) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "eks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = client("iam").create_role(
        RoleName=f"eks-{secrets.token_hex(4)}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    return str(role["Role"]["Arn"])


def new_network(client: Client) -> tuple[str, list[str]]:
    ec2 = client("ec2")
    vpc = str(ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"])
    subnets = [
        str(ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"])
        for number in (1, 2)
    ]
    return vpc, subnets


def new_cluster(client: Client, **settings: Any) -> dict[str, Any]:
    name = f"cluster-{secrets.token_hex(4)}"
    network = settings.pop("resourcesVpcConfig", {"subnetIds": []})
    eks = client("eks")
    eks.create_cluster(
        name=name, roleArn=new_role(client), resourcesVpcConfig=network, version="1.35", **settings
    )
    described: dict[str, Any] = eks.describe_cluster(name=name)["cluster"]
    return described


def test_a_cluster_keeps_its_upgrade_policy_and_zonal_shift(bare: Client, client: Client) -> None:
    settings = {"upgradePolicy": {"supportType": "STANDARD"}, "zonalShiftConfig": {"enabled": True}}
    assert not settings.keys() & new_cluster(bare, **settings).keys()
    kept = new_cluster(client, **settings)
    assert {name: kept[name] for name in settings} == settings


def test_a_cluster_without_an_upgrade_policy_has_extended_support(
    bare: Client, client: Client
) -> None:
    assert "upgradePolicy" not in new_cluster(bare)
    assert new_cluster(client)["upgradePolicy"] == {"supportType": "EXTENDED"}


def test_a_clusters_access_settings_are_whole(bare: Client, client: Client) -> None:
    access = {"authenticationMode": "API"}
    assert new_cluster(bare, accessConfig=access)["accessConfig"] == access
    assert new_cluster(client, accessConfig=access)["accessConfig"] == access | {
        "bootstrapClusterCreatorAdminPermissions": True
    }


def known_groups(client: Client, cluster: dict[str, Any]) -> list[str]:
    group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    found = client("ec2").describe_security_groups()["SecurityGroups"]
    return [one["VpcId"] for one in found if one["GroupId"] == group]


def test_a_cluster_is_in_its_vpc_and_takes_its_security_group_along(
    bare: Client, client: Client
) -> None:
    _, subnets = new_network(bare)
    assert known_groups(bare, new_cluster(bare, resourcesVpcConfig={"subnetIds": subnets})) == []

    vpc, subnets = new_network(client)
    cluster = new_cluster(client, resourcesVpcConfig={"subnetIds": subnets})
    assert cluster["resourcesVpcConfig"]["vpcId"] == vpc
    assert known_groups(client, cluster) == [vpc]
    client("eks").delete_cluster(name=cluster["name"])
    assert known_groups(client, cluster) == []


def test_a_clusters_issuer_is_https(bare: Client, client: Client) -> None:
    assert new_cluster(bare)["identity"]["oidc"]["issuer"].startswith("http://")
    issuer = new_cluster(client)["identity"]["oidc"]["issuer"]
    assert issuer.startswith("https://oidc.eks.us-east-1.amazonaws.com/id/")


def test_a_cluster_has_the_api_server_that_the_emulator_was_given(
    tmp_path: Path, client_of: Callable[[Emulator], Client]
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    kubernetes = KubernetesEndpoint("https://127.0.0.1:6443", authority)
    log = tmp_path / "emulator.log"
    with Emulator(log_path=log, kubernetes=kubernetes) as emulator:
        cluster = new_cluster(client_of(emulator))
    assert cluster["endpoint"] == kubernetes.url
    assert base64.b64decode(cluster["certificateAuthority"]["data"]) == authority.read_bytes()


def new_node_group(client: Client) -> dict[str, Any]:
    cluster, role = new_cluster(client)["name"], new_role(client)
    settings = {"subnets": ["subnet-1"], "nodeRole": role, "updateConfig": {"maxUnavailable": 3}}
    template = {"id": "lt-1", "version": "1"}
    eks = client("eks")
    eks.create_nodegroup(
        clusterName=cluster, nodegroupName="system", launchTemplate=template, **settings
    )
    described: dict[str, Any] = eks.describe_nodegroup(clusterName=cluster, nodegroupName="system")
    group: dict[str, Any] = described["nodegroup"]
    return group


def test_a_node_group_keeps_its_launch_template_and_update_settings(
    bare: Client, client: Client
) -> None:
    assert not {"launchTemplate", "updateConfig"} & new_node_group(bare).keys()
    group = new_node_group(client)
    assert group["launchTemplate"] == {"id": "lt-1", "version": "1"}
    assert group["updateConfig"] == {"maxUnavailable": 3}
    assert "diskSize" not in group


def new_addon(client: Client) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    cluster, role = new_cluster(client)["name"], new_role(client)
    eks = client("eks")
    wanted = [{"serviceAccount": "aws-node", "roleArn": role}]
    eks.create_addon(clusterName=cluster, addonName="vpc-cni", podIdentityAssociations=wanted)
    addon = eks.describe_addon(clusterName=cluster, addonName="vpc-cni")["addon"]
    return cluster, addon, associations_of(client, cluster)


def associations_of(client: Client, cluster: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("eks").list_pod_identity_associations(clusterName=cluster)[
        "associations"
    ]
    return found


def test_an_addons_pod_identity_associations_are_the_clusters_and_go_with_it(
    bare: Client, client: Client
) -> None:
    assert new_addon(bare)[2] == []
    cluster, addon, associations = new_addon(client)
    (association,) = associations
    assert addon["podIdentityAssociations"] == [association["associationArn"]]
    assert association["ownerArn"] == addon["addonArn"]
    assert (association["namespace"], association["serviceAccount"]) == ("kube-system", "aws-node")

    another = [{"serviceAccount": "another", "roleArn": new_role(client)}]
    client("eks").update_addon(
        clusterName=cluster, addonName="vpc-cni", podIdentityAssociations=another
    )
    assert [one["serviceAccount"] for one in associations_of(client, cluster)] == ["another"]

    client("eks").delete_addon(clusterName=cluster, addonName="vpc-cni")
    assert associations_of(client, cluster) == []


def test_an_addons_default_version_is_known(bare: Client, client: Client) -> None:
    asked = {"addonName": "coredns", "kubernetesVersion": "1.35"}
    with pytest.raises(ClientError, match="No route"):
        bare("eks").describe_addon_versions(**asked)
    (addon,) = client("eks").describe_addon_versions(**asked)["addons"]
    (compatibility,) = addon["addonVersions"][0]["compatibilities"]
    assert (compatibility["clusterVersion"], compatibility["defaultVersion"]) == ("1.35", True)
