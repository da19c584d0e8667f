"""What S3 says of a bucket, as the emulator does not: a public policy, refusals, no bucket.

The emulator has no GetBucketPolicyStatus; the answers here have the form of S3's API reference.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_models.bucket import ModelBucket
from easel_models.bucket_checks import setting_findings
from easel_models.errors import ModelsError
from easel_models.findings import Severity

pytestmark = pytest.mark.unit

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
GOOD: dict[str, Any] = {
    "head_bucket": {"BucketRegion": "us-east-1"},
    "get_bucket_encryption": {
        "ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        }
    },
    "get_public_access_block": {"PublicAccessBlockConfiguration": dict.fromkeys(BLOCKS, True)},
    "get_bucket_policy_status": {"PolicyStatus": {"IsPublic": False}},
    "get_bucket_versioning": {"Status": "Enabled"},
}


def refusal(code: str, status: int = 403) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Operation")


class StubbedS3:
    """Answers as it was told to; an error is raised."""

    def __init__(self, **answers: Any) -> None:
        self._answers = GOOD | answers

    def __getattr__(self, name: str) -> Any:
        def ask(**_: Any) -> Any:
            answer = self._answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


def found(**answers: Any) -> dict[str, Severity]:
    s3: Any = StubbedS3(**answers)
    settings = ModelBucket(s3, "models").settings()
    findings = setting_findings("s3://models", settings, "us-east-1", None)
    return {one.code: one.severity for one in findings}


def test_a_good_bucket_gives_nothing_to_say() -> None:
    assert found() == {}


def test_a_public_policy_is_an_error() -> None:
    status = {"PolicyStatus": {"IsPublic": True}}
    assert found(get_bucket_policy_status=status) == {"public": Severity.ERROR}


@pytest.mark.parametrize("missing", BLOCKS)
def test_each_block_of_public_access_counts(missing: str) -> None:
    blocks = dict.fromkeys(BLOCKS, True) | {missing: False}
    answer = {"PublicAccessBlockConfiguration": blocks}
    assert found(get_public_access_block=answer) == {"public_not_blocked": Severity.WARNING}


def test_no_block_at_all_is_said_too() -> None:
    none = refusal("NoSuchPublicAccessBlockConfiguration", 404)
    assert found(get_public_access_block=none) == {"public_not_blocked": Severity.WARNING}


def test_no_policy_is_no_public_one() -> None:
    assert found(get_bucket_policy_status=refusal("NoSuchBucketPolicy", 404)) == {}


def test_what_may_not_be_read_is_said_and_not_taken_for_good() -> None:
    denied = refusal("AccessDenied")
    assert found(get_bucket_policy_status=denied, get_public_access_block=denied) == {
        "unread": Severity.WARNING
    }


def test_no_encryption_is_said() -> None:
    none = refusal("ServerSideEncryptionConfigurationNotFoundError", 404)
    assert found(get_bucket_encryption=none) == {"encryption": Severity.WARNING}


def test_a_region_comes_from_wherever_s3_says_it() -> None:
    silent: Any = StubbedS3(
        head_bucket={}, get_bucket_location={"LocationConstraint": "cn-northwest-1"}
    )
    assert ModelBucket(silent, "models").region() == "cn-northwest-1"
    first: Any = StubbedS3(head_bucket={}, get_bucket_location={"LocationConstraint": None})
    assert ModelBucket(first, "models").region() == "us-east-1"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("404", 404), "There is no bucket models"),
        (refusal("403", 403), "another account's"),
        (refusal("400", 400), "another partition"),
        (refusal("500", 500), "cannot be looked at"),
    ],
)
def test_a_bucket_that_cannot_be_looked_at_is_explained(error: ClientError, words: str) -> None:
    s3: Any = StubbedS3(head_bucket=error)
    with pytest.raises(ModelsError, match=words):
        ModelBucket(s3, "models").region()
