"""The emulator serves who has its key, and no web page, whatever it sends."""

import base64
import datetime
import hashlib
import io
import json
import stat
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.auth
import psutil
import pytest
import requests
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from easel_local.credentials import CredentialsError, StackCredentials
from easel_local.emulator import Emulator

pytestmark = pytest.mark.integration

Client = Callable[..., Any]
FOREIGN = "http://evil.example"
FUNCTIONS = "/2015-03-31/functions"
GUESSED = Credentials("test", "test")


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def function_of(marker: Path) -> str:
    """What creates a function that leaves a file where it runs."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        source = f"def handler(event, context): open({str(marker)!r}, 'w').close()\n"
        archive.writestr("f.py", source)
    return json.dumps(
        {
            "FunctionName": "hostile",
            "Runtime": "python3.13",
            "Handler": "f.handler",
            "Role": "arn:aws:iam::000000000000:role/x",
            "Code": {"ZipFile": base64.b64encode(package.getvalue()).decode()},
        }
    )


def function_names(client: Client) -> set[str]:
    """Of all functions; other tests of this emulator leave some."""
    pages = client("lambda").get_paginator("list_functions").paginate()
    return {function["FunctionName"] for page in pages for function in page["Functions"]}


def signed(
    method: str, url: str, body: str, keys: Credentials, service: str, **headers: str
) -> Mapping[str, str]:
    request = AWSRequest(method, url, data=body, headers=headers)
    botocore.auth.SigV4Auth(keys, service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


ATTACKS: dict[str, tuple[str, dict[str, str]]] = {
    "from a page, in the way of the reproduction": (
        "?X-Amz-Credential=test/20260101/us-east-1/lambda/aws4_request&X-Amz-Signature=00",
        {"Origin": FOREIGN},
    ),
    "from a page that may be read from a file": ("", {"Origin": "null"}),
    "from a page of the emulator's own origin": ("", {"Origin": "own"}),
    "from another site, without an Origin": ("", {"Sec-Fetch-Site": "cross-site"}),
    "from another port of this machine": ("", {"Sec-Fetch-Site": "same-site"}),
    "from a name that leads here (DNS rebinding)": ("", {"Host": "evil.example"}),
    "from a name that looks like this machine's": ("", {"Host": "127.0.0.1.evil.example"}),
    "by another user of the machine, without a key": ("", {}),
    "with a signature that is none": ("", {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}),
    "with another scheme": ("", {"Authorization": "Basic dGVzdDp0ZXN0"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_two_simple_posts_run_no_code(
    emulator: Emulator, client: Client, http: requests.Session, tmp_path: Path, attack: str
) -> None:
    marker = tmp_path / "code-ran"
    query, headers = ATTACKS[attack]
    before = function_names(client)
    own = {name: emulator.endpoint_url for name, value in headers.items() if value == "own"}
    for path, body in (
        (FUNCTIONS, function_of(marker)),
        (f"{FUNCTIONS}/hostile/invocations", "{}"),
    ):
        answer = http.post(
            f"{emulator.endpoint_url}{path}{query}",
            data=body,
            headers={"Content-Type": "text/plain", **headers, **own},
            timeout=10,
        )
        assert answer.status_code in (400, 403), attack
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert not marker.exists()
    assert function_names(client) == before


@pytest.mark.parametrize("keys", [GUESSED, Credentials("000000000000", "test")])
def test_a_guessed_key_opens_nothing(
    emulator: Emulator, http: requests.Session, keys: Credentials
) -> None:
    url = f"{emulator.endpoint_url}{FUNCTIONS}"
    headers = signed("GET", url, "", keys, "lambda")
    assert http.get(url, headers=headers, timeout=10).status_code == 403


def test_the_right_key_with_another_signature_is_refused(
    emulator: Emulator, http: requests.Session
) -> None:
    url = f"{emulator.endpoint_url}{FUNCTIONS}"
    own = emulator.credentials
    good = Credentials(own.access_key_id, own.secret_access_key)
    headers = signed("GET", url, "", good, "lambda")
    assert http.get(url, headers=headers, timeout=10).status_code == 200
    for changed in (
        {"Authorization": headers["Authorization"][:-4] + "0000"},
        {"X-Amz-Date": "20200101T000000Z"},
        {"Origin": FOREIGN},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = http.get(url, headers={**headers, **changed}, timeout=10)
        assert answer.status_code == 403, (changed, answer.text)
    body = signed("POST", url, "{}", good, "lambda")
    assert http.post(url, data='{"a": 1}', headers=body, timeout=10).status_code == 403
    digest = signed("POST", url, "{}", good, "lambda", **{"X-Amz-Content-SHA256": "0" * 64})
    assert http.post(url, data="{}", headers=digest, timeout=10).status_code == 403


def test_an_old_signature_is_refused(
    emulator: Emulator, http: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{emulator.endpoint_url}{FUNCTIONS}"
    own = emulator.credentials
    good = Credentials(own.access_key_id, own.secret_access_key)
    now = time.time()
    for age, status in ((0, 200), (3600, 403), (-3600, 403)):
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now - age))
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda at=at: _time(at))
        headers = signed("GET", url, "", good, "lambda")
        assert http.get(url, headers=headers, timeout=10).status_code == status, age


def _time(text: str) -> Any:
    return datetime.datetime.strptime(text, "%Y%m%dT%H%M%S%z")


def test_api_keys_are_not_read_by_a_page(
    emulator: Emulator, client: Client, http: requests.Session
) -> None:
    value = "a-key-of-twenty-characters"
    client("apigateway").create_api_key(name="secret", value=value, enabled=True)
    url = f"{emulator.endpoint_url}/apikeys?includeValues=true"
    for headers in ({"Origin": FOREIGN}, {}, {"Host": "evil.example"}):
        answer = http.get(url, headers=headers, timeout=10)
        assert answer.status_code == 403
        assert value not in answer.text
        assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = http.options(url, headers={"Origin": FOREIGN}, timeout=10)
    assert preflight.status_code == 403
    assert "Access-Control-Allow-Origin" not in preflight.headers


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/_ministack/config",
        "/_ministack/sqs/messages",
        "/_ministack/health",
        "/_aws/execute-api/none/x?Action=ListQueues&Version=2012-11-05",
        "/_aws/execute-api/none?Action=ListQueues&Version=2012-11-05",
        "/restapis/none/x/_user_request_/",
        "/?Action=CreateQueue&QueueName=hostile&Version=2012-11-05",
        "/bucket/key",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_without_a_key_nothing_else_is_open(
    emulator: Emulator, client: Client, http: requests.Session, method: str, path: str
) -> None:
    headers = {
        "X-Amz-Target": "AmazonSQS.CreateQueue",
        "Content-Type": "application/x-amz-json-1.0",
    }
    answer = http.request(
        method,
        f"{emulator.endpoint_url}{path}",
        data=b'{"QueueName": "hostile"}',
        headers=headers,
        timeout=10,
    )
    assert answer.status_code in (403, 404), answer.text
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert client("sqs").list_queues(QueueNamePrefix="hostile").get("QueueUrls", []) == []


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_are_checked(
    emulator: Emulator, client: Client, http: requests.Session, version: str
) -> None:
    bucket = f"presigned-{version}"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"picture")
    client("s3").put_object(Bucket=bucket, Key="other", Body=b"secret")

    def url(keys: dict[str, str], seconds: int = 60) -> str:
        s3 = boto3.client(
            "s3",
            endpoint_url=emulator.endpoint_url,
            region_name="us-east-1",
            config=Config(signature_version=version),
            **keys,
        )
        params = {"Bucket": bucket, "Key": "k"}
        return str(s3.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))

    own = emulator.credentials.keywords()
    assert http.get(url(own), timeout=10).content == b"picture"
    assert http.get(url(own), headers={"Origin": FOREIGN}, timeout=10).status_code == 403
    guessed = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    brief = url(own, 1)
    time.sleep(2.1)
    for refused in (url(guessed), url(own).replace("/k?", "/other?"), brief, url(own) + "&x=1"):
        if refused.endswith("&x=1") and version == "s3":
            continue  # version 2 signs only the parameters that S3 knows
        answer = http.get(refused, timeout=10)
        assert answer.status_code == 403, refused
        assert b"secret" not in answer.content


def sts_with(emulator: Emulator, key_id: str, secret: str, token: str) -> Any:
    return boto3.client(
        "sts",
        endpoint_url=emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def test_a_functions_keys_are_not_to_be_guessed(emulator: Emulator, client: Client) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Statement": [trust | {"Action": "sts:AssumeRole"}]})
    role = client("iam").create_role(RoleName="guess", AssumeRolePolicyDocument=document)["Role"][
        "Arn"
    ]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(
            "f.py",
            "import os\ndef handler(e, c): return {n: os.environ[n] for n in os.environ "
            "if n.startswith('AWS_')}\n",
        )
    arn = client("lambda").create_function(
        FunctionName="guessed",
        Runtime="python3.13",
        Handler="f.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
    )["FunctionArn"]
    try:
        seen = json.load(client("lambda").invoke(FunctionName="guessed")["Payload"])
        root = emulator.credentials
        assert root.access_key_id not in seen.values()
        assert root.secret_access_key not in seen.values()
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        own = sts_with(emulator, *(seen[name] for name in names))
        assert own.get_caller_identity()["Arn"].endswith("assumed-role/guess/guessed")
        digest = hashlib.sha256(f"{arn}:{role}".encode()).hexdigest()
        guessed = sts_with(
            emulator,
            f"ASIA{digest[:16].upper()}",
            hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
            hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
        )
        with pytest.raises(ClientError, match="security token"):
            guessed.get_caller_identity()
    finally:
        client("lambda").delete_function(FunctionName="guessed")


def test_the_key_is_its_owners_and_in_no_argument_or_environment(emulator: Emulator) -> None:
    own = emulator.credentials
    assert stat.S_IMODE(own.path.stat().st_mode) == 0o600
    assert own.secret_access_key not in repr(own)
    assert own.secret_access_key not in emulator.environment().values()
    process = psutil.Process(emulator.pid)
    assert own.secret_access_key not in " ".join(process.cmdline())


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = StackCredentials.made(tmp_path / "new" / "credentials").path
    first = StackCredentials.read(file)
    assert StackCredentials.made(file) == first
    assert StackCredentials.made(tmp_path / "other") != first
    assert len(first.secret_access_key) >= 40
    file.chmod(0o644)
    with pytest.raises(CredentialsError, match="others may read"):
        StackCredentials.read(file)
    file.chmod(0o600)
    file.write_text("[default]\n")
    with pytest.raises(CredentialsError, match="no access key"):
        StackCredentials.made(file)
    (tmp_path / "link").symlink_to(tmp_path / "other")
    with pytest.raises(CredentialsError, match="not a file of yours"):
        StackCredentials.read(tmp_path / "link")
