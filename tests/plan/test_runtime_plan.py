"""What modules/runtime makes: queue, dead-letter queue, subscription, the queue agent's role."""

import json
from typing import Any

import pytest

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

CHECKPOINT = "v1-5-pruned-emaonly.safetensors"
PLACES = {"runtime": ("aws", "us-east-1"), "china": ("aws-cn", "cn-northwest-1")}


INPUT_KEY = "arn:aws:kms:us-east-1:123456789012:key/1111abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("runtime"), "runtime")


@pytest.fixture
def comfyui(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("runtime"), "comfyui")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("runtime"), "china")


def decoded(module: PlannedModule, address: str, argument: str) -> Any:
    return json.loads(module.resource(address)[argument])


def test_queues_have_the_defaults(example: PlannedModule) -> None:
    queue = example.resource("aws_sqs_queue.task")
    assert queue["name"] == "easel-sdruntime"
    assert queue["visibility_timeout_seconds"] == 120
    assert queue["message_retention_seconds"] == 4 * 24 * 3600
    dead_letter = example.resource("aws_sqs_queue.dead_letter")
    assert dead_letter["name"] == "easel-sdruntime-dead-letter"
    assert dead_letter["message_retention_seconds"] == 14 * 24 * 3600
    for either in (queue, dead_letter):
        assert either["receive_wait_time_seconds"] == 20
        assert either["max_message_size"] == 262144
        assert either["kms_master_key_id"].startswith("arn:aws:kms:us-east-1:123456789012:key/")


def test_a_queue_can_be_tuned(comfyui: PlannedModule) -> None:
    queue = comfyui.resource("aws_sqs_queue.task")
    assert queue["visibility_timeout_seconds"] == 600
    assert queue["message_retention_seconds"] == 86400
    assert comfyui.references("aws_sqs_queue.task", "redrive_policy") >= {
        "aws_sqs_queue.dead_letter.arn",
        "local.most_receives",
    }


@pytest.mark.parametrize("scenario", PLACES)
def test_only_its_own_queue_may_use_the_dead_letter_queue(plan_of: Plan, scenario: str) -> None:
    partition, region = PLACES[scenario]
    module = PlannedModule(plan_of("runtime"), scenario)
    assert decoded(module, "aws_sqs_queue.dead_letter", "redrive_allow_policy") == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [f"arn:{partition}:sqs:{region}:123456789012:easel-sdruntime"],
    }


@pytest.mark.parametrize("scenario", PLACES)
@pytest.mark.parametrize(
    ("queue", "name"),
    [("task", "easel-sdruntime"), ("dead_letter", "easel-sdruntime-dead-letter")],
)
def test_only_the_tasks_topic_may_send_and_only_with_tls(
    plan_of: Plan, scenario: str, queue: str, name: str
) -> None:
    partition, region = PLACES[scenario]
    module = PlannedModule(plan_of("runtime"), scenario)
    statements = module.statements(f'queue["{queue}"]')
    assert statements.keys() == {"TasksTopicSends", "DenyWithoutTls"}
    topic = f"arn:{partition}:sns:{region}:123456789012:easel-tasks"
    send = statements["TasksTopicSends"]
    assert send.actions == {"sqs:SendMessage"}
    assert send.principals == {("Service", "sns.amazonaws.com")}
    assert send.conditions == {("ArnEquals", "aws:SourceArn"): frozenset({topic})}
    deny = statements["DenyWithoutTls"]
    assert deny.effect == "Deny"
    assert deny.actions == {"sqs:*"}
    assert deny.conditions == {("Bool", "aws:SecureTransport"): frozenset({"false"})}
    own = {f"arn:{partition}:sqs:{region}:123456789012:{name}"}
    assert send.resources == deny.resources == own
    attached = json.loads(module.resource(f"aws_sqs_queue.{queue}")["policy"])
    assert [statement["Sid"] for statement in attached["Statement"]] == list(statements)


def test_a_checkpoint_routes_only_where_no_runtime_is_named(example: PlannedModule) -> None:
    subscription = example.resource("aws_sns_topic_subscription.tasks")
    assert subscription["raw_message_delivery"] is True
    assert subscription["filter_policy_scope"] == "MessageAttributes"
    assert json.loads(subscription["filter_policy"]) == {
        "$or": [
            {"runtime": ["sdruntime"]},
            {"runtime": [{"exists": False}], "sd_model_checkpoint": [CHECKPOINT]},
        ]
    }


def test_without_a_checkpoint_only_the_name_routes(china: PlannedModule) -> None:
    address = "aws_sns_topic_subscription.tasks"
    assert decoded(china, address, "filter_policy") == {"runtime": ["sdruntime"]}


def test_a_checkpoint_never_routes_to_comfyui(comfyui: PlannedModule) -> None:
    policy = decoded(comfyui, "aws_sns_topic_subscription.tasks", "filter_policy")
    assert policy == {"runtime": ["a23456789-123456789-123456789-12"]}


@pytest.mark.parametrize("scenario", [*PLACES, "comfyui"])
def test_each_subscription_is_probed_once(plan_of: Plan, scenario: str) -> None:
    module = PlannedModule(plan_of("runtime"), scenario)
    assert module.references("terraform_data.reached", "triggers_replace") == {
        "aws_sns_topic_subscription.tasks",
        "aws_sns_topic_subscription.tasks.arn",
    }


