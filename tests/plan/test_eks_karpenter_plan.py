"""What modules/eks-karpenter makes: control plane, system nodes, add-ons, Karpenter's releases."""

import json
from typing import Any

import pytest

from easel_cli.addon_versions import ADDONS, CAN_BE_LEFT_OUT

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("eks_karpenter"), "eks_karpenter")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("eks_karpenter"), "china")


@pytest.fixture
def tuned(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("eks_karpenter"), "tuned")


def release(module: PlannedModule, name: str) -> dict[str, Any]:
    """What is installed as a release: its chart and values."""
    values: dict[str, Any] = module.resource(f"module.{name}.terraform_data.upgrade")[
        "triggers_replace"
    ]
    return values


def test_the_private_endpoint_is_always_there(example: PlannedModule, china: PlannedModule) -> None:
    (network,) = example.resource("aws_eks_cluster.this")["vpc_config"]
    assert network["endpoint_private_access"] is True
    assert network["endpoint_public_access"] is True
    assert network["public_access_cidrs"] == ["203.0.113.0/24"]
    (network,) = china.resource("aws_eks_cluster.this")["vpc_config"]
    assert network["endpoint_private_access"] is True
    assert network["endpoint_public_access"] is False


def test_the_cluster_is_as_told(example: PlannedModule, tuned: PlannedModule) -> None:
    cluster = example.resource("aws_eks_cluster.this")
    assert (cluster["name"], cluster["version"]) == ("easel", "1.35")
    # Else AWS upgrades behind Terraform's back.
    assert cluster["upgrade_policy"] == [{"support_type": "EXTENDED"}]
    (network,) = cluster["vpc_config"]
    assert set(network["subnet_ids"]) == {"subnet-0a", "subnet-0b", "subnet-0c"}
    cluster = tuned.resource("aws_eks_cluster.this")
    assert cluster["version"] == "1.36"
    assert cluster["upgrade_policy"] == [{"support_type": "STANDARD"}]


