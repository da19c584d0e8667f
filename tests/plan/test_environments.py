"""What `make plan ENV=us-east-1` and `ENV=cn-northwest-1` show: the whole estate of a region."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jsonschema
import pytest
import tftest
import yaml

from easel_contract.task import TaskMetadata
from easel_contract.uid import new_uid
from easel_deploy.environments import api_reach, retained_models
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
    assert modules == {"vpc", "eks_karpenter", "keda", "api_fanout", "runtime"}
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


# -- choices ------------------------------------------------------------------------------------


def test_a_network_of_ones_own_is_used_as_it_is(environment_plan_of: EnvironmentPlan) -> None:
    subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    planned = environment_plan_of(
        "us-east-1",
        existing_vpc={
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": subnets,
            "cidr_blocks": ["10.9.0.0/16"],
        },
    )
    assert not [one for one in planned.resources if one.startswith("module.vpc")]
    (cluster,) = planned.of_type("aws_eks_cluster").values()
    assert set(cluster["vpc_config"][0]["subnet_ids"]) == set(subnets)
    values = planned.release_values('module.runtime["sdruntime"].module.release[0]')
    assert values["nodes"]["subnetSelectorTerms"] == [{"id": one} for one in subnets]
    assert values["networkPolicy"]["endpointCidrs"] == ["10.9.0.0/16"]
    assert planned.outputs["vpc_id"] == "vpc-0123456789abcdef0"


def test_a_runtime_more_is_an_entry_more(environment_plan_of: EnvironmentPlan) -> None:
    planned = environment_plan_of(
        "us-east-1",
        runtimes={
            "pictures": {
                "type": "sdwebui",
                "image": {"repository": "ghcr.io/me/webui", "digest": "sha256:" + "0" * 64},
                "chart": {"repository": "https://charts.example/easel", "version": "0.1.0"},
                "scaling": {"max_replica_count": 2},
            },
            "workflows": {
                "type": "comfyui",
                "namespace": "workflows",
                "chart": {
                    "repository": "oci://r.example/easel/sd-runtime",
                    "version": "1.2.3",
                },
                "values_file": "../../extra.yaml",
            },
        },
    )
    first, second = (
        f'module.runtime["{name}"].module.release[0]' for name in ("pictures", "workflows")
    )
    image = planned.release_values(first)["runtime"]["image"]
    assert image["repository"] == "ghcr.io/me/webui"
    assert planned.chart(first)["repository"] == "https://charts.example/easel"
    assert planned.chart(second)["reference"] == "oci://r.example/easel/sd-runtime"
    assert "image" not in planned.release_values(second)["runtime"]
    assert len(planned.subscriptions("tasks")) == 2


@pytest.mark.parametrize("settings", [{}, {"values_file": "../../no-image.yaml"}])
def test_a_runtime_without_an_image_is_refused_with_the_command_that_makes_one(
    environment_plan_of: EnvironmentPlan, settings: dict[str, str]
) -> None:
    with pytest.raises(tftest.TerraformTestError) as refused:
        environment_plan_of("us-east-1", runtimes={"a": {"type": "comfyui", **settings}})
    said = " ".join(" ".join(map(str, refused.value.args)).split())
    assert "A runtime needs an image, or a values_file that names one" in said
    assert "make image IMAGE=sd-webui PUSH=1, or IMAGE=comfyui" in said.replace("│ ", "")


def test_the_api_does_not_know_a_runtime_that_accepts_no_tasks(
    environment_plan_of: EnvironmentPlan,
) -> None:
    image = {"repository": "easel/sd-webui", "tag": "1.8.0"}
    old = {"type": "sdwebui", "model_filename": "v1-5.safetensors", "image": image}
    with pytest.raises(tftest.TerraformTestError, match="model_filename"):
        environment_plan_of("us-east-1", runtimes={"old": old, "new": old})
    # Two of which the API has to choose one are refused. Here is one, the other ends its queue.
    planned = environment_plan_of(
        "us-east-1", runtimes={"old": {**old, "accepts_tasks": False}, "new": old}
    )
    assert len(planned.subscriptions("tasks")) == 2


@pytest.mark.parametrize(
    ("region", "config"), [("us-east-1", "guide.yaml"), ("cn-northwest-1", "china-page.yaml")]
)
def test_an_imported_configuration_is_taken(
    environment_plan_of: EnvironmentPlan, region: str, config: str
) -> None:
    """`easel config import config.yaml --out envs/REGION`, and a plan without another edit."""
    sd_on_eks = ROOT / "tests" / "data" / "sd-on-eks" / config
    planned = environment_plan_of(region, sd_on_eks=sd_on_eks)
    (runtime,) = yaml.safe_load(sd_on_eks.read_text())["modelsRuntime"]
    release = f'module.runtime["{runtime["name"]}"].module.release[0]'
    values = planned.release_values(release)
    assert values["runtime"]["modelFilename"] == runtime["modelFilename"]
    identity = planned.resources[f"{release}.terraform_data.release"]["input"]
    assert identity["namespace"] == runtime["namespace"]
    upgrade = planned.resources[f"{release}.terraform_data.upgrade"]
    assert upgrade["triggers_replace"]["extra_values_sha256"]


def test_what_was_mirrored_is_pulled_from_the_copy(environment_plan_of: EnvironmentPlan) -> None:
    """As `easel mirror --run` writes it: names as in terraform.tfvars, digests in the copy."""
    digest = f"sha256:{7:064x}"
    chart = {"repository": "oci://ghcr.io/me/sd-runtime", "version": "1.2.3"}
    copied = {"repository": "oci://000000000000.dkr.ecr.x/easel/ghcr.io/me/sd-runtime"}
    planned = environment_plan_of(
        "us-east-1",
        mirror_prefix="easel",
        mirrored={
            "images": {
                "ghcr.io/me/webui:1.0": {"repository": "easel/ghcr.io/me/webui", "digest": digest}
            },
            "charts": {f"{chart['repository']}:1.2.3": copied | {"version": "1.2.3"}},
        },
        runtimes={
            "a": {
                "type": "sdwebui",
                "model_filename": "a.safetensors",
                "image": {"repository": "ghcr.io/me/webui", "tag": "1.0"},
                "chart": chart,
            },
            "b": {"type": "comfyui", "image": {"repository": "ghcr.io/me/webui", "tag": "1.1"}},
        },
    )
    registry = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    release = 'module.runtime["a"].module.release[0]'
    image = planned.release_values(release)["runtime"]["image"]
    assert image["repository"] == f"{registry}/easel/ghcr.io/me/webui"
    assert (image.get("tag"), image["digest"]) == (None, digest)
    assert planned.chart(release)["reference"] == copied["repository"]
    other = planned.release_values('module.runtime["b"].module.release[0]')["runtime"]["image"]
    assert (other["repository"], other["tag"]) == ("ghcr.io/me/webui", "1.1")
    agent = planned.release_values(release)["agent"]["image"]
    assert agent["repository"] == f"{registry}/easel/queue-agent"


def test_a_model_bucket_is_made_where_one_is_asked_for(
    region: str, environment_plan_of: EnvironmentPlan
) -> None:
    planned = environment_plan_of(region, model_bucket={})
    name = f"easel-models-{ACCOUNT}-{region}"
    assert planned.resources[retained_models.BUCKET]["bucket"] == name
    assert planned.outputs["model_bucket"] == name


def test_wrong_settings_are_refused_all_together(environment_plan_of: EnvironmentPlan) -> None:
    wrong = {
        "existing_vpc": {"vpc_id": "my-vpc", "subnet_ids": ["subnet-0a"], "cidr_blocks": ["10/8"]},
        "mirror_prefix": "/Easel/",
        "mirrored": {"images": {"a:1": {"repository": "easel/a", "digest": "1.0"}}},
        "model_kms_key_arn": "alias/models",
        "model_bucket": {},
        "model_bucket_arn": "arn:aws:s3:::mine",
        "functions_package_path": "../../nothing.zip",
        "tags": {"kubernetes.io/cluster/mine": "shared"},
        "runtimes": {
            "a": {"type": "sdwebui", "accepts_tasks": False},
            "b": {"type": "comfyui", "values_file": "missing.yaml", "accepts_tasks": False},
            "c": {
                "type": "comfyui",
                "accepts_tasks": False,
                "image": {"repository": "x", "tag": "1"},
                "chart": {"repository": "registry.example/sd-runtime"},
            },
        },
    }
    with pytest.raises(tftest.TerraformTestError) as refused:
        environment_plan_of("us-east-1", **wrong)
    said = " ".join(" ".join(map(str, refused.value.args)).split())
    for message in (
        "existing_vpc.vpc_id must be like",
        "must name at least two subnets",
        "existing_vpc.cidr_blocks must be",
        "mirror_prefix must be the beginning of an ECR repository's name",
        "mirrored.images must have digests",
        "model_kms_key_arn must be the ARN of a KMS key",
        "model_bucket makes a bucket and model_bucket_arn names one of yours",
        "run `make package` first",
        "A runtime needs an image, or a values_file",
        "There is no file at a runtime's values_file",
        "chart.repository must begin with oci://",
        "At least one runtime must accept tasks",
        "tags must not be named kubernetes.io/cluster",
    ):
        assert message in said


def test_what_is_of_another_region_is_refused_all_together(
    region: str, environment_plan_of: EnvironmentPlan
) -> None:
    wrong = {
        "availability_zones": ["eu-central-1a", "eu-central-1b"],
        "model_kms_key_arn": f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0a",
    }
    with pytest.raises(tftest.TerraformTestError) as refused:
        environment_plan_of(region, **wrong)
    said = " ".join(" ".join(map(str, refused.value.args)).split())
    for message in (
        f"availability_zones must be zones of the region, such as {region}a",
        "model_kms_key_arn must be a key of the region",
    ):
        assert message in said
