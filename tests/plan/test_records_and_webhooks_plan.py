"""The table of records and the way of callbacks to URLs, as planned in both partitions."""

import json
import re
from pathlib import Path

import pytest

from easel_contract import attributes, record
from easel_webhook.batch import BATCH_SIZE
from easel_webhook.schedule import MAX_RECEIVE_COUNT

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

WEBHOOK_FILE = Path(__file__).resolve().parents[2] / "modules" / "api-fanout" / "webhook.tf"


@pytest.fixture(params=["api_fanout", "china"])
def module(request: pytest.FixtureRequest, plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), request.param)


@pytest.fixture
def tuned(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), "tuned")


def test_the_table_is_the_contracts(module: PlannedModule) -> None:
    table = module.resource("aws_dynamodb_table.records")
    assert (table["name"], table["hash_key"]) == ("easel-records", record.PARTITION_KEY)
    indexes = {
        index["name"]: (index["hash_key"], index["range_key"], index["projection_type"])
        for index in table["global_secondary_index"]
    }
    assert indexes == {
        record.LABEL_INDEX: ("label", "uid", "KEYS_ONLY"),
        record.SCOPE_INDEX: ("scope", "uid", "KEYS_ONLY"),
        record.ACTIVE_INDEX: ("active", "uid", "KEYS_ONLY"),
    }


def test_records_are_paid_by_use_encrypted_restorable_and_forgotten(module: PlannedModule) -> None:
    table = module.resource("aws_dynamodb_table.records")
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert [one["enabled"] for one in table["point_in_time_recovery"]] == [True]
    assert [one["enabled"] for one in table["server_side_encryption"]] == [True]
    references = module.references("aws_dynamodb_table.records", "server_side_encryption")
    assert "aws_kms_key.this.arn" in references
    assert [(one["attribute_name"], one["enabled"]) for one in table["ttl"]] == [
        ("expires_at", True)
    ]


def test_only_callbacks_to_urls_reach_the_webhook_queue(module: PlannedModule) -> None:
    subscription = module.resource("aws_sns_topic_subscription.webhook")
    assert subscription["raw_message_delivery"] is True
    assert json.loads(subscription["filter_policy"]) == {
        attributes.CALLBACK_URL: [{"exists": True}]
    }


def test_the_webhook_queue_lasts_as_long_as_the_schedule(module: PlannedModule) -> None:
    queue = module.resource("aws_sqs_queue.webhook")
    function = module.resource("aws_lambda_function.webhook")
    assert queue["visibility_timeout_seconds"] == 6 * function["timeout"]
    assert queue["message_retention_seconds"] > 24 * 3600
    # Part of a policy that is known only when the dead-letter queue is there.
    written = re.search(r"webhook_max_receive_count\s*= (\d+)", WEBHOOK_FILE.read_text())
    assert written is not None
    assert int(written[1]) == MAX_RECEIVE_COUNT
    assert "local.webhook_max_receive_count" in module.references(
        "aws_sqs_queue.webhook", "redrive_policy"
    )
    mapping = module.resource("aws_lambda_event_source_mapping.webhook")
    assert mapping["batch_size"] == BATCH_SIZE
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


def test_the_webhooks_secret_is_in_no_plan(plan_of: Plan, module: PlannedModule) -> None:
    # The value is made by a command that runs outside Terraform, and by nothing else.
    assert not module.resources("aws_secretsmanager_secret_version")
    assert "whsec_" not in json.dumps(plan_of("api_fanout").resource_changes, default=str)


def test_a_rotation_is_a_higher_version(tuned: PlannedModule) -> None:
    triggers = tuned.references("terraform_data.webhook_secret", "triggers_replace")
    assert {"aws_secretsmanager_secret.webhook.arn", "var.webhook.secret_version"} <= triggers


def test_the_functions_know_what_the_stack_was_told(tuned: PlannedModule) -> None:
    told = tuned.references("aws_lambda_function.intake", "environment")
    assert {
        "local.api_key_names",
        "var.shared_tasks",
        "var.task_retention_days",
        "var.tenant_prefixes",
        "var.webhook.allowed_hosts",
    } <= told
    assert {"local.api_key_names", "var.shared_tasks"} <= tuned.references(
        "aws_lambda_function.reader", "environment"
    )
    for name in ("intake", "probe", "reader", "webhook"):
        assert tuned.resource(f"aws_lambda_function.{name}")["architectures"] == ["arm64"]
