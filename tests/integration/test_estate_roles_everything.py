"""Of every operation of two dozen services each role may do what is listed here and nothing else.

Its policies are asked about each operation on each thing of the stack, under the most favourable
circumstances: everything is tagged as Karpenter's own, every request names what a condition asks
for. Names of operations are those of the SDK; where IAM calls an action otherwise it is added.
"""

from collections.abc import Iterator

import botocore.session
import pytest

from tests.integration.applied_estate import NAME, NAMESPACE, AppliedEstate
from tests.integration.estate_karpenter_calls import NODE_CLAIM, Surroundings
from tests.integration.estate_permissions import Permissions, Question, role_of_pods

pytestmark = pytest.mark.integration

SERVICES = {
    service: service
    for service in (
        "autoscaling",
        "cloudformation",
        "dynamodb",
        "ec2",
        "ecr",
        "eks",
        "events",
        "iam",
        "kms",
        "lambda",
        "logs",
        "organizations",
        "pricing",
        "rds",
        "s3",
        "secretsmanager",
        "sns",
        "sqs",
        "ssm",
        "sts",
        "xray",
    )
} | {"apigateway": "apigateway", "arc-zonal-shift": "arc-zonal-shift", "cloudwatch": "cloudwatch"}

NAMED_OTHERWISE = (
    "iam:PassRole",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "lambda:InvokeFunction",
    "s3:BypassGovernanceRetention",
    "s3:DeleteObjectVersion",
    "s3:GetObjectVersion",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutLifecycleConfiguration",
    "sts:TagSession",
)

AGENT = {
    "dynamodb:PutItem": {"records"},
    "dynamodb:UpdateItem": {"records"},
    "kms:Decrypt": {"key"},
    "kms:GenerateDataKey": {"key"},
    "s3:AbortMultipartUpload": {"picture"},
    "s3:GetObject": {"model", "payload", "picture"},
    "s3:ListBucket": {"models"},
    "s3:PutObject": {"picture"},
    "sns:Publish": {"notifications"},
    "sqs:ChangeMessageVisibility": {"queue"},
    "sqs:DeleteMessage": {"queue"},
    "sqs:GetQueueAttributes": {"queue"},
    "sqs:ReceiveMessage": {"queue"},
    "sqs:SendMessage": {"dead letters"},
}
KEDA = {"sqs:GetQueueAttributes": {"another's queue", "queue"}}
INTAKE = {
    "dynamodb:DeleteItem": {"records"},
    "dynamodb:PutItem": {"records"},
    "dynamodb:UpdateItem": {"records"},
    "kms:Decrypt": {"key"},
    "kms:GenerateDataKey": {"key"},
    "logs:CreateLogStream": {"intake's log"},
    "logs:PutLogEvents": {"intake's log"},
    "s3:PutObject": {"payload"},
    "sns:Publish": {"tasks"},
}
PROBE = {
    "kms:Decrypt": {"key"},
    "kms:GenerateDataKey": {"key"},
    "logs:CreateLogStream": {"probe's log"},
    "logs:PutLogEvents": {"probe's log"},
    "sns:Publish": {"tasks"},
}
READER = {
    "dynamodb:BatchGetItem": {"records"},
    "dynamodb:GetItem": {"records"},
    "dynamodb:Query": {"records' index"},
    "dynamodb:UpdateItem": {"records"},
    "kms:Decrypt": {"key"},
    "kms:GenerateDataKey": {"key"},
    "logs:CreateLogStream": {"reader's log"},
    "logs:PutLogEvents": {"reader's log"},
    "sns:Publish": {"notifications"},
    "sts:AssumeRole": {"presign role"},
}
WEBHOOK = {
    "kms:Decrypt": {"key"},
    "kms:GenerateDataKey": {"key"},
    "logs:CreateLogStream": {"webhook's log"},
    "logs:PutLogEvents": {"webhook's log"},
    "secretsmanager:GetSecretValue": {"webhook secret"},
    "sqs:ChangeMessageVisibility": {"webhook queue"},
    "sqs:DeleteMessage": {"webhook queue"},
    "sqs:GetQueueAttributes": {"webhook queue"},
    "sqs:ReceiveMessage": {"webhook queue"},
    "sqs:SendMessage": {"webhook dead letters"},
}
PRESIGN = {"kms:Decrypt": {"key"}, "s3:GetObject": {"picture"}}
FUNCTIONS = ("intake", "probe", "reader", "webhook")
TRACES = {"xray:PutTelemetryRecords": {"all"}, "xray:PutTraceSegments": {"all"}}
LAUNCHED = {
    "fleet",
    "instance",
    "launch-template",
    "network-interface",
    "spot-instances-request",
    "volume",
}
LAUNCHED_FROM = {
    "capacity-reservation",
    "image",
    "placement-group",
    "security-group",
    "snapshot",
    "subnet",
}
KARPENTER = {
    "arc-zonal-shift:GetManagedResource": {"all"},
    "ec2:CreateFleet": LAUNCHED | LAUNCHED_FROM,
    "ec2:CreateLaunchTemplate": LAUNCHED,
    "ec2:CreateTags": LAUNCHED,
    "ec2:DeleteLaunchTemplate": {"instance", "launch-template"},
    "ec2:DescribeCapacityReservations": {"all"},
    "ec2:DescribeImages": {"all"},
    "ec2:DescribeInstances": {"all"},
    "ec2:DescribeInstanceStatus": {"all"},
    "ec2:DescribeInstanceTypeOfferings": {"all"},
    "ec2:DescribeInstanceTypes": {"all"},
    "ec2:DescribeLaunchTemplates": {"all"},
    "ec2:DescribePlacementGroups": {"all"},
    "ec2:DescribeSecurityGroups": {"all"},
    "ec2:DescribeSpotPriceHistory": {"all"},
    "ec2:DescribeSubnets": {"all"},
    "ec2:RunInstances": LAUNCHED | LAUNCHED_FROM,
    "ec2:TerminateInstances": {"instance", "launch-template"},
    "eks:DescribeCluster": {"cluster"},
    "iam:AddRoleToInstanceProfile": {"instance profile"},
    "iam:CreateInstanceProfile": {"instance profile"},
    "iam:DeleteInstanceProfile": {"instance profile"},
    "iam:GetInstanceProfile": {"instance profile"},
    "iam:ListInstanceProfiles": {"all"},
    "iam:PassRole": {"nodes' role"},
    "iam:RemoveRoleFromInstanceProfile": {"instance profile"},
    "iam:TagInstanceProfile": {"instance profile"},
    "pricing:GetProducts": {"all"},
    "sqs:DeleteMessage": {"interruptions"},
    "sqs:GetQueueUrl": {"interruptions"},
    "sqs:ReceiveMessage": {"interruptions"},
    "ssm:GetParameter": {"AWS's parameter"},
}

