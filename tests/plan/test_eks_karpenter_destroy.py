"""In which order modules/eks-karpenter is destroyed: a thing goes before all that it depends on."""

import re
from typing import Any

import pytest

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan


def references(expression: Any) -> set[str]:
    """All references within a resource's or module call's expressions."""
    if isinstance(expression, dict):
        found = set(expression.get("references", []))
        return found.union(*(references(value) for value in expression.values()))
    if isinstance(expression, list):
        return set().union(*(references(value) for value in expression))
    return set()


class Order:
    """What depends on what inside the module; only what is written as resource or module call."""

    def __init__(self, plan: Plan) -> None:
        calls = plan("eks_karpenter").configuration["root_module"]["module_calls"]
        self.configuration = calls["eks_karpenter"]["module"]
        self._direct = {
            resource["address"]: references(resource.get("expressions", {}))
            | set(resource.get("depends_on", []))
            for resource in self.configuration["resources"]
        } | {
            f"module.{name}": references(call.get("expressions", {}))
            | set(call.get("depends_on", []))
            for name, call in self.configuration["module_calls"].items()
        }

    def needs(self, address: str) -> set[str]:
        """All that is made before a resource, and so destroyed after it."""
        found: set[str] = set()
        waiting = [address]
        while waiting:
            for reference in self._direct[waiting.pop()]:
                target = re.sub(r"^((?:data\.)?[a-z0-9_]+\.[a-z0-9_]+).*", r"\1", reference)
                if target in self._direct and target not in found:
                    found.add(target)
                    waiting.append(target)
        return found

    def provisioner(self, address: str) -> dict[str, Any]:
        """The single provisioner of a resource."""
        (resource,) = (it for it in self.configuration["resources"] if it["address"] == address)
        (provisioner,) = resource["provisioners"]
        expressions: dict[str, Any] = provisioner["expressions"]
        return expressions


@pytest.fixture
def order(plan_of: Plan) -> Order:
    return Order(plan_of)


def test_karpenter_still_has_all_it_needs_while_it_drains(order: Order) -> None:
    assert order.needs("terraform_data.drain") >= {
        "module.karpenter",
        "module.karpenter_crd",
        "aws_iam_role_policy_attachment.karpenter",
        "aws_iam_policy.karpenter",
        "aws_eks_pod_identity_association.karpenter",
        "aws_eks_access_entry.karpenter_nodes",
        "aws_iam_role_policy_attachment.karpenter_nodes",
        "aws_ec2_tag.security_group",
        "aws_sqs_queue.interruption",
        "aws_cloudwatch_event_target.interruption",
        "aws_eks_node_group.system",
        "aws_eks_addon.before_nodes",
        "aws_eks_addon.after_nodes",
        "aws_eks_access_policy_association.principal",
        "aws_vpc_security_group_ingress_rule.api",
        "aws_eks_cluster.this",
        "aws_kms_key.this",
        "terraform_data.sweep",
    }


def test_what_is_left_is_swept_up_after_karpenter_and_before_the_cluster(order: Order) -> None:
    assert "terraform_data.sweep" in order.needs("module.karpenter")
    # CRDs whose objects cannot be ended are held up; instances must not be.
    assert "module.karpenter_crd" in order.needs("terraform_data.sweep")
    assert order.needs("terraform_data.sweep") >= {
        "aws_eks_cluster.this",
        "aws_eks_node_group.system",
        "aws_ec2_tag.security_group",
        "aws_iam_role_policy_attachment.karpenter_nodes",
    }


def test_interfaces_are_swept_between_the_last_node_and_the_cluster(order: Order) -> None:
    assert "terraform_data.interfaces" in order.needs("aws_eks_node_group.system")
    assert "aws_eks_cluster.this" in order.needs("terraform_data.interfaces")


def test_no_log_group_is_deleted_before_its_writer(order: Order) -> None:
    assert "aws_cloudwatch_log_group.cluster" in order.needs("aws_eks_cluster.this")
    assert "aws_cloudwatch_log_group.insights" in order.needs("aws_eks_addon.after_nodes")


def test_nodes_get_their_network_first(order: Order) -> None:
    assert "aws_eks_addon.before_nodes" in order.needs("aws_eks_node_group.system")
    assert "aws_iam_role_policy_attachment.pod" in order.needs("aws_eks_addon.before_nodes")
    assert "aws_eks_node_group.system" in order.needs("aws_eks_addon.after_nodes")


def test_what_uses_ready_is_destroyed_before_the_drain(order: Order) -> None:
    assert order.configuration["outputs"]["ready"]["depends_on"] == ["terraform_data.drain"]


@pytest.mark.parametrize("name", ["drain", "sweep", "interfaces"])
def test_the_request_is_in_the_environment_and_names_this_cluster(
    plan_of: Plan, order: Order, name: str
) -> None:
    provisioner = order.provisioner(f"terraform_data.{name}")
    assert provisioner["command"] == {"constant_value": f"karpenter {name}"}
    assert provisioner["interpreter"] == {"references": ["path.module"]}
    assert set(provisioner["environment"]["references"]) == {"self.input", "self"}
    tuned = PlannedModule(plan_of("eks_karpenter"), "tuned")
    resource = tuned.resource(f"terraform_data.{name}")
    assert resource["input"] == {
        "cluster_name": "a23456789-123456789-123456789-12",
        "region": "us-east-1",
        "timeout_seconds": 600,
    }
    # Another cluster is drained before it goes, too.
    assert resource["triggers_replace"] == {
        "cluster_name": "a23456789-123456789-123456789-12",
        "region": "us-east-1",
    }


@pytest.mark.parametrize(
    ("address", "trigger"),
    [
        ("terraform_data.drain", "endpoint"),
        ("terraform_data.sweep", "endpoint"),
        ("terraform_data.interfaces", "endpoint"),
        ("module.karpenter.terraform_data.release", "cluster_id"),
        ("module.karpenter_crd.terraform_data.release", "cluster_id"),
    ],
)
def test_a_cluster_made_anew_is_told_from_the_one_before(
    plan_of: Plan, address: str, trigger: str
) -> None:
    # Only its name is the same: what is known of it after it is made sets all this going again.
    change = plan_of("eks_karpenter").resource_changes[f"module.eks_karpenter.{address}"]["change"]
    assert change["after_unknown"]["triggers_replace"] == {trigger: True}
    assert change["after"]["triggers_replace"]["cluster_name"] == "easel"
