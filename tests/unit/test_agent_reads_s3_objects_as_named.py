"""A key is taken letter by letter, and the sender's mistakes with S3 are told, not tried again."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from easel_agent.errors import AwsError, RejectedTaskError
from easel_agent.fetch import FetchLimits
from easel_agent.inputs import InputLoader
from easel_agent.urls import find_urls

pytestmark = pytest.mark.unit

BUCKET = "pictures"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
KEYS = [
    "in/Screenshot 2025-01-02 at 11.22.33.png",  # case 17
    "a+b.png",
    "a%20b.png",
    "100%.png",
    "a#b?c=d&e.png",
    'it\'s "quoted".png',
    "\u732b/\u622a\u5c4f 2025.png",
    "\U0001f600.png",
    "a//b/../c.png",
    "a\\b;c,d.png",
    "e\u0301.png",
]


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        for key in KEYS:
            client.put_object(Bucket=BUCKET, Key=key, Body=PNG + key.encode())
        yield client


def loader(client: Any) -> InputLoader:
    return InputLoader(client, "outputbucket", FetchLimits())


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", ["s3://{}/{}", " S3://{}/{}\n"])
def test_a_key_is_read_as_it_stands(s3: Any, key: str, form: str) -> None:
    url = form.format(BUCKET, key)
    files = loader(s3).fetch(find_urls({"init_images": [url]}), "default")
    assert files == {url: PNG + key.encode()}


def test_no_second_object_is_tried(s3: Any) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        loader(s3).fetch(find_urls({"mask": f"s3://{BUCKET}/a%2Bb.png"}), "default")
    assert str(refused.value) == (
        f"mask: s3://{BUCKET}/a%2Bb.png is no object that this runtime may read (NoSuchKey)"
    )


def fetch_answered_with(code: str, status: int) -> None:
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        loader(client).fetch(find_urls({"mask": "s3://bucket/a.png"}), "default")


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("NoSuchBucket", 404, "is no object that this runtime may read"),
        ("AccessDenied", 403, "is no object that this runtime may read"),
        ("KeyTooLongError", 400, "more than 1024 bytes"),
        ("InvalidObjectState", 403, "is archived; restore it"),
        ("KMS.DisabledException", 400, "enable the key"),
        ("KMS.NotFoundException", 400, "enable the key"),
        ("KMS.KMSInvalidStateException", 400, "enable the key"),
        ("PermanentRedirect", 301, "lies in another region; copy it"),
        ("301", 301, "lies in another region; copy it"),
        ("AuthorizationHeaderMalformed", 400, "lies in another region; copy it"),
        ("IllegalLocationConstraintException", 400, "lies in another region; copy it"),
        ("NoSuchAccessPoint", 404, "name the object by its bucket"),
        ("InvalidAccessPointAliasError", 400, "name the object by its bucket"),
        ("InvalidRequest", 400, "store it without"),
        ("InvalidURI", 400, "is no S3 URL"),
    ],
)
def test_the_senders_mistake_is_told(code: str, status: int, reason: str) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        fetch_answered_with(code, status)
    assert reason in str(refused.value)
    assert str(refused.value).endswith(f"({code})")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("KMS.ThrottlingException", 400),
        ("KMS.InternalException", 500),
        ("SlowDown", 503),
        ("InternalError", 500),
        ("ExpiredToken", 400),
        ("RequestTimeTooSkewed", 403),
    ],
)
def test_what_passes_or_is_ours_is_not_the_senders(code: str, status: int) -> None:
    with pytest.raises(AwsError):
        fetch_answered_with(code, status)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://bucket", "names no object"),
        ("s3://bucket/", "names no object"),
        ("s3:// bucket/a.png", "names no object"),
        ("s3://b\u00fccket/a.png", "names no object"),
        ("s3://bucket/" + "\u732b" * 342, "more than 1024 bytes"),
        ("s3://bucket/\ud800.png", "is no S3 URL"),
        (
            "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/mine/a.png",
            "name the object by its bucket",
        ),
        (
            "S3://arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap/a.png",
            "name the object by its bucket",
        ),
    ],
    ids=range(8),
)
def test_what_can_be_no_object_is_refused_without_a_request(url: str, reason: str) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        loader(None).fetch(find_urls({"mask": url}), "default")
    assert reason in str(refused.value)


def test_messages_hold_no_control_characters() -> None:
    with pytest.raises(RejectedTaskError) as refused:
        loader(None).fetch(find_urls({"mask": "s3://bucket/\x1b[2J\n" + "\u732b" * 400}), "default")
    assert "s3://bucket/?[2J?" in str(refused.value)
