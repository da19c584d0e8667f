"""The CLI's requests carry what a stack asks for: its key, or a signature that holds as sent."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from easel_cli.api_authorization import ApiKey, Signature, authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.target import Target
from easel_cli.target_source import TargetError, find_target
from easel_simulators.server import Request as Received
from easel_simulators.server import Response
from tests.rigs.http_server import http_server

pytestmark = pytest.mark.unit

REGION = "cn-northwest-1"
ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = {"task": {"content": {"prompt": "一只狗"}}}
OUTPUTS: dict[str, Any] = {
    "region": REGION,
    "endpoint": "https://example.com/dev",
    "authorization": "AWS_IAM",
    "output_bucket": "b",
    "records_table": "r",
    "tasks_topic_arn": "t",
    "notifications_topic_arn": "n",
    "runtimes": {},
}


@dataclass
class Request:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Api:
    """A server on this machine that keeps what it gets."""

    endpoint: str = ""
    status: int = 200
    requests: list[Request] = field(default_factory=list)


@pytest.fixture
def api() -> Iterator[Api]:
    it = Api()

    def answer(request: Received) -> Response:
        it.requests.append(Request(request.path, dict(request.headers), request.body))
        return Response(it.status, b"{}", None, {"Location": f"{it.endpoint}/elsewhere"})

    with http_server(answer) as url:
        it.endpoint = f"{url}/dev"
        yield it


def signature_of(request: Request) -> str:
    """Signature Version 4 of a request, from AWS's description of it and from nothing else."""
    scheme, *parts = request.headers["authorization"].replace(",", "").split()
    assert scheme == "AWS4-HMAC-SHA256"
    given = dict(part.split("=", 1) for part in parts)
    scope = given["Credential"].removeprefix(f"{ACCESS_KEY}/")
    date = request.headers["x-amz-date"]
    assert scope == f"{date[:8]}/{REGION}/execute-api/aws4_request"
    names = given["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            "POST",
            request.path,
            "",
            *(f"{name}:{request.headers[name].strip()}" for name in names),
            "",
            given["SignedHeaders"],
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    to_sign = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET_KEY}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def signed_headers(request: Request) -> set[str]:
    names = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    return set(names.split(";"))


def test_a_signature_holds_for_what_arrives(api: Api) -> None:
    with ApiClient(api.endpoint, Signature(Credentials(ACCESS_KEY, SECRET_KEY), REGION)) as client:
        assert client.post("v1alpha2", BODY).ok
    (request,) = api.requests
    assert json.loads(request.body) == BODY
    assert request.headers["authorization"].endswith(f"Signature={signature_of(request)}")
    assert signed_headers(request) == {"content-type", "host", "x-amz-date"}
    assert "x-api-key" not in request.headers


def test_each_request_has_a_signature_of_its_own(api: Api) -> None:
    with ApiClient(api.endpoint, Signature(Credentials(ACCESS_KEY, SECRET_KEY), REGION)) as client:
        client.post("v1alpha2", {})
        client.post("v1alpha1", BODY)
    for request in api.requests:
        assert request.headers["authorization"].endswith(signature_of(request))
    first, second = (request.headers["authorization"] for request in api.requests)
    assert first != second


def test_temporary_credentials_send_and_sign_their_token(api: Api) -> None:
    credentials = Credentials(ACCESS_KEY, SECRET_KEY, "the-session-token")
    with ApiClient(api.endpoint, Signature(credentials, REGION)) as client:
        client.post("v1alpha2", BODY)
    (request,) = api.requests
    assert request.headers["x-amz-security-token"] == "the-session-token"
    assert "x-amz-security-token" in signed_headers(request)
    assert request.headers["authorization"].endswith(signature_of(request))


def test_a_key_is_sent_without_a_signature(api: Api) -> None:
    with ApiClient(api.endpoint, ApiKey("the-key")) as client:
        client.post("v1alpha2", BODY)
    (request,) = api.requests
    assert request.headers["x-api-key"] == "the-key"
    assert "authorization" not in request.headers


def test_a_key_goes_nowhere_else(api: Api) -> None:
    api.status = 307
    with ApiClient(api.endpoint, ApiKey("the-key")) as client:
        assert client.post("v1alpha2", BODY).status_code == 307
    assert [request.path for request in api.requests] == ["/dev/v1alpha2"]


def clients_with(
    monkeypatch: pytest.MonkeyPatch, target: Target, environment: dict[str, str]
) -> AwsClients:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    for name, value in (nothing | {"AWS_EC2_METADATA_DISABLED": "true"} | environment).items():
        monkeypatch.setenv(name, value)
    return AwsClients(target)


def test_a_stack_that_wants_signatures_gets_them_though_a_key_is_at_hand(
    monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    target = Target.model_validate(OUTPUTS)
    environment = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    clients = clients_with(monkeypatch, target, environment)
    with ApiClient(api.endpoint, authorization_of(target, clients, "a-key")) as client:
        client.post("v1alpha2", BODY)
    (request,) = api.requests
    assert request.headers["authorization"].endswith(signature_of(request))
    assert "x-api-key" not in request.headers


def test_without_credentials_that_is_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target.model_validate(OUTPUTS)
    clients = clients_with(monkeypatch, target, {})
    with pytest.raises(NoCredentialsError, match="credentials"):
        authorization_of(target, clients)


def test_a_stack_without_the_output_has_a_key(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    outputs = {name: value for name, value in OUTPUTS.items() if name != "authorization"}
    target = Target.model_validate(outputs | {"api_key_id": "k"})
    clients = clients_with(monkeypatch, target, {})
    with ApiClient(api.endpoint, authorization_of(target, clients, "the-key")) as client:
        client.post("v1alpha2", BODY)
    assert api.requests[0].headers["x-api-key"] == "the-key"


def write(outputs: dict[str, Any], folder: Path) -> Path:
    file = folder / "outputs.json"
    file.write_text(json.dumps({name: {"value": value} for name, value in outputs.items()}))
    return file


def test_a_stack_with_signatures_needs_no_key(tmp_path: Path) -> None:
    target = find_target(None, write(OUTPUTS, tmp_path))
    assert target.api_key_id is None
    with pytest.raises(ValueError, match="signed"):
        _ = target.known_api_key_id


def test_a_stack_with_a_key_must_say_which(tmp_path: Path) -> None:
    file = write(OUTPUTS | {"authorization": "API_KEY"}, tmp_path)
    with pytest.raises(TargetError, match="lacks outputs of an applied stack: api_key_id"):
        find_target(None, file)
