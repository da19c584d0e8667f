"""What the policies of modules/api-fanout allow, statement by statement."""

import pytest

from easel_contract.record import IDEMPOTENCY_KEY_PREFIX, TASK_KEY_PREFIX

from .conftest import Plan
from .planned_module import (
    KNOWN_AFTER_APPLY,
    PlannedModule,
    Statement,
    assert_no_action_is_left_open,
)

pytestmark = pytest.mark.plan

SCENARIOS = ("api_fanout", "china", "tuned")
TABLE = "aws_dynamodb_table.records.arn"
ANYONE = frozenset({("*", "*")})
WITHOUT_TLS = {("Bool", "aws:SecureTransport"): frozenset({"false"})}


@pytest.fixture(params=SCENARIOS)
def module(request: pytest.FixtureRequest, plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), request.param)


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), "api_fanout")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), "china")


def allowed(statement: Statement) -> tuple[set[str], set[str]]:
    assert statement.effect == "Allow"
    return set(statement.actions), set(statement.resources)


def test_the_intake_function_may_do_this_and_nothing_else(example: PlannedModule) -> None:
    assert {sid: allowed(it) for sid, it in example.statements("intake").items()} == {
        "PublishTasks": ({"sns:Publish"}, {"aws_sns_topic.tasks.arn"}),
        "StoreLargePayloads": (
            {"s3:PutObject"},
            {"aws_s3_bucket.output.arn", "local.payload_prefix"},
        ),
        "EncryptTasksAndPayloads": (
            {"kms:Decrypt", "kms:GenerateDataKey"},
            {"aws_kms_key.this.arn"},
        ),
        "RecordTasks": (
            {"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
            {TABLE},
        ),
    }


def test_the_probe_function_may_do_this_and_nothing_else(example: PlannedModule) -> None:
    assert {sid: allowed(it) for sid, it in example.statements("probe").items()} == {
        "PublishProbes": ({"sns:Publish"}, {"aws_sns_topic.tasks.arn"}),
        "EncryptProbes": ({"kms:Decrypt", "kms:GenerateDataKey"}, {"aws_kms_key.this.arn"}),
    }


def test_the_reader_function_may_do_this_and_nothing_else(example: PlannedModule) -> None:
    assert {sid: allowed(it) for sid, it in example.statements("reader").items()} == {
        "ReadAndCancelTasks": (
            {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
            {TABLE},
        ),
        "ListTasks": ({"dynamodb:Query"}, {TABLE}),
        "AnnounceCancellations": ({"sns:Publish"}, {"aws_sns_topic.notifications.arn"}),
        "SignLinks": ({"sts:AssumeRole"}, {"aws_iam_role.presign.arn"}),
        "UseTheStacksKey": ({"kms:Decrypt", "kms:GenerateDataKey"}, {"aws_kms_key.this.arn"}),
    }


def test_the_webhook_function_may_do_this_and_nothing_else(example: PlannedModule) -> None:
    assert {sid: allowed(it) for sid, it in example.statements("webhook").items()} == {
        "WorkItsQueue": (
            {
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            },
            {"aws_sqs_queue.webhook.arn"},
        ),
        "GiveUpCallbacks": ({"sqs:SendMessage"}, {"aws_sqs_queue.webhook_dead_letter.arn"}),
        "ReadItsSecret": (
            {"secretsmanager:GetSecretValue"},
            {"aws_secretsmanager_secret.webhook.arn"},
        ),
        "UseTheStacksKey": ({"kms:Decrypt", "kms:GenerateDataKey"}, {"aws_kms_key.this.arn"}),
    }


def test_links_are_signed_by_a_role_that_reads_outputs_and_no_payload(
    example: PlannedModule,
) -> None:
    statements = example.statements("presign")
    assert {sid: (it.effect, set(it.actions)) for sid, it in statements.items()} == {
        "ReadOutputs": ("Allow", {"s3:GetObject"}),
        "NeverReadPayloads": ("Deny", {"s3:GetObject"}),
        "DecryptOutputs": ("Allow", {"kms:Decrypt"}),
    }
    (trust,) = example.statements("presign_trust").values()
    assert trust.principals == {("AWS", "aws_iam_role.reader.arn")}


@pytest.mark.parametrize(
    ("policy", "sid", "keys"),
    [
        ("intake", "RecordTasks", {TASK_KEY_PREFIX, IDEMPOTENCY_KEY_PREFIX}),
        ("reader", "ReadAndCancelTasks", {TASK_KEY_PREFIX}),
    ],
)
def test_a_role_touches_only_its_own_kind_of_items(
    example: PlannedModule, policy: str, sid: str, keys: set[str]
) -> None:
    conditions = example.statements(policy)[sid].conditions
    assert conditions == {
        ("ForAllValues:StringLike", "dynamodb:LeadingKeys"): frozenset(f"{key}*" for key in keys)
    }


@pytest.mark.parametrize("function", ["intake", "probe", "reader", "webhook"])
def test_every_function_writes_its_log_and_traces(example: PlannedModule, function: str) -> None:
    statements = example.statements(f'function["{function}"]')
    assert {sid: set(it.actions) for sid, it in statements.items()} == {
        "WriteItsLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "SendTraces": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
    }


def test_without_tracing_no_function_may_trace(china: PlannedModule) -> None:
    for name in ("intake", "probe", "reader", "webhook"):
        assert "SendTraces" not in china.statements(f'function["{name}"]')
    function = china.resource("aws_lambda_function.intake")
    assert function["tracing_config"] == [{"mode": "PassThrough"}]
    assert china.resource("aws_api_gateway_stage.this")["xray_tracing_enabled"] is False


def test_no_policy_allows_every_action(module: PlannedModule) -> None:
    for policy in module.policies():
        assert_no_action_is_left_open(module, policy)


def test_only_traces_and_the_keys_own_policy_name_no_resource(module: PlannedModule) -> None:
    everywhere = {
        (policy, sid)
        for policy in module.policies()
        for sid, statement in module.statements(policy).items()
        if statement.effect == "Allow" and "*" in statement.resources and not statement.conditions
    }
    key = ("key", "AccountAdministersThroughIam")
    names = ("intake", "probe", "reader", "webhook")
    traces = {(f'function["{name}"]', "SendTraces") for name in names}
    assert everywhere <= {key, *traces}
    assert key in everywhere


@pytest.mark.parametrize("policy", ["tasks_topic", "notifications_topic", "output_bucket"])
def test_nothing_comes_without_tls(module: PlannedModule, policy: str) -> None:
    statement = module.statements(policy)["DenyWithoutTls"]
    assert (statement.effect, statement.principals) == ("Deny", ANYONE)
    assert statement.conditions == WITHOUT_TLS
    assert statement.actions == {"s3:*" if policy == "output_bucket" else "sns:Publish"}


def test_topics_are_open_to_no_one_else(module: PlannedModule) -> None:
    tasks = module.statements("tasks_topic")
    assert tasks.keys() == {
        *("IntakePublishes", "ProbesArePublished", "DenyOtherPublishers", "DenyWithoutTls")
    }
    assert tasks["ProbesArePublished"].principals == {("AWS", "aws_iam_role.probe.arn")}
    assert tasks["IntakePublishes"].principals == {("AWS", "aws_iam_role.intake.arn")}
    others = tasks["DenyOtherPublishers"]
    assert (others.effect, others.principals) == ("Deny", ANYONE)
    assert others.actions == {"sns:Publish"}
    assert others.conditions.keys() == {("ArnNotEquals", "aws:PrincipalArn")}
    # Whose ARNs these are is known after the apply: tests/integration/test_emulator_stack.py.
    made_of = module.references("data.aws_iam_policy_document.tasks_topic", "statement")
    publishers = {"aws_iam_role.intake.arn", "aws_iam_role.probe.arn", "var.task_publishers"}
    assert publishers <= made_of
    assert module.statements("notifications_topic").keys() == {"DenyWithoutTls"}


@pytest.mark.parametrize(
    ("role", "service"),
    [("function_trust", "lambda.amazonaws.com"), ("api_logs_trust", "apigateway.amazonaws.com")],
)
def test_each_role_serves_one_service(module: PlannedModule, role: str, service: str) -> None:
    (trust,) = module.statements(role).values()
    assert trust.actions == {"sts:AssumeRole"}
    assert trust.principals == {("Service", service)}


@pytest.mark.parametrize(
    ("scenario", "partition", "region", "suffix"),
    [
        ("api_fanout", "aws", "us-east-1", "amazonaws.com"),
        ("china", "aws-cn", "cn-northwest-1", "amazonaws.com.cn"),
    ],
)
def test_the_key_serves_topics_and_logs_of_this_stack_only(
    plan_of: Plan,
    scenario: str,
    partition: str,
    region: str,
    suffix: str,
) -> None:
    key = PlannedModule(plan_of("api_fanout"), scenario).statements("key")
    account = f"arn:{partition}:iam::123456789012:root"
    assert key["AccountAdministersThroughIam"].principals == {("AWS", account)}
    topic = key["TopicsDeliverToEncryptedQueues"]
    assert topic.principals == {("Service", "sns.amazonaws.com")}
    topics = {
        f"arn:{partition}:sns:{region}:123456789012:easel-{name}"
        for name in ("tasks", "notifications")
    }
    assert topic.conditions == {("ArnEquals", "aws:SourceArn"): frozenset(topics)}
    alarms = key["AlarmsAndBudgetPublish"]
    assert alarms.principals == {
        ("Service", "budgets.amazonaws.com"),
        ("Service", "cloudwatch.amazonaws.com"),
    }
    assert alarms.conditions == {("StringEquals", "aws:SourceAccount"): frozenset({"123456789012"})}
    logs = key["CloudWatchEncryptsTheseLogGroups"]
    assert logs.principals == {("Service", f"logs.{region}.{suffix}")}
    prefix = f"arn:{partition}:logs:{region}:123456789012:log-group:"
    assert logs.conditions == {
        ("ArnEquals", "kms:EncryptionContext:aws:logs:arn"): frozenset(
            {
                f"{prefix}/aws/lambda/easel-intake",
                f"{prefix}/aws/lambda/easel-probe",
                f"{prefix}/aws/lambda/easel-reader",
                f"{prefix}/aws/lambda/easel-webhook",
                f"{prefix}/aws/apigateway/easel/access",
                # The execution log, which has the API's id in its name.
                KNOWN_AFTER_APPLY,
            }
        )
    }
    assert len(key) == 4


def test_api_gateways_log_role_is_partition_correct(
    example: PlannedModule, china: PlannedModule
) -> None:
    policy = "iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    address = "aws_iam_role_policy_attachment.api_logs"
    assert example.resource(address)["policy_arn"] == f"arn:aws:{policy}"
    assert china.resource(address)["policy_arn"] == f"arn:aws-cn:{policy}"