ITEMS = {"agent": {"task", "idempotency"}, "intake": {"task", "idempotency"}, "reader": {"task"}}
"""Kinds of items of the records' table that a role may touch: what their keys begin with."""

EXPECTED = {
    "agent": AGENT,
    "intake": INTAKE,
    "probe": PROBE,
    "reader": READER,
    "webhook": WEBHOOK,
    "presign": PRESIGN,
    "karpenter": KARPENTER,
    "keda": KEDA,
}


@pytest.fixture(scope="module")
def actions() -> set[str]:
    """Every operation of the services, in IAM's words."""
    session = botocore.session.get_session()
    return set(NAMED_OTHERWISE) | {
        f"{prefix}:{operation}"
        for service, prefix in SERVICES.items()
        for operation in session.get_service_model(service).operation_names
    }


def things_of(estate: AppliedEstate, at: Surroundings) -> Iterator[tuple[str, str]]:
    """What the stack has, and what Karpenter makes: a name for it, and its ARN."""

    def arn(service: str, name: str) -> str:
        return f"arn:{at.partition}:{service}:{at.region}:{at.account}:{name}"

    def of_runtime(runtime: str, what: str) -> str:
        return arn("sqs", estate.values["runtimes"][runtime][what].rpartition("/")[2])

    pictures, models = (
        f"arn:{at.partition}:s3:::{estate.values[name]}"
        for name in ("output_bucket", "model_bucket")
    )
    key = estate.client("kms").describe_key(KeyId=f"alias/{NAME}-tasks")["KeyMetadata"]
    function = estate.values["intake_function_name"]
    yield "queue", of_runtime("sdruntime", "queue_url")
    yield "dead letters", of_runtime("sdruntime", "dead_letter_queue_url")
    yield "another's queue", of_runtime("comfyui", "queue_url")
    yield "another's dead letters", of_runtime("comfyui", "dead_letter_queue_url")
    yield "interruptions", arn("sqs", at.queue)
    yield "tasks", estate.values["tasks_topic_arn"]
    yield "notifications", estate.values["notifications_topic_arn"]
    yield "pictures", pictures
    yield "picture", f"{pictures}/out/estate/picture.png"
    yield "payload", f"{pictures}/_easel/payloads/estate.json"
    yield "models", models
    yield "model", f"{models}/Stable-diffusion/model.safetensors"
    yield "key", key["Arn"]
    yield "intake", arn("lambda", f"function:{function}")
    for name in FUNCTIONS:
        yield f"{name}'s log", arn("logs", f"log-group:/aws/lambda/{NAME}-{name}:log-stream:s")
    table = arn("dynamodb", f"table/{estate.values['records_table']}")
    yield "records", table
    yield "records' index", f"{table}/index/by_label"
    yield "another table", arn("dynamodb", "table/another")
    yield "webhook queue", arn("sqs", estate.values["webhook_queue_url"].rpartition("/")[2])
    yield (
        "webhook dead letters",
        arn("sqs", estate.values["webhook_dead_letter_queue_url"].rpartition("/")[2]),
    )
    yield "webhook secret", estate.values["webhook_secret_arn"]
    yield "another secret", arn("secretsmanager", "secret:another-abcdef")
    yield "presign role", at.role(f"{NAME}-{at.region}-presign")
    yield "cluster", arn("eks", f"cluster/{NAME}")
    yield "nodes' role", at.role()
    yield "another role", at.role("administrator")
    yield "instance profile", at.profile
    yield "AWS's parameter", f"arn:{at.partition}:ssm:{at.region}::parameter/aws/service/x"
    yield "a parameter", arn("ssm", "parameter/x")
    for kind in sorted(LAUNCHED | LAUNCHED_FROM | {"vpc", "route-table", "key-pair"}):
        yield kind, at.ec2(kind)


