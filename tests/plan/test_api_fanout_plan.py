"""What modules/api-fanout makes: API, limits, topics, bucket, logs."""

import json
from typing import Any

import pytest

from easel_contract.errors import ApiErrorCode
from easel_contract.storage import PAYLOAD_FOLDER

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), "api_fanout")


@pytest.fixture
def tuned(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), "tuned")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("api_fanout"), "china")


@pytest.mark.parametrize(
    ("scenario", "authorization", "needs_key"),
    [("api_fanout", "NONE", True), ("china", "AWS_IAM", False)],
)
def test_every_route_needs_a_key_or_a_signature(
    plan_of: Plan, scenario: str, authorization: str, needs_key: bool
) -> None:
    module = PlannedModule(plan_of("api_fanout"), scenario)
    paths = module.resources("aws_api_gateway_resource").values()
    assert sorted(path["path_part"] for path in paths) == [
        *("cancel", "runtimes", "tasks", "v1alpha1", "v1alpha2", "{task}"),
    ]
    methods = module.resources("aws_api_gateway_method")
    verbs = {address: method["http_method"] for address, method in methods.items()}
    assert verbs == {
        'aws_api_gateway_method.post["v1alpha1"]': "POST",
        'aws_api_gateway_method.post["v1alpha2"]': "POST",
        'aws_api_gateway_method.reader["cancel"]': "POST",
        'aws_api_gateway_method.reader["list"]': "GET",
        'aws_api_gateway_method.reader["runtimes"]': "GET",
        'aws_api_gateway_method.reader["show"]': "GET",
    }
    for address, method in methods.items():
        assert (method["authorization"], method["api_key_required"]) == (authorization, needs_key)
        if ".post[" in address:
            assert method["request_models"] == {"application/json": "TaskRequest"}
    for integration in module.resources("aws_api_gateway_integration").values():
        assert integration["type"] == "AWS_PROXY"


def test_another_authorization_is_deployed(example: PlannedModule) -> None:
    deployed = example.references("aws_api_gateway_deployment.this", "triggers")
    assert {"var.authorization", "local.gateway_responses"} <= deployed


def test_with_signatures_there_is_no_key_and_the_stage_has_the_limits(
    example: PlannedModule, china: PlannedModule
) -> None:
    for kind in ("api_key", "usage_plan", "usage_plan_key"):
        assert len(example.resources(f"aws_api_gateway_{kind}")) == 1
        assert not china.resources(f"aws_api_gateway_{kind}")

    def limits(module: PlannedModule) -> tuple[int, int]:
        (settings,) = module.resource("aws_api_gateway_method_settings.all")["settings"]
        return settings["throttling_rate_limit"], settings["throttling_burst_limit"]

    assert limits(china) == (7, 9)
    # -1 is none: with a key, the usage plan has them.
    assert limits(example) == (-1, -1)


def test_the_gateway_refuses_only_what_is_no_object(example: PlannedModule) -> None:
    schema = json.loads(example.resource("aws_api_gateway_model.task_request")["schema"])
    assert schema.keys() == {"$schema", "title", "type"}
    assert schema["type"] == "object"
    validator = example.resource("aws_api_gateway_request_validator.body")
    assert validator["validate_request_body"] is True


def test_a_key_has_30_requests_a_second_and_50_at_once(
    example: PlannedModule, tuned: PlannedModule
) -> None:
    def limits(module: PlannedModule, key: str) -> tuple[int, int, list[Any]]:
        plan = module.resource(f'aws_api_gateway_usage_plan.this["{key}"]')
        (throttle,) = plan["throttle_settings"]
        return throttle["rate_limit"], throttle["burst_limit"], plan["quota_settings"]

    assert limits(example, "default") == (30, 50, [])
    # Where a key has no limits of its own, it has the stack's.
    assert limits(tuned, "team-b") == (5, 8, [])
    rate, burst, quota = limits(tuned, "team-a")
    assert (rate, burst) == (2, 3)
    assert [(one["limit"], one["period"]) for one in quota] == [(1000, "DAY")]
    names = {key["name"] for key in tuned.resources("aws_api_gateway_api_key").values()}
    assert names == {"tuned-team-a", "tuned-team-b"}


