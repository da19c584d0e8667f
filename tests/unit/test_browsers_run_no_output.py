"""What a runtime made is shown or downloaded by a browser, and never run: objects and links."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import requests
from moto import mock_aws

from easel_agent.outputs import OutputStore
from easel_agent.runtimes.base import MadeFile
from easel_reader.presigning import Presigner

pytestmark = pytest.mark.unit

BUCKET = "outputbucket"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
SCRIPT = b"<html><script>alert(document.domain)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
RUN = ("text/html", "application/xhtml", "image/svg", "text/xml", "application/xml", "javascript")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def presigner(s3: Any) -> Presigner:
    assert s3
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName="p", AssumeRolePolicyDocument=trust)
    return Presigner(boto3.client("sts"), role["Role"]["Arn"], BUCKET)


@pytest.mark.parametrize(
    ("data", "name", "disposition"),
    [
        (PNG, "a.png", "inline"),
        (b"GIF89a" + bytes(16), "a.html", "inline"),
        (SCRIPT, "a.html", "attachment"),
        (SCRIPT, "a.png", "attachment"),
        (SVG, "a.svg", "attachment"),
        (b"<?xml version='1.0'?><a/>", "a.xml", "attachment"),
        (b"%PDF-1.7\n1 0 obj\n", "a.pdf", "attachment"),
        (b"alert(1)", "a.js", "attachment"),
        (b'{"a": 1}', "a.json", "attachment"),
        (b"\x00\x01\x02\x03", "a", "attachment"),
    ],
)
def test_objects_say_what_a_browser_may_do(
    s3: Any, data: bytes, name: str, disposition: str
) -> None:
    uri = OutputStore(s3, BUCKET).begin("out", "t", "default").store_file(1, MadeFile(data, name))
    stored = s3.head_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))
    assert stored["ContentDisposition"] == disposition
    assert not [one for one in RUN if one in stored["ContentType"]]


def test_the_answer_is_a_download(s3: Any) -> None:
    uri = OutputStore(s3, BUCKET).begin("out", "t", "default").store_answer(b"{}")
    stored = s3.head_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))
    assert stored["ContentDisposition"] == "attachment"


@pytest.mark.parametrize(
    ("key", "content_type", "disposition"),
    [
        ("out/t/t-abcd-1.png", "image/png", "inline"),
        ("out/t/t-abcd-1.mp4", "video/mp4", "inline"),
        ("out/t/t-abcd-1.html", "text/html", "attachment"),
        ("out/t/t-abcd-1.svg", "text/html", "attachment"),
        ("out/t/t-abcd-1.PNG", "text/html", "attachment"),
        ("out/t/png", "text/html", "attachment"),
        ("out/t/t-abcd.out", "text/html", "attachment"),
    ],
)
def test_a_link_is_safe_whatever_type_is_stored(
    s3: Any, presigner: Presigner, key: str, content_type: str, disposition: str
) -> None:
    # As somebody with a right to write might store it.
    s3.put_object(Bucket=BUCKET, Key=key, Body=SCRIPT, ContentType="text/html")
    stored = presigner.signed(f"s3://{BUCKET}/{key}", 60)
    assert stored.url
    answer = requests.get(stored.url, timeout=5)
    assert answer.content == SCRIPT
    assert answer.headers["Content-Disposition"] == disposition
    assert answer.headers["Content-Type"].partition(";")[0] == content_type
    # A page that is shown is one whose type says so.
    assert disposition == "attachment" or not [one for one in RUN if one in content_type]
    assert stored.url_expires_at
    assert stored.url_expires_at <= datetime.now(UTC) + timedelta(seconds=60)
