"""What `make plan ENV=us-east-1` and `ENV=cn-northwest-1` show: the whole estate of a region."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jsonschema
import pytest
import yaml

from easel_contract.task import TaskMetadata
from easel_contract.uid import new_uid
from easel_deploy.environments import api_reach
from easel_intake.api_requests import RequestedTask
from easel_intake.publishing import TaskPublisher
from tests.charts.helm import CHART, overlay

from .conftest import EnvironmentPlan
from .planned_environment import PlannedEnvironment

pytestmark = pytest.mark.plan

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "envs"
REGIONS = {"us-east-1": "aws", "cn-northwest-1": "aws-cn"}
ACCOUNT = "000000000000"
"""The emulator's."""


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def planned(region: str, environment_plan_of: EnvironmentPlan) -> PlannedEnvironment:
    return environment_plan_of(region)


@pytest.fixture
def china(environment_plan_of: EnvironmentPlan) -> PlannedEnvironment:
    return environment_plan_of("cn-northwest-1")


def test_all_regions_share_their_code() -> None:
    def code(folder: Path) -> dict[str, bytes]:
        # backend.tf says where a user's own state is.
        return {one.name: one.read_bytes() for one in folder.glob("*.tf") if one.stem != "backend"}

    folders = {path.parent for path in ENVIRONMENTS.glob("*/terraform.tfvars")}
    regions = {folder.name: code(folder) for folder in folders if folder.name != "local"}
    assert regions.keys() >= REGIONS.keys()
    first = regions["us-east-1"]
    assert first
    assert [name for name, files in regions.items() if files != first] == []


def test_two_runtimes_of_different_types_stand_side_by_side(planned: PlannedEnvironment) -> None:
    releases = [f'module.runtime["{name}"].module.release[0]' for name in ("sdruntime", "comfyui")]
    types = [planned.release_values(release)["runtime"]["type"] for release in releases]
    assert types == ["sdwebui", "comfyui"]


def test_everything_is_there(planned: PlannedEnvironment) -> None:
    modules = {address.split(".")[1].partition("[")[0] for address in planned.resources}
    assert modules == {"vpc", "eks_karpenter", "keda", "api_fanout", "runtime", "observability"}
    assert list(planned.of_type("aws_eks_cluster")) == [api_reach.CLUSTER]
    assert len(planned.of_type("aws_api_gateway_rest_api")) == 1


def test_everything_that_can_be_is_tagged(region: str, planned: PlannedEnvironment) -> None:
    tagged = 0
    for address, values in planned.resources.items():
        if "tags_all" in values:
            tagged += 1
            expected = {"Stack": "easel", "ManagedBy": "easel", "Environment": region}
            assert (values["tags_all"] or {}).items() >= expected.items(), address
    assert tagged > 50


def test_the_outputs_say_how_to_go_on(region: str, planned: PlannedEnvironment) -> None:
    assert planned.outputs.keys() >= {
        "endpoint",
        "api_key_command",
        "kubeconfig_command",
        "notifications_topic_arn",
    }
    assert planned.outputs["kubeconfig_command"] == (
        f"aws eks update-kubeconfig --region {region} --name easel"
    )


# -- IAM --------------------------------------------------------------------------------------

UNSCOPED = {
    "us-east-1": {
        # As Karpenter publishes them: these actions know no resource.
        "AllowPricingReadActions",
        "AllowUnscopedInstanceProfileListAction",
        # Nor do X-Ray's.
        "SendTraces",
    },
    "cn-northwest-1": {"AllowPricingReadActions", "AllowUnscopedInstanceProfileListAction"},
}
"""Statements with a bare "*", by region. In a key's policy "*" is the key itself."""


def test_no_statement_allows_every_action(planned: PlannedEnvironment) -> None:
    found = [
        f"{statement.address}: {statement.body['Sid']}: {action}"
        for statement in planned.statements()
        if statement.body["Effect"] == "Allow"
        for action in statement.listed("Action")
        if action == "*" or (action.endswith(":*") and not _is_key_policy(statement.address))
    ]
    assert found == []


def _is_key_policy(address: str) -> bool:
    return address.endswith("aws_iam_policy_document.key")


def test_a_bare_star_stands_only_where_an_action_knows_no_resource(
    region: str, planned: PlannedEnvironment
) -> None:
    bare = {
        statement.body["Sid"]
        for statement in planned.statements()
        if statement.body["Effect"] == "Allow"
        and "*" in statement.listed("Resource")
        and not statement.body["Condition"]
        and not _is_key_policy(statement.address)
    }
    assert bare == UNSCOPED[region]


