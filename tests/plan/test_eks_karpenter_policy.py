"""What modules/eks-karpenter gives Karpenter in AWS is what Karpenter publishes, to the letter."""

import json
from dataclasses import replace

import pytest

from .conftest import Plan
from .karpenter_template import KarpenterTemplate
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

# Scenario: partition, region, DNS suffix, cluster.
PLACES = {
    "eks_karpenter": ("aws", "us-east-1", "amazonaws.com", "easel"),
    "china": ("aws-cn", "cn-northwest-1", "amazonaws.com.cn", "easel"),
    "tuned": ("aws", "us-east-1", "amazonaws.com", "a23456789-123456789-123456789-12"),
}
ACCOUNT = "123456789012"
# The template's name of a policy, and the module's.
POLICIES = {
    "NodeLifecyclePolicy": "node_lifecycle",
    "IAMIntegrationPolicy": "iam_integration",
    "EKSIntegrationPolicy": "eks_integration",
    "InterruptionPolicy": "interruption",
    "ZonalShiftPolicy": "zonal_shift",
    "ResourceDiscoveryPolicy": "resource_discovery",
}


@pytest.fixture(params=PLACES)
def scenario(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def module(plan_of: Plan, scenario: str) -> PlannedModule:
    return PlannedModule(plan_of("eks_karpenter"), scenario)


@pytest.fixture
def template(scenario: str) -> KarpenterTemplate:
    partition, region, suffix, cluster = PLACES[scenario]
    role = f"{cluster}-{region}-karpenter-nodes"
    return KarpenterTemplate(
        {
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::AccountId": ACCOUNT,
            "AWS::URLSuffix": suffix,
            "ClusterName": cluster,
            "KarpenterNodeRole.Arn": f"arn:{partition}:iam::{ACCOUNT}:role/{role}",
            "KarpenterInterruptionQueue": cluster,
            "KarpenterInterruptionQueue.Arn": f"arn:{partition}:sqs:{region}:{ACCOUNT}:{cluster}",
        }
    )


def test_the_template_has_these_policies_and_no_other(template: KarpenterTemplate) -> None:
    assert template.policies().keys() == POLICIES.keys()
    assert sum(len(statements) for statements in template.policies().values()) == 18


@pytest.mark.parametrize("published", POLICIES)
def test_karpenter_has_every_published_statement_and_no_other(
    module: PlannedModule, template: KarpenterTemplate, published: str
) -> None:
    assert module.statements(POLICIES[published]) == template.policies()[published]


def test_every_policy_is_attached_to_karpenters_role(module: PlannedModule) -> None:
    attached = {}
    for address, policy in module.resources("aws_iam_policy").items():
        key = address.partition("[")[2]
        statements = json.loads(policy["policy"])["Statement"]
        attached[key] = {statement["Sid"] for statement in statements}
        attachment = module.resource(f"aws_iam_role_policy_attachment.karpenter[{key}")
        assert attachment["role"] == module.resource('aws_iam_role.pod["karpenter"]')["name"]
    # Not published, and there only where a key is named: see test_eks_karpenter_iam.py.
    attached.pop('"volume-keys"]', None)
    assert set().union(*attached.values()) == {
        sid for policy in POLICIES.values() for sid in module.statements(policy)
    }
    assert module.references("aws_iam_role_policy_attachment.karpenter", "policy_arn") >= {
        "aws_iam_policy.karpenter"
    }


def test_every_policy_fits_into_iam(module: PlannedModule) -> None:
    for address, policy in module.resources("aws_iam_policy").items():
        assert len(json.dumps(json.loads(policy["policy"]), separators=(",", ":"))) <= 6144
        assert len(policy["name"]) <= 128, address


def test_the_nodes_have_the_published_role_but_for_the_network(
    module: PlannedModule, template: KarpenterTemplate
) -> None:
    published = set(template.node_role()["ManagedPolicyArns"])
    # The network add-on has it by a role of its own: ADR 24.
    networks = {policy for policy in published if policy.endswith(":policy/AmazonEKS_CNI_Policy")}
    assert len(networks) == 1
    attachments = module.resources("aws_iam_role_policy_attachment")
    assert {
        attachment["policy_arn"]
        for address, attachment in attachments.items()
        if address.startswith("aws_iam_role_policy_attachment.karpenter_nodes[")
    } == published - networks
    trust = list(module.statements("node_trust").values())
    assert trust == [replace(it, resources=frozenset()) for it in template.node_trust()]
    document = json.loads(module.resource("aws_iam_role.karpenter_nodes")["assume_role_policy"])
    (principal,) = trust[0].principals
    assert document["Statement"][0]["Principal"] == dict([principal])


def test_karpenter_may_pass_the_role_that_the_nodes_get(module: PlannedModule) -> None:
    (role,) = module.statements("iam_integration")["AllowPassingInstanceRole"].resources
    assert role.endswith(f":role/{module.resource('aws_iam_role.karpenter_nodes')['name']}")


def test_the_queue_is_the_published_one(module: PlannedModule, template: KarpenterTemplate) -> None:
    queue = module.resource("aws_sqs_queue.interruption")
    assert template.queue() == {
        "QueueName": queue["name"],
        "MessageRetentionPeriod": queue["message_retention_seconds"],
        "SqsManagedSseEnabled": queue["sqs_managed_sse_enabled"],
    }


def test_the_five_event_rules_are_the_published_ones(
    module: PlannedModule, template: KarpenterTemplate
) -> None:
    rules = module.resources("aws_cloudwatch_event_rule")
    patterns = [json.loads(rule["event_pattern"]) for rule in rules.values()]
    assert len(patterns) == 5
    published = template.event_patterns()
    assert len(published) == 5
    assert all(pattern in published for pattern in patterns)
    assert all(pattern in patterns for pattern in published)


def test_every_rule_sends_to_the_queue(module: PlannedModule) -> None:
    rules = {rule["name"] for rule in module.resources("aws_cloudwatch_event_rule").values()}
    targets = module.resources("aws_cloudwatch_event_target")
    assert {target["rule"] for target in targets.values()} == rules
    assert module.references("aws_cloudwatch_event_target.interruption", "arn") >= {
        "aws_sqs_queue.interruption.arn"
    }
    assert all(len(rule) <= 64 for rule in rules)


def test_the_queue_takes_what_the_published_policy_lets_in_from_this_account_only(
    module: PlannedModule, template: KarpenterTemplate, scenario: str
) -> None:
    published_allow, published_deny = template.queue_policy()
    statements = module.statements("interruption_queue")
    deny = statements.pop("DenyWithoutTls")
    assert deny == replace(published_deny, sid="DenyWithoutTls")
    for statement in statements.values():
        assert statement.actions == published_allow.actions
        assert statement.resources == published_allow.resources
        assert statement.effect == published_allow.effect
    assert {it for allow in statements.values() for it in allow.principals} == set(
        published_allow.principals
    )
    partition, region, _, _ = PLACES[scenario]
    prefix = f"arn:{partition}:events:{region}:{ACCOUNT}:rule/"
    rules = module.resources("aws_cloudwatch_event_rule").values()
    assert statements["EventRulesSend"].conditions == {
        ("ArnEquals", "aws:SourceArn"): frozenset(prefix + rule["name"] for rule in rules)
    }
    assert statements["QueuesOfThisAccountSend"].conditions == {
        ("StringEquals", "aws:SourceAccount"): frozenset({ACCOUNT})
    }


def test_the_queues_policy_is_attached_to_it(module: PlannedModule) -> None:
    policy = json.loads(module.resource("aws_sqs_queue.interruption")["policy"])
    assert {statement["Sid"] for statement in policy["Statement"]} == set(
        module.statements("interruption_queue")
    )