MODELS = {
    "runtime": {
        "ListModels": ({"s3:ListBucket"}, {"arn:aws:s3:::easel-models-123456789012-us-east-1"}),
        "ReadModels": ({"s3:GetObject"}, {"arn:aws:s3:::easel-models-123456789012-us-east-1/*"}),
    },
    "china": {
        "ListModels": ({"s3:ListBucket"}, {"arn:aws-cn:s3:::models"}),
        "ReadModels": ({"s3:GetObject"}, {"arn:aws-cn:s3:::models/webui/2026/*"}),
        "DecryptModels": (
            {"kms:Decrypt"},
            {"arn:aws-cn:kms:cn-northwest-1:123456789012:key/0000abcd-12ab-34cd-56ef-1234567890ab"},
        ),
    },
}


@pytest.mark.parametrize("scenario", PLACES)
def test_the_queue_agent_may_do_this_and_nothing_else(plan_of: Plan, scenario: str) -> None:
    partition, region = PLACES[scenario]
    here = f"{region}:123456789012"
    statements = PlannedModule(plan_of("runtime"), scenario).statements("agent")
    assert {
        sid: (set(statement.actions), set(statement.resources))
        for sid, statement in statements.items()
    } == {
        "WorkItsQueue": (
            {
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            },
            {f"arn:{partition}:sqs:{here}:easel-sdruntime"},
        ),
        "RecordTasks": (
            {"dynamodb:PutItem", "dynamodb:UpdateItem"},
            {f"arn:{partition}:dynamodb:{region}:123456789012:table/easel-records"},
        ),
        "DeadLetterHopelessTasks": (
            {"sqs:SendMessage"},
            {f"arn:{partition}:sqs:{here}:easel-sdruntime-dead-letter"},
        ),
        "StoreOutputs": (
            {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"},
            {f"arn:{partition}:s3:::easel-outputs-123456789012-{region}/*"},
        ),
        "NeverChangeWhatIsEasels": (
            {"s3:AbortMultipartUpload", "s3:PutObject"},
            {f"arn:{partition}:s3:::easel-outputs-123456789012-{region}/_easel/*"},
        ),
        **MODELS[scenario],
        "AnnounceResults": (
            {"sns:Publish"},
            {f"arn:{partition}:sns:{here}:easel-notifications"},
        ),
        "UseTheStacksKey": (
            {"kms:Decrypt", "kms:GenerateDataKey"},
            {f"arn:{partition}:kms:{here}:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
        ),
    }


@pytest.mark.parametrize("scenario", PLACES)
def test_only_what_is_easels_is_denied(plan_of: Plan, scenario: str) -> None:
    statements = PlannedModule(plan_of("runtime"), scenario).statements("agent")
    denied = {sid for sid, statement in statements.items() if statement.effect != "Allow"}
    assert denied == {"NeverChangeWhatIsEasels"}


def test_a_runtime_lists_its_own_folder_of_the_models_only(
    example: PlannedModule, china: PlannedModule
) -> None:
    assert example.statements("agent")["ListModels"].conditions == {}
    condition = {("StringLike", "s3:prefix"): frozenset({"webui/2026/*"})}
    assert china.statements("agent")["ListModels"].conditions == condition


def test_without_a_cluster_no_models_are_read(comfyui: PlannedModule) -> None:
    assert not comfyui.statements("agent").keys() & {"ListModels", "ReadModels", "DecryptModels"}


def test_input_buckets_are_read_only(comfyui: PlannedModule) -> None:
    statement = comfyui.statements("agent")["ReadInputs"]
    assert statement.actions == {"s3:GetObject"}
    assert statement.resources == {"arn:aws:s3:::my-inputs/*"}
    statement = comfyui.statements("agent")["DecryptInputs"]
    assert statement.actions == {"kms:Decrypt"}
    assert statement.resources == {INPUT_KEY}


@pytest.mark.parametrize("scenario", PLACES)
def test_only_pods_of_the_cluster_get_the_role(plan_of: Plan, scenario: str) -> None:
    partition, region = PLACES[scenario]
    module = PlannedModule(plan_of("runtime"), scenario)
    (trust,) = module.statements("agent_trust").values()
    association = module.resource("aws_eks_pod_identity_association.agent[0]")
    assert trust.actions == {"sts:AssumeRole", "sts:TagSession"}
    assert trust.principals == {("Service", "pods.eks.amazonaws.com")}
    assert trust.conditions == {
        ("StringEquals", "aws:SourceAccount"): frozenset({"123456789012"}),
        ("StringLike", "aws:RequestTag/eks-cluster-arn"): frozenset(
            {f"arn:{partition}:eks:{region}:123456789012:cluster/easel"}
        ),
        ("StringEquals", "aws:RequestTag/kubernetes-namespace"): frozenset(
            {association["namespace"]}
        ),
        ("StringEquals", "aws:RequestTag/kubernetes-service-account"): frozenset(
            {association["service_account"]}
        ),
    }


def test_the_longest_names_fit(comfyui: PlannedModule) -> None:
    # SQS: 80 characters. IAM: 38 for a prefix.
    for queue in comfyui.resources("aws_sqs_queue").values():
        assert len(queue["name"]) <= 80
    assert len(comfyui.resource("aws_iam_role.agent")["name_prefix"]) <= 38