def test_no_wildcard_principal_is_allowed_anything(planned: PlannedEnvironment) -> None:
    for address, text in planned.strings():
        if not text.startswith("{") or "Statement" not in text:
            continue
        for statement in json.loads(text)["Statement"]:
            principal = statement.get("Principal")
            if principal in ("*", {"AWS": "*"}):
                assert statement["Effect"] == "Deny", address


def test_keda_counts_exactly_the_runtimes_queues(planned: PlannedEnvironment) -> None:
    (statement,) = (
        one
        for one in planned.statements()
        if one.address.startswith("module.keda.")
        and "sqs:GetQueueAttributes" in one.listed("Action")
    )
    names = {
        values["name"]
        for address, values in planned.of_type("aws_sqs_queue").items()
        if address.startswith("module.runtime[") and address.endswith(".task")
    }
    assert {arn.rpartition(":")[2] for arn in statement.listed("Resource")} == names


# -- encryption -------------------------------------------------------------------------------


def test_whatever_holds_data_is_encrypted(planned: PlannedEnvironment) -> None:
    def encrypted(kind: str, *arguments: str) -> None:
        found = planned.of_type(kind)
        assert found, kind
        for address, values in found.items():
            # Known after the apply is not planned as null: it is not in the values at all.
            assert any(values.get(one, "after the apply") for one in arguments), address

    encrypted("aws_sqs_queue", "kms_master_key_id", "sqs_managed_sse_enabled")
    encrypted("aws_sns_topic", "kms_master_key_id")
    encrypted("aws_cloudwatch_log_group", "kms_key_id")
    encrypted("aws_lambda_function", "kms_key_arn")
    encrypted("aws_eks_cluster", "encryption_config")
    encrypted("aws_dynamodb_table", "server_side_encryption")
    encrypted("aws_secretsmanager_secret", "kms_key_id")
    for values in planned.of_type("aws_launch_template").values():
        assert all(one["ebs"][0]["encrypted"] == "true" for one in values["block_device_mappings"])
    for values in planned.of_type("aws_kms_key").values():
        assert values["enable_key_rotation"] is True


# -- tasks reach their runtimes -----------------------------------------------------------------


def test_filters_let_through_what_the_intake_function_publishes(
    planned: PlannedEnvironment,
) -> None:
    known = planned.variables["runtimes"]
    filters = {
        address.split('"')[1]: json.loads(values["filter_policy"])
        for address, values in planned.subscriptions("tasks").items()
    }
    assert known.keys() == filters.keys()
    for name, runtime in known.items():
        for checkpoint in {None, runtime.get("model_filename")}:
            attributes = _published(name, checkpoint)
            reached = [other for other, policy in filters.items() if _passes(policy, attributes)]
            assert reached == [name]


def _published(runtime: str, checkpoint: str | None) -> dict[str, str]:
    """The attributes that the intake function's own publisher gives a task."""
    publisher = TaskPublisher(sns := Mock(), Mock(), "topic", "bucket")
    metadata = TaskMetadata(id="t", runtime=runtime, tasktype="text-to-image", prefix="outputs")
    task = RequestedTask(metadata=metadata, content={}, checkpoint=checkpoint)
    message = publisher.message_of(task, uid=new_uid(), tenant="default")
    publisher.publish(message, checkpoint=checkpoint)
    attributes = sns.publish.call_args.kwargs["MessageAttributes"]
    return {name: one["StringValue"] for name, one in attributes.items()}


def _passes(policy: dict[str, Any], attributes: dict[str, Any]) -> bool:
    def matches(values: list[Any], value: Any) -> bool:
        return any(value is None if one == {"exists": False} else value == one for one in values)

    return all(
        any(_passes(one, attributes) for one in wanted)
        if key == "$or"
        else matches(wanted, attributes.get(key))
        for key, wanted in policy.items()
    )


# -- releases -----------------------------------------------------------------------------------

QUEUES = {
    "queue": {
        "url": f"https://queue.example/{ACCOUNT}/tasks",
        "deadLetterUrl": f"https://queue.example/{ACCOUNT}/dead-letters",
    },
    "notificationsTopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:easel-notifications",
    "outputBucket": "easel-outputs",
}


