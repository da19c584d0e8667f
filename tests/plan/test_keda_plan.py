"""What modules/keda makes: the operator's role, its association, the release."""

from typing import Any

import pytest

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

PLACES = {"keda": ("aws", "us-east-1"), "china": ("aws-cn", "cn-northwest-1")}
RELEASE = "module.release.terraform_data.release"
UPGRADE = "module.release.terraform_data.upgrade"
PARTS = ("operator", "metricServer", "webhooks")


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("keda"), "keda")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("keda"), "china")


@pytest.fixture
def tuned(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("keda"), "tuned")


def values(module: PlannedModule) -> dict[str, Any]:
    chart_values: dict[str, Any] = module.resource(UPGRADE)["triggers_replace"]["values"]
    return chart_values


def test_the_operator_may_count_its_queues_and_do_nothing_else(
    example: PlannedModule, china: PlannedModule
) -> None:
    queues = {
        "aws": (example, {"arn:aws:sqs:us-east-1:123456789012:easel-sdruntime"}),
        "aws-cn": (
            china,
            {
                "arn:aws-cn:sqs:cn-northwest-1:123456789012:easel-sdruntime",
                "arn:aws-cn:sqs:cn-northwest-1:123456789012:easel-comfyui",
            },
        ),
    }
    for module, arns in queues.values():
        (statement,) = module.statements("operator").values()
        assert (statement.sid, statement.effect) == ("CountTasks", "Allow")
        assert statement.actions == {"sqs:GetQueueAttributes"}
        assert statement.resources == arns
        assert module.policies() == {"operator", "operator_trust"}
        assert len(module.resources("aws_iam_role_policy")) == 1
        assert not module.resources("aws_iam_role_policy_attachment")


@pytest.mark.parametrize("scenario", PLACES)
def test_only_pods_of_this_cluster_may_take_the_role(plan_of: Plan, scenario: str) -> None:
    partition, region = PLACES[scenario]
    module = PlannedModule(plan_of("keda"), scenario)
    (trust,) = module.statements("operator_trust").values()
    assert trust.actions == {"sts:AssumeRole", "sts:TagSession"}
    # Without .cn in China, too.
    assert trust.principals == {("Service", "pods.eks.amazonaws.com")}
    cluster = f"arn:{partition}:eks:{region}:123456789012:cluster/easel"
    assert trust.conditions == {
        ("StringEquals", "aws:SourceAccount"): frozenset({"123456789012"}),
        ("StringEquals", "aws:RequestTag/eks-cluster-arn"): frozenset({cluster}),
        ("StringEquals", "aws:RequestTag/kubernetes-namespace"): frozenset({"keda"}),
        ("StringEquals", "aws:RequestTag/kubernetes-service-account"): frozenset({"keda-operator"}),
    }


def test_the_role_is_the_operators_alone(example: PlannedModule) -> None:
    association = example.resource("aws_eks_pod_identity_association.operator")
    assert association["cluster_name"] == "easel"
    assert (association["namespace"], association["service_account"]) == ("keda", "keda-operator")
    role = example.references("aws_eks_pod_identity_association.operator", "role_arn")
    assert "aws_iam_role.operator.arn" in role
    # The release makes that very service account, where the association looks for it.
    assert values(example)["serviceAccount"]["operator"] == {
        "create": True,
        "name": "keda-operator",
    }
    assert example.resource(RELEASE)["input"]["namespace"] == "keda"


def test_the_release_comes_after_its_identity(plan_of: Plan) -> None:
    calls = plan_of("keda").configuration["root_module"]["module_calls"]
    release = calls["keda"]["module"]["module_calls"]["release"]
    assert set(release["depends_on"]) == {
        "aws_eks_pod_identity_association.operator",
        "aws_iam_role_policy.operator",
        "var.ready",
    }


def test_who_waits_for_ready_waits_for_the_release(plan_of: Plan) -> None:
    calls = plan_of("keda").configuration["root_module"]["module_calls"]
    ready = calls["keda"]["module"]["outputs"]["ready"]
    assert "module.release.name" in ready["expression"]["references"]


def test_the_chart_is_the_public_one_unless_another_is_given(
    example: PlannedModule, china: PlannedModule
) -> None:
    chart = example.resource(UPGRADE)["triggers_replace"]["chart"]
    assert (chart["reference"], chart["repository"], chart["version"]) == (
        "keda",
        "https://kedacore.github.io/charts",
        "2.20.2",
    )
    chart = china.resource(UPGRADE)["triggers_replace"]["chart"]
    host = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
    assert (chart["reference"], chart["repository"], chart["version"]) == (
        f"oci://{host}/charts/keda",
        None,
        "2.20.2",
    )
    assert "global" not in values(example)
    assert values(china)["global"] == {"image": {"registry": f"{host}/mirror"}}


def test_every_part_is_locked_down_and_bounded(example: PlannedModule) -> None:
    chart_values = values(example)
    assert chart_values["podSecurityContext"] == {part: {"runAsNonRoot": True} for part in PARTS}
    context = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert chart_values["securityContext"] == dict.fromkeys(PARTS, context)
    assert chart_values["resources"].keys() == set(PARTS)
    for resources in chart_values["resources"].values():
        assert resources.keys() == {"requests", "limits"}
        assert all(bound.keys() == {"cpu", "memory"} for bound in resources.values())


def test_it_reads_no_foreign_secret_and_scales_nothing_but_workloads(
    example: PlannedModule,
) -> None:
    chart_values = values(example)
    assert chart_values["permissions"] == {
        part: {"restrict": {"secret": True}} for part in ("operator", "metricServer")
    }
    assert chart_values["rbac"] == {"enabledCustomScaledRefKinds": False}


def test_a_node_that_fails_does_not_stop_the_scaler(
    example: PlannedModule, tuned: PlannedModule
) -> None:
    chart_values = values(example)
    parts = ("operator", "metricsServer", "webhooks")
    assert [chart_values[part]["replicaCount"] for part in parts] == [2, 2, 2]
    assert [values(tuned)[part]["replicaCount"] for part in parts] == [1, 1, 1]
    spread = chart_values["topologySpreadConstraints"]
    assert {part: rules[0]["labelSelector"]["matchLabels"] for part, rules in spread.items()} == {
        "operator": {"app": "keda-operator"},
        "metricsServer": {"app": "keda-operator-metrics-apiserver"},
        "webhooks": {"app": "keda-admission-webhooks"},
    }
    # maxUnavailable lets a node be drained, with one replica too; minAvailable would not.
    assert chart_values["podDisruptionBudget"] == {part: {"maxUnavailable": 1} for part in PARTS}
    assert values(tuned)["nodeSelector"] == {"pool": "system"}


def test_scaled_objects_outlive_the_release(example: PlannedModule) -> None:
    assert values(example)["crds"] == {
        "install": True,
        "additionalAnnotations": {"helm.sh/resource-policy": "keep"},
    }


def test_a_users_own_values_reach_the_release(example: PlannedModule, tuned: PlannedModule) -> None:
    assert example.resource(UPGRADE)["triggers_replace"]["extra_values_sha256"] is None
    assert tuned.resource(UPGRADE)["triggers_replace"]["extra_values_sha256"]


def test_the_longest_names_fit(tuned: PlannedModule) -> None:
    # IAM: 38 for a prefix.
    assert len(tuned.resource("aws_iam_role.operator")["name_prefix"]) <= 38