def most_favourable(at: Surroundings, action: str, resource: str) -> Question:
    """The question with every condition key as a policy of ours would have it."""
    tags = at.tags() | at.profile_tags()
    question = at.ask(
        action,
        resource,
        sets=tags,
        on=tags,
        keys={
            "arc-zonal-shift:ResourceIdentifier": (
                f"arn:{at.partition}:eks:{at.region}:{at.account}:cluster/{NAME}"
            ),
            "dynamodb:LeadingKeys": ["task/019a0000-0000-7000-8000-000000000001"],
            "ec2:CreateAction": "RunInstances",
            "iam:PassedToService": at.ec2_service,
            "s3:prefix": "",
        },
    )
    return Question(action, resource, {**question.keys, "aws:TagKeys": ["Name", NODE_CLAIM]})


def role_name(estate: AppliedEstate, role: str) -> str:
    pods = {
        "agent": (NAMESPACE, "sdruntime"),
        "karpenter": ("kube-system", "karpenter"),
        "keda": ("keda", "keda-operator"),
    }
    if role in pods:
        return role_of_pods(estate, *pods[role])
    if role == "presign":
        return f"{NAME}-{estate.client('lambda').meta.region_name}-presign"
    function = estate.client("lambda").get_function_configuration(FunctionName=f"{NAME}-{role}")
    return str(function["Role"]).rpartition("/")[2]


@pytest.mark.parametrize("role", EXPECTED)
def test_a_role_may_do_nothing_else(estate: AppliedEstate, actions: set[str], role: str) -> None:
    at = Surroundings.of(estate)
    permissions = Permissions.of_role(estate.client("iam"), role_name(estate, role))
    things = dict(things_of(estate, at))
    allowed: dict[str, set[str]] = {}
    for action in filter(permissions.name, actions):
        on = {
            name
            for name, resource in things.items()
            if permissions.allow(most_favourable(at, action, resource))
        }
        if on:
            allowed[action] = {"all"} if on == set(things) else on
    expected = dict(EXPECTED[role])
    if role in FUNCTIONS and at.partition == "aws":
        expected |= TRACES
    assert allowed == expected
    assert len(actions) > 2000


@pytest.mark.parametrize("role", ITEMS)
def test_a_role_touches_only_its_own_kinds_of_items(estate: AppliedEstate, role: str) -> None:
    at = Surroundings.of(estate)
    permissions = Permissions.of_role(estate.client("iam"), role_name(estate, role))
    table = dict(things_of(estate, at))["records"]
    for action in (one for one, on in EXPECTED[role].items() if on == {"records"}):
        touched = {
            kind
            for kind in ("task", "idempotency", "another")
            if permissions.allow(Question(action, table, {"dynamodb:LeadingKeys": [f"{kind}/1"]}))
        }
        assert touched == ITEMS[role], action
        mixed = {"dynamodb:LeadingKeys": ["task/1", "another/1"]}
        assert not permissions.allow(Question(action, table, mixed)), action
