"""What is different in AWS China."""

import json
import re

import pytest
import tftest

from .conftest import EnvironmentPlan
from .planned_environment import PlannedEnvironment

pytestmark = pytest.mark.plan

RUNTIMES = [f'module.runtime["{name}"].module.release[0]' for name in ("sdruntime", "comfyui")]


@pytest.fixture
def china(environment_plan_of: EnvironmentPlan) -> PlannedEnvironment:
    return environment_plan_of("cn-northwest-1")


@pytest.fixture
def global_region(environment_plan_of: EnvironmentPlan) -> PlannedEnvironment:
    return environment_plan_of("us-east-1")


def partitions(planned: PlannedEnvironment) -> set[str]:
    return {
        partition
        for _, text in planned.strings()
        for partition in re.findall(r"\barn:([a-z-]+):", text)
    }


def test_arns_are_of_the_partition(
    china: PlannedEnvironment, global_region: PlannedEnvironment
) -> None:
    assert partitions(china) == {"aws-cn"}
    assert partitions(global_region) == {"aws"}


def test_principals_are_those_of_the_partition(china: PlannedEnvironment) -> None:
    found = {
        name
        for _, text in china.strings()
        for name in re.findall(r"\b[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?(?![a-z.])", text)
    }
    # Only EC2, CloudWatch Logs and registries take the partition's suffix.
    suffixed = {name for name in found if name.endswith(".cn")}
    assert suffixed >= {"ec2.amazonaws.com.cn", "logs.cn-northwest-1.amazonaws.com.cn"}
    assert {"pods.eks.amazonaws.com", "lambda.amazonaws.com"} <= found
    # Karpenter may pass its role to EC2 under either name, as AWS publishes the policy.
    assert {name for name in found - suffixed if name.startswith("ec2")} == {"ec2.amazonaws.com"}


def test_charts_and_images_come_from_the_accounts_registry(china: PlannedEnvironment) -> None:
    registry = "000000000000.dkr.ecr.cn-northwest-1.amazonaws.com.cn/easel"
    assert china.chart("module.keda.module.release")["reference"] == f"oci://{registry}/charts/keda"
    for _, text in china.strings():
        assert "public.ecr.aws" not in text
        assert "ghcr.io" not in text
        assert "kedacore.github.io" not in text
    for release in RUNTIMES:
        values = china.release_values(release)
        assert values["runtime"]["image"]["repository"].startswith(f"{registry}/")
        assert values["agent"]["image"]["repository"].startswith(f"{registry}/")
    assert china.release_values("module.keda.module.release")["global"]["image"] == {
        "registry": registry
    }


def test_gpus_are_those_that_china_has(china: PlannedEnvironment) -> None:
    for release in RUNTIMES:
        types = china.release_values(release)["nodes"]["instanceTypes"]
        assert {one.partition(".")[0] for one in types} <= {"g4dn", "g5"}


def test_what_china_does_not_have_is_not_asked_for(china: PlannedEnvironment) -> None:
    function = china.resources["module.api_fanout.aws_lambda_function.intake"]
    assert function["architectures"] == ["x86_64"]
    assert function["tracing_config"] == [{"mode": "PassThrough"}]
    (api,) = china.of_type("aws_api_gateway_rest_api").values()
    assert [one["types"] for one in api["endpoint_configuration"]] == [["REGIONAL"]]
    (stage,) = china.of_type("aws_api_gateway_stage").values()
    assert stage["xray_tracing_enabled"] is False
    (nodes,) = china.of_type("aws_eks_node_group").values()
    assert "x86_64" in nodes["ami_type"]


def test_the_plan_says_what_china_was_not_seen_to_offer(
    environment_plan_of: EnvironmentPlan,
) -> None:
    given = json.loads(json.dumps(environment_plan_of("cn-northwest-1").variables["runtimes"]))
    given["comfyui"]["nodes"]["instance_types"] = ["g5.xlarge", "g6.xlarge", "g6e.2xlarge"]
    said = environment_plan_of(
        "cn-northwest-1",
        runtimes=given,
        addons_left_out=[],
        tracing_enabled=True,
        mirror_prefix=None,
    ).warnings
    assert said.keys() == {
        "instance_types_are_offered",
        "addons_are_offered",
        "charts_and_images_are_reached",
        "callers_get_an_answer",
        "tracing_is_offered",
    }
    types = said["instance_types_are_offered"]
    assert "cn-northwest-1: g6.xlarge, g6e.2xlarge (runtime comfyui). " in types
    assert ": metrics-server. Put it into addons_left_out" in said["addons_are_offered"]
    assert "mirror_prefix" in said["charts_and_images_are_reached"]
    assert "tracing_enabled = false" in said["tracing_is_offered"]


def test_a_runtime_that_no_instance_type_is_on_offer_for_is_refused(
    environment_plan_of: EnvironmentPlan,
) -> None:
    given = json.loads(json.dumps(environment_plan_of("cn-northwest-1").variables["runtimes"]))
    given["comfyui"]["nodes"]["instance_types"] = ["g6.xlarge", "g6e.2xlarge"]
    bucket = "arn:aws:s3:::models"
    with pytest.raises(tftest.TerraformTestError) as refused:
        environment_plan_of(
            "cn-northwest-1", runtimes=given, model_bucket=None, model_bucket_arn=bucket
        )
    said = " ".join(" ".join(map(str, refused.value.args)).split())
    assert "no node would ever come: g6.xlarge, g6e.2xlarge (runtime comfyui). Name" in said
    assert "of the partition aws, and cn-northwest-1 is in aws-cn" in said


def test_chinas_own_settings_ask_for_nothing_that_is_not_there(
    china: PlannedEnvironment, environment_plan_of: EnvironmentPlan
) -> None:
    # A key may be enough: who has the licence knows.
    assert china.warnings.keys() == {"callers_get_an_answer"}
    assert 'authorization = "AWS_IAM"' in china.warnings["callers_get_an_answer"]
    signed = environment_plan_of("cn-northwest-1", authorization="AWS_IAM")
    assert signed.warnings == {}


def test_elsewhere_nothing_is_missing(global_region: PlannedEnvironment) -> None:
    assert global_region.warnings == {}
    assert global_region.checks >= {"instance_types_are_offered", "tracing_is_offered"}


def test_graviton_is_the_choice_elsewhere(global_region: PlannedEnvironment) -> None:
    (nodes,) = global_region.of_type("aws_eks_node_group").values()
    assert "ARM_64" in nodes["ami_type"]


def test_requests_can_be_signed_where_a_key_is_not_enough(
    environment_plan_of: EnvironmentPlan,
) -> None:
    planned = environment_plan_of("cn-northwest-1", authorization="AWS_IAM")
    methods = planned.of_type("aws_api_gateway_method").values()
    assert {method["authorization"] for method in methods} == {"AWS_IAM"}
    assert planned.of_type("aws_api_gateway_api_key") == {}