def test_access_is_by_entries_alone_and_includes_who_applies(example: PlannedModule) -> None:
    assert example.resource("aws_eks_cluster.this")["access_config"] == [
        {"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True}
    ]


def test_secrets_are_encrypted_with_a_key_that_rotates(plan_of: Plan) -> None:
    plan = plan_of("eks_karpenter")
    module = PlannedModule(plan, "eks_karpenter")
    (encryption,) = module.resource("aws_eks_cluster.this")["encryption_config"]
    assert encryption["resources"] == ["secrets"]
    calls = plan.configuration["root_module"]["module_calls"]
    (cluster,) = (
        it["expressions"]
        for it in calls["eks_karpenter"]["module"]["resources"]
        if it["address"] == "aws_eks_cluster.this"
    )
    (provider,) = cluster["encryption_config"][0]["provider"]
    assert "aws_kms_key.this.arn" in provider["key_arn"]["references"]
    assert module.resource("aws_kms_key.this")["enable_key_rotation"] is True


def test_eks_installs_nothing_that_nobody_updates(example: PlannedModule) -> None:
    assert example.resource("aws_eks_cluster.this")["bootstrap_self_managed_addons"] is False


def test_all_logs_are_encrypted_and_kept_as_told(
    example: PlannedModule, tuned: PlannedModule
) -> None:
    cluster = example.resource("aws_eks_cluster.this")
    assert set(cluster["enabled_cluster_log_types"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    for module, days in ((example, 365), (tuned, 14)):
        groups = module.resources("aws_cloudwatch_log_group")
        assert len(groups) == 5
        assert {group["retention_in_days"] for group in groups.values()} == {days}
    for name in ("cluster", "insights"):
        address = f"aws_cloudwatch_log_group.{name}"
        assert "aws_kms_key.this.arn" in example.references(address, "kms_key_id")


def test_the_private_endpoint_lets_in_who_is_named(
    example: PlannedModule, china: PlannedModule
) -> None:
    assert example.resources("aws_vpc_security_group_ingress_rule") == {}
    rules = china.resources("aws_vpc_security_group_ingress_rule")
    assert {
        (rule["cidr_ipv4"], rule["ip_protocol"], rule["from_port"], rule["to_port"])
        for rule in rules.values()
    } == {("10.0.0.0/16", "tcp", 443, 443), ("172.16.0.0/24", "tcp", 443, 443)}
    group = china.references("aws_vpc_security_group_ingress_rule.api", "security_group_id")
    assert any("cluster_security_group_id" in it for it in group)


def test_an_addon_can_be_left_out(plan_of: Plan, china: PlannedModule) -> None:
    assert sorted({*ADDONS} - {*addons(china)}) == ["metrics-server"]
    bare = PlannedModule(plan_of("eks_karpenter"), "bare")
    assert addons(bare).keys() == {*ADDONS} - CAN_BE_LEFT_OUT
    assert list(bare.resources("aws_cloudwatch_log_group")) == ["aws_cloudwatch_log_group.cluster"]


def test_what_nodes_are_made_of_has_the_providers_tags(
    example: PlannedModule, china: PlannedModule
) -> None:
    for module, tags in ((example, {}), (china, {"Stack": "easel", "Team": "pictures"})):
        specifications = module.resource("aws_launch_template.system_nodes")["tag_specifications"]
        kinds = {it["resource_type"] for it in specifications}
        assert kinds == {"instance", "network-interface", "volume"}
        for specification in specifications:
            assert specification["tags"] == {**tags, "Name": "easel-system"}


def test_karpenter_finds_the_security_group_by_its_tag(example: PlannedModule) -> None:
    tag = example.resource("aws_ec2_tag.security_group")
    assert (tag["key"], tag["value"]) == ("karpenter.sh/discovery", "easel")


def test_system_nodes_are_graviton_unless_told_otherwise(
    example: PlannedModule, china: PlannedModule, tuned: PlannedModule
) -> None:
    nodes = example.resource("aws_eks_node_group.system")
    assert nodes["ami_type"] == "BOTTLEROCKET_ARM_64"
    assert nodes["instance_types"] == ["m7g.large", "m6g.large"]
    nodes = china.resource("aws_eks_node_group.system")
    assert nodes["ami_type"] == "BOTTLEROCKET_x86_64"
    assert nodes["instance_types"] == ["m6i.large", "m5.large"]
    assert tuned.resource("aws_eks_node_group.system")["instance_types"] == ["c7g.xlarge"]


def test_system_nodes_have_the_label_and_the_clusters_version(
    example: PlannedModule, tuned: PlannedModule
) -> None:
    nodes = example.resource("aws_eks_node_group.system")
    assert nodes["labels"] == {"easel/nodes": "system"}
    assert nodes["taint"] == []
    assert nodes["version"] == "1.35"
    assert nodes["scaling_config"] == [{"min_size": 2, "max_size": 4, "desired_size": 2}]
    assert tuned.resource("aws_eks_node_group.system")["scaling_config"] == [
        {"min_size": 1, "max_size": 6, "desired_size": 3}
    ]


def test_the_system_nodes_release_may_be_pinned(
    example: PlannedModule, tuned: PlannedModule
) -> None:
    # Unpinned, EKS chooses the newest when it makes them: known after the apply.
    assert "release_version" not in example.resource("aws_eks_node_group.system")
    pinned = tuned.resource("aws_eks_node_group.system")
    assert pinned["release_version"] == "1.68.1-0a1b2c3d"


def test_pods_do_not_reach_the_system_nodes_role(example: PlannedModule) -> None:
    template = example.resource("aws_launch_template.system_nodes")
    (metadata,) = template["metadata_options"]
    assert metadata["http_tokens"] == "required"
    assert metadata["http_put_response_hop_limit"] == 1
    assert not template["key_name"]
    assert example.resource("aws_eks_node_group.system")["remote_access"] == []


@pytest.mark.parametrize(("scenario", "gib"), [("eks_karpenter", 30), ("tuned", 50)])
def test_system_nodes_volumes_are_encrypted(plan_of: Plan, scenario: str, gib: int) -> None:
    module = PlannedModule(plan_of("eks_karpenter"), scenario)
    volumes = {
        mapping["device_name"]: mapping["ebs"][0]
        for mapping in module.resource("aws_launch_template.system_nodes")["block_device_mappings"]
    }
    assert {device: volume["volume_size"] for device, volume in volumes.items()} == {
        "/dev/xvda": 4,
        "/dev/xvdb": gib,
    }
    for volume in volumes.values():
        # The provider keeps these booleans as strings.
        assert (volume["encrypted"], volume["delete_on_termination"]) == ("true", "true")
        assert volume["volume_type"] == "gp3"


def addons(module: PlannedModule) -> dict[str, dict[str, Any]]:
    """All add-ons by their name."""
    return {addon["addon_name"]: addon for addon in module.resources("aws_eks_addon").values()}


def test_what_makes_a_node_ready_is_there_before_the_nodes(example: PlannedModule) -> None:
    early = {
        addon["addon_name"]
        for address, addon in example.resources("aws_eks_addon").items()
        if address.startswith("aws_eks_addon.before_nodes[")
    }
    assert early == {"vpc-cni", "kube-proxy", "eks-pod-identity-agent"}


def test_every_addon_is_pinned(example: PlannedModule) -> None:
    assert {name: addon["addon_version"] for name, addon in addons(example).items()} == {
        "amazon-cloudwatch-observability": "v6.7.0-eksbuild.1",
        "aws-mountpoint-s3-csi-driver": "v2.8.0-eksbuild.1",
        "coredns": "v1.14.6-eksbuild.4",
        "eks-pod-identity-agent": "v1.4.0-eksbuild.2",
        "kube-proxy": "v1.35.3-eksbuild.29",
        "metrics-server": "v0.9.0-eksbuild.11",
        "vpc-cni": "v1.23.1-eksbuild.1",
    }


def test_the_command_that_finds_versions_knows_every_addon(example: PlannedModule) -> None:
    assert sorted(addons(example)) == list(ADDONS)


def test_addons_that_call_aws_do_so_with_a_role_of_their_own(example: PlannedModule) -> None:
    accounts = {
        name: {it["service_account"] for it in addon["pod_identity_association"]}
        for name, addon in addons(example).items()
    }
    assert {name: found for name, found in accounts.items() if found} == {
        "amazon-cloudwatch-observability": {"cloudwatch-agent"},
        "aws-mountpoint-s3-csi-driver": {"s3-csi-driver-sa"},
        "vpc-cni": {"aws-node"},
    }


def test_an_operators_changes_to_an_addon_are_kept(example: PlannedModule) -> None:
    for addon in addons(example).values():
        assert addon["resolve_conflicts_on_create"] == "OVERWRITE"
        assert addon["resolve_conflicts_on_update"] == "PRESERVE"


def configured(module: PlannedModule, name: str) -> Any:
    """An add-on's configuration values."""
    return json.loads(addons(module)[name]["configuration_values"])


def test_network_policies_are_enforced(example: PlannedModule) -> None:
    assert configured(example, "vpc-cni") == {"enableNetworkPolicy": "true"}


def test_models_are_mounted_on_tainted_nodes(example: PlannedModule) -> None:
    assert configured(example, "aws-mountpoint-s3-csi-driver") == {
        "node": {"tolerateAllTaints": True}
    }


def test_cloudwatch_collects_logs_and_metrics_and_no_priced_extras(example: PlannedModule) -> None:
    values = configured(example, "amazon-cloudwatch-observability")
    assert values.pop("manager") == {"nodeSelector": {"easel/nodes": "system"}}
    assert {name: setting["enabled"] for name, setting in values.items()} == {
        "containerLogs": True,
        "containerInsights": True,
        "applicationSignals": False,
        "otelContainerInsights": False,
        "dcgmExporter": False,
        "neuronMonitor": False,
    }


def test_agents_lines_reach_cloudwatch_as_they_are(example: PlannedModule) -> None:
    logs = configured(example, "amazon-cloudwatch-observability")["containerLogs"]
    text = logs["fluentBit"]["config"]["extraFiles"]["easel-metrics.conf"]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Path /var/log/containers/*_queue-agent-*.log" in lines
    assert "log_key log" in lines
    assert "log_group_name /aws/containerinsights/${CLUSTER_NAME}/application" in lines


def test_karpenter_comes_from_the_public_registry(example: PlannedModule) -> None:
    for name in ("karpenter-crd", "karpenter"):
        chart = release(example, name.replace("-", "_"))["chart"]
        assert chart["reference"] == f"oci://public.ecr.aws/karpenter/{name}"
        assert chart["version"] == "1.14.1"
        assert chart["repository"] is None
    # With the digest that the chart has of it.
    assert "image" not in release(example, "karpenter")["values"]["controller"]


def test_karpenter_can_come_from_a_registry_of_ones_own(
    china: PlannedModule, tuned: PlannedModule
) -> None:
    registry = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn/karpenter"
    for name in ("karpenter-crd", "karpenter"):
        chart = release(china, name.replace("-", "_"))["chart"]
        assert chart["reference"] == f"oci://{registry}/{name}"
    assert release(china, "karpenter")["values"]["controller"]["image"] == {
        "repository": f"{registry}/controller",
        "tag": "1.14.1",
        # The chart's digest is that of the public image.
        "digest": "",
    }
    image = release(tuned, "karpenter")["values"]["controller"]["image"]
    assert image["digest"].startswith("sha256:0123")


def test_karpenter_knows_its_cluster_its_queue_and_its_region(
    example: PlannedModule, china: PlannedModule
) -> None:
    values = release(example, "karpenter")["values"]
    assert values["settings"] == {"clusterName": "easel", "interruptionQueue": "easel"}
    assert values["serviceAccount"] == {"name": "karpenter"}
    assert values["controller"]["env"] == [{"name": "AWS_REGION", "value": "us-east-1"}]
    env = release(china, "karpenter")["values"]["controller"]["env"]
    assert env == [{"name": "AWS_REGION", "value": "cn-northwest-1"}]


def test_karpenter_gets_its_role_by_pod_identity(example: PlannedModule) -> None:
    association = example.resource("aws_eks_pod_identity_association.karpenter")
    assert (association["namespace"], association["service_account"]) == (
        "kube-system",
        "karpenter",
    )
    values = example.resource("module.karpenter.terraform_data.release")["input"]
    assert (values["namespace"], values["name"]) == ("kube-system", "karpenter")


def test_karpenter_runs_on_system_nodes_one_replica_on_each(
    example: PlannedModule, tuned: PlannedModule
) -> None:
    values = release(example, "karpenter")["values"]
    assert values["nodeSelector"] == {"kubernetes.io/os": "linux", "easel/nodes": "system"}
    assert values["replicas"] == 2
    assert "memory" in values["controller"]["resources"]["limits"]
    # With one node for sure, a second replica might never be placed.
    assert release(tuned, "karpenter")["values"]["replicas"] == 1


def test_a_users_own_values_are_not_in_the_plan(tuned: PlannedModule) -> None:
    upgrade = release(tuned, "karpenter")
    assert upgrade["extra_values_sha256"]
    assert "debug" not in json.dumps(upgrade)