ANSWERS = {
    "INVALID_API_KEY": ("401", "unauthorized"),
    "UNAUTHORIZED": ("401", "unauthorized"),
    "ACCESS_DENIED": ("403", "forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": ("404", "not_found"),
    "BAD_REQUEST_BODY": ("400", "invalid_request"),
    "BAD_REQUEST_PARAMETERS": ("400", "invalid_request"),
    "REQUEST_TOO_LARGE": ("413", "payload_too_large"),
    "UNSUPPORTED_MEDIA_TYPE": ("415", "unsupported_media_type"),
    "THROTTLED": ("429", "throttled"),
    "QUOTA_EXCEEDED": ("429", "throttled"),
    "INTEGRATION_TIMEOUT": ("504", "internal_error"),
    "DEFAULT_4XX": (None, "invalid_request"),
    "DEFAULT_5XX": (None, "internal_error"),
}


KEY_ONLY = {"INVALID_API_KEY", "QUOTA_EXCEEDED"}
SIGNED_ANSWERS = {kind: answer for kind, answer in ANSWERS.items() if kind not in KEY_ONLY} | {
    # A path that does not exist, too: API Gateway does not tell them apart.
    "MISSING_AUTHENTICATION_TOKEN": ("401", "unauthorized"),
    "EXPIRED_TOKEN": ("403", "forbidden"),
    "INVALID_SIGNATURE": ("403", "forbidden"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_gateways_own_answers_have_our_form(example: PlannedModule, kind: str) -> None:
    answer = example.resource(f'aws_api_gateway_gateway_response.this["{kind}"]')
    body = filled_in(answer)["error"]
    assert (answer["status_code"], body["code"]) == ANSWERS[kind]


@pytest.mark.parametrize("kind", SIGNED_ANSWERS)
def test_the_gateways_answers_about_signatures_have_our_form(
    china: PlannedModule, kind: str
) -> None:
    answer = china.resource(f'aws_api_gateway_gateway_response.this["{kind}"]')
    body = filled_in(answer)["error"]
    assert (answer["status_code"], body["code"]) == SIGNED_ANSWERS[kind]


def test_a_refusal_asks_for_what_this_api_takes(
    example: PlannedModule, china: PlannedModule
) -> None:
    def messages(module: PlannedModule) -> str:
        answers = module.resources("aws_api_gateway_gateway_response").values()
        return " ".join(str(filled_in(answer)["error"]["message"]) for answer in answers)

    assert "x-api-key" in messages(example)
    assert "Signature Version 4" not in messages(example)
    assert "Signature Version 4" in messages(china)
    assert "execute-api:Invoke" in messages(china)
    assert "key" not in messages(china)


def filled_in(answer: dict[str, object]) -> dict[str, dict[str, object]]:
    """The body of a gateway response after API Gateway has put its message in."""
    templates = answer["response_templates"]
    assert isinstance(templates, dict)
    assert templates.keys() == {"application/json"}
    text = templates["application/json"].replace(
        "$context.error.messageString", json.dumps('Authorization header requires "Credential"')
    )
    body: dict[str, dict[str, object]] = json.loads(text)
    return body


@pytest.mark.parametrize("scenario", ["api_fanout", "china"])
def test_every_gateway_response_is_json_in_our_form(plan_of: Plan, scenario: str) -> None:
    module = PlannedModule(plan_of("api_fanout"), scenario)
    answers = module.resources("aws_api_gateway_gateway_response").values()
    assert len(answers) > len(SIGNED_ANSWERS)
    for answer in answers:
        body = filled_in(answer)
        assert body.keys() == {"error"}
        assert body["error"].keys() == {"code", "message", "details"}
        assert body["error"]["details"] == []
        assert body["error"]["message"]
        assert body["error"]["code"] in set(ApiErrorCode)


def test_nothing_logs_bodies_headers_or_keys(example: PlannedModule) -> None:
    (settings,) = example.resource("aws_api_gateway_method_settings.all")["settings"]
    assert settings["data_trace_enabled"] is False
    assert settings["metrics_enabled"] is True
    (access,) = example.resource("aws_api_gateway_stage.this")["access_log_settings"]
    fields = json.loads(access["format"])
    assert {"requestId", "status", "responseLatency", "apiKeyId", "userArn"} <= fields.keys()
    logged = set(fields.values())
    assert {"$context.identity.apiKeyId", "$context.identity.userArn"} <= logged
    assert not {"$context.identity.apiKey", "$context.requestOverride.header"} & logged
    assert not any("header" in value or "body" in value for value in logged)


def test_logs_are_kept_as_long_as_asked(example: PlannedModule, tuned: PlannedModule) -> None:
    for module, days in ((example, 365), (tuned, 30)):
        groups = module.resources("aws_cloudwatch_log_group").values()
        assert [group["retention_in_days"] for group in groups] == [days] * 6


def test_everything_that_holds_a_task_is_encrypted_with_our_key(example: PlannedModule) -> None:
    assert example.resource("aws_kms_key.this")["enable_key_rotation"] is True
    key = "aws_kms_key.this.arn"
    encrypted = {
        address: example.references(address, argument)
        for kind, argument in (
            ("aws_sns_topic", "kms_master_key_id"),
            ("aws_cloudwatch_log_group", "kms_key_id"),
            ("aws_lambda_function", "kms_key_arn"),
            ("aws_sqs_queue", "kms_master_key_id"),
            ("aws_secretsmanager_secret", "kms_key_id"),
        )
        for address in example.resources(kind)
    }
    assert encrypted.keys() == {
        "aws_sns_topic.tasks",
        "aws_sns_topic.notifications",
        "aws_cloudwatch_log_group.access",
        "aws_cloudwatch_log_group.execution",
        *(
            f"{kind}.{name}"
            for kind in ("aws_cloudwatch_log_group", "aws_lambda_function")
            for name in ("intake", "probe", "reader", "webhook")
        ),
        "aws_sqs_queue.webhook",
        "aws_sqs_queue.webhook_dead_letter",
        "aws_secretsmanager_secret.webhook",
    }
    assert all(key in references for references in encrypted.values()), encrypted
    address = "aws_s3_bucket_server_side_encryption_configuration.output"
    (rule,) = example.resource(address)["rule"]
    assert rule["bucket_key_enabled"] is True
    assert rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "aws:kms"


def test_the_output_bucket_is_private_and_versioned(example: PlannedModule) -> None:
    block = example.resource("aws_s3_bucket_public_access_block.output")
    switches = {
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    }
    assert {name for name, value in block.items() if value is True} == switches
    versioning = example.resource("aws_s3_bucket_versioning.output")["versioning_configuration"]
    assert versioning[0]["status"] == "Enabled"
    (ownership,) = example.resource("aws_s3_bucket_ownership_controls.output")["rule"]
    assert ownership["object_ownership"] == "BucketOwnerEnforced"


def test_the_output_bucket_is_unique_and_stays_by_default(
    example: PlannedModule, tuned: PlannedModule, china: PlannedModule
) -> None:
    address = "aws_s3_bucket.output"
    assert example.resource(address)["bucket"] == "easel-outputs-123456789012-us-east-1"
    assert china.resource(address)["bucket"] == "easel-outputs-123456789012-cn-northwest-1"
    assert example.resource(address)["force_destroy"] is False
    assert tuned.resource(address)["force_destroy"] is True


def rules(module: PlannedModule) -> dict[str, dict[str, object]]:
    lifecycle = module.resource("aws_s3_bucket_lifecycle_configuration.output")
    assert {rule["status"] for rule in lifecycle["rule"]} == {"Enabled"}
    return {rule["id"]: rule for rule in lifecycle["rule"]}


def test_pictures_are_kept_unless_asked(example: PlannedModule, tuned: PlannedModule) -> None:
    kept = rules(example)
    assert kept.keys() == {
        "abort-multipart-uploads",
        "expire-noncurrent-versions",
        "expire-payloads",
    }
    assert kept["abort-multipart-uploads"]["abort_incomplete_multipart_upload"] == [
        {"days_after_initiation": 7}
    ]
    assert kept["expire-payloads"]["filter"][0]["prefix"] == f"{PAYLOAD_FOLDER}/"  # type: ignore[index]
    expired = rules(tuned)["expire-outputs"]["expiration"]
    assert expired[0]["days"] == 90  # type: ignore[index]


def test_the_intake_function_is_as_asked(example: PlannedModule, tuned: PlannedModule) -> None:
    function = example.resource("aws_lambda_function.intake")
    assert function["handler"] == "easel_intake.handler.handler"
    assert (function["runtime"], function["architectures"]) == ("python3.13", ["x86_64"])
    assert (function["memory_size"], function["timeout"]) == (1024, 15)
    assert function["reserved_concurrent_executions"] == -1
    function = tuned.resource("aws_lambda_function.intake")
    assert (function["memory_size"], function["architectures"]) == (512, ["arm64"])
    assert function["reserved_concurrent_executions"] == 7


def test_the_endpoint_may_be_anywhere_but_the_key_is_never_an_output(
    plan_of: Plan,
) -> None:
    calls = plan_of("api_fanout").configuration["root_module"]["module_calls"]
    outputs = calls["api_fanout"]["module"]["outputs"]
    references = {
        name: output["expression"].get("references", []) for name, output in outputs.items()
    }
    about_the_key = {
        name
        for name, used in references.items()
        if any("api_key" in reference for reference in used)
    }
    assert about_the_key == {"api_key_id", "api_key_ids", "api_key_command"}
    values = [used for all_used in references.values() for used in all_used]
    assert not any(used.endswith(".value") for used in values)
