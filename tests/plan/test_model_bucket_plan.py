"""What modules/model-bucket makes, in both partitions."""

from typing import Any

import pytest

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan


@pytest.fixture(params=["model_bucket", "china"])
def module(request: pytest.FixtureRequest, plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("model_bucket"), request.param)


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("model_bucket"), "model_bucket")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("model_bucket"), "china")


def rules(module: PlannedModule) -> dict[str, dict[str, Any]]:
    configured = module.resource("aws_s3_bucket_lifecycle_configuration.this")["rule"]
    return {rule["id"]: rule for rule in configured}


def test_nothing_lets_the_public_in(module: PlannedModule) -> None:
    block = module.resource("aws_s3_bucket_public_access_block.this")
    names = ("block_public_acls", "ignore_public_acls", "block_public_policy")
    assert all(block[name] for name in (*names, "restrict_public_buckets"))
    (owner,) = module.resource("aws_s3_bucket_ownership_controls.this")["rule"]
    assert owner["object_ownership"] == "BucketOwnerEnforced"


def test_only_tls_reaches_it(module: PlannedModule) -> None:
    statement = module.statements("bucket")["DenyWithoutTls"]
    assert (statement.effect, statement.actions) == ("Deny", {"s3:*"})
    assert statement.principals == {("*", "*")}
    assert statement.conditions == {("Bool", "aws:SecureTransport"): {"false"}}
    assert statement.resources == {"aws_s3_bucket.this.arn"}


def test_it_is_kept_when_it_holds_models(module: PlannedModule) -> None:
    assert module.resource("aws_s3_bucket.this")["force_destroy"] is False
    (versioning,) = module.resource("aws_s3_bucket_versioning.this")["versioning_configuration"]
    assert versioning["status"] == "Enabled"


def test_it_is_encrypted_with_s3s_keys_or_with_the_one_that_is_given(
    example: PlannedModule, china: PlannedModule
) -> None:
    def encryption(module: PlannedModule) -> tuple[object, object, object]:
        address = "aws_s3_bucket_server_side_encryption_configuration.this"
        (rule,) = module.resource(address)["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        return default["sse_algorithm"], default["kms_master_key_id"], rule["bucket_key_enabled"]

    algorithm, key, bucket_key = encryption(example)
    assert (algorithm, key or None, bucket_key) == ("AES256", None, False)
    algorithm, key, bucket_key = encryption(china)
    assert (algorithm, bucket_key) == ("aws:kms", True)
    assert str(key).startswith("arn:aws-cn:kms:cn-northwest-1:")


def test_broken_uploads_and_old_versions_go(example: PlannedModule, china: PlannedModule) -> None:
    for module, days in ((example, 14), (china, 3)):
        (aborted,) = rules(module)["abort-multipart-uploads"]["abort_incomplete_multipart_upload"]
        assert aborted["days_after_initiation"] == 7
        (expired,) = rules(module)["expire-noncurrent-versions"]["noncurrent_version_expiration"]
        assert expired["noncurrent_days"] == days