@pytest.mark.parametrize("runtime", ["sdruntime", "comfyui"])
def test_the_runtimes_chart_takes_what_is_rendered(
    planned: PlannedEnvironment, runtime: str
) -> None:
    values = planned.release_values(f'module.runtime["{runtime}"].module.release[0]')
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    # Known after the apply only: AWS names what it makes.
    missing = {key: value for key, value in QUEUES.items() if not values.get(key)}
    complete = overlay(overlay(defaults, values), {**missing, "queue": QUEUES["queue"]})
    problems = jsonschema.Draft7Validator(schema).iter_errors(complete)
    assert [problem.message for problem in problems] == []


def test_images_without_a_registry_are_in_the_accounts_ecr(
    region: str, planned: PlannedEnvironment
) -> None:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    values = planned.release_values('module.runtime["sdruntime"].module.release[0]')
    images = (values["runtime"]["image"], values["agent"]["image"])
    assert [image["repository"] for image in images] == [
        f"{ACCOUNT}.dkr.ecr.{region}.{suffix}/easel/{name}" for name in ("sd-webui", "queue-agent")
    ]


def test_a_release_waits_for_karpenter_and_keda(planned: PlannedEnvironment) -> None:
    waits = planned.calls["runtime"]["expressions"]["ready"]["references"]
    assert {"module.eks_karpenter.ready", "module.keda.ready"} <= set(waits)
    waits = planned.calls["keda"]["expressions"]["ready"]["references"]
    assert "module.eks_karpenter.ready" in waits


def test_a_cluster_made_anew_gets_every_release_anew(planned: PlannedEnvironment) -> None:
    for module in ("runtime", "keda"):
        known_by = planned.calls[module]["expressions"]["cluster_id"]["references"]
        assert "module.eks_karpenter.cluster_endpoint" in known_by
        release = planned.calls[module]["module"]["module_calls"]["release"]["expressions"]
        assert release["cluster_id"]["references"] == ["var.cluster_id"]


def test_identities_wait_for_the_cluster_alone(planned: PlannedEnvironment) -> None:
    # EKS takes seconds to know one everywhere, and a pod that starts before has none for good.
    for module, argument in (("runtime", "cluster"), ("keda", "cluster_name")):
        waits = planned.calls[module]["expressions"][argument]["references"]
        assert "module.eks_karpenter.cluster_name" in waits
        assert not [one for one in waits if one.endswith(".ready")]


def test_the_api_knows_a_runtime_from_when_tasks_reach_its_queue(
    planned: PlannedEnvironment,
) -> None:
    runtimes = planned.calls["api_fanout"]["expressions"]["runtimes"]["references"]
    assert "module.runtime" in runtimes
    outputs = planned.calls["runtime"]["module"]["outputs"]
    assert outputs["intake"]["depends_on"] == ["terraform_data.reached"]
    # Or nothing could ever be probed: what publishes probes is there before the list of runtimes.
    names = planned.calls["runtime"]["expressions"]["probe_function_name"]["references"]
    assert "module.api_fanout.probe_function_name" in names
    assert planned.calls["api_fanout"]["module"]["outputs"]["probe_function_name"][
        "depends_on"
    ] == ["aws_sns_topic_policy.tasks"]


def test_what_karpenter_makes_has_the_tags_of_everything_else(
    region: str, planned: PlannedEnvironment
) -> None:
    tags = {"Stack": "easel", "ManagedBy": "easel", "Environment": region}
    values = planned.release_values('module.runtime["sdruntime"].module.release[0]')
    assert values["nodes"]["tags"] == tags
    (template,) = planned.of_type("aws_launch_template").values()
    for specification in template["tag_specifications"]:
        assert specification["tags"].items() >= tags.items()


def test_keda_keeps_to_the_system_nodes(planned: PlannedEnvironment) -> None:
    (nodes,) = planned.of_type("aws_eks_node_group").values()
    assert planned.release_values("module.keda.module.release")["nodeSelector"] == nodes["labels"]


def test_the_private_endpoint_is_reached_from_the_network(planned: PlannedEnvironment) -> None:
    rules = planned.of_type("aws_vpc_security_group_ingress_rule")
    (rule,) = (rule for address, rule in rules.items() if "eks_karpenter" in address)
    (vpc,) = planned.of_type("aws_vpc").values()
    assert (rule["cidr_ipv4"], rule["from_port"], rule["to_port"]) == (vpc["cidr_block"], 443, 443)
