"""`easel eks token`, and that the API server in memory takes no other token."""

import base64
import datetime
import json
import time
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest

from easel_deploy.cluster.eks_token import PREFIX, exec_credential, token
from easel_deploy.cluster.errors import ClusterError
from easel_local.kubernetes.errors import ApiError
from easel_local.kubernetes.tokens import EksAuthenticator

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    # None of them may lead the token to another host.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signed_by(key: str = "test", secret: str = "test", session_token: str | None = None) -> str:
    session = boto3.Session(
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=session_token
    )
    return token(session, "easel", "us-east-1")


def url_in(bearer_token: str) -> str:
    encoded = bearer_token.removeprefix(PREFIX)
    assert "=" not in encoded
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "sts.us-east-1.amazonaws.com"),
        ("cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn"),
    ],
)
def test_a_token_is_a_signed_call_to_the_regions_own_sts(region: str, host: str) -> None:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    url = urlsplit(url_in(token(session, "easel", region)))
    query = dict(parse_qsl(url.query))
    assert (url.scheme, url.netloc, url.path) == ("https", host, "/")
    assert query["Action"] == "GetCallerIdentity"
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Expires"] == "60"


def test_a_roles_session_is_in_the_token() -> None:
    assert "X-Amz-Security-Token=of-a-role" in url_in(signed_by(session_token="of-a-role"))


def test_without_credentials_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(ClusterError, match="AWS_PROFILE"):
        token(boto3.Session(), "easel", "us-east-1")


def test_a_plugins_answer_ends_before_the_token_does() -> None:
    said = json.loads(exec_credential("k8s-aws-v1.x"))
    assert said["kind"] == "ExecCredential"
    assert said["status"]["token"] == "k8s-aws-v1.x"
    until = datetime.datetime.fromisoformat(said["status"]["expirationTimestamp"])
    left = (until - datetime.datetime.now(datetime.UTC)).total_seconds()
    assert 13 * 60 < left < 15 * 60


@pytest.fixture
def authenticator() -> EksAuthenticator:
    return EksAuthenticator("easel", {"test": "test"}, own_token="own")


def test_the_server_takes_its_clusters_token_and_its_own(authenticator: EksAuthenticator) -> None:
    authenticator(f"Bearer {signed_by()}")
    authenticator(f"Bearer {signed_by(session_token='of-a-role')}")
    authenticator("Bearer own")


@pytest.mark.parametrize(
    ("authorization", "why"),
    [
        (None, "no Authorization"),
        ("Basic dGVzdDp0ZXN0", "no token of EKS"),
        ("Bearer owm", "no token of EKS"),
        ("Bearer k8s-aws-v1.%%%", "no base64url|no regional host"),
        (f"Bearer {PREFIX}{base64.urlsafe_b64encode(b'https://evil.example/').decode()}", "host"),
    ],
)
def test_the_server_refuses_what_is_no_token(
    authenticator: EksAuthenticator, authorization: str | None, why: str
) -> None:
    with pytest.raises(ApiError, match=why):
        authenticator(authorization)


def changed(before: str, after: str) -> str:
    url = url_in(signed_by())
    assert before in url
    return PREFIX + base64.urlsafe_b64encode(url.replace(before, after).encode()).decode()


def test_the_server_refuses_what_another_signed(authenticator: EksAuthenticator) -> None:
    other_cluster = EksAuthenticator("other", {"test": "test"}, own_token="own")
    with pytest.raises(ApiError, match="another cluster than other"):
        other_cluster(f"Bearer {signed_by()}")
    with pytest.raises(ApiError, match="signed for another cluster"):
        authenticator(f"Bearer {signed_by(secret='guessed')}")
    with pytest.raises(ApiError, match="access key is not known"):
        authenticator(f"Bearer {signed_by(key='AKIAOTHER')}")
    with pytest.raises(ApiError, match="Action"):
        authenticator(f"Bearer {changed('GetCallerIdentity', 'GetSessionToken')}")
    with pytest.raises(ApiError, match="SignedHeaders"):
        authenticator(f"Bearer {changed('host%3Bx-k8s-aws-id', 'host')}")


def test_the_server_refuses_a_token_that_has_ended(
    authenticator: EksAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = signed_by()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=16)

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, _: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return later

    monkeypatch.setattr("easel_local.kubernetes.tokens.datetime.datetime", Clock)
    with pytest.raises(ApiError, match="has ended"):
        authenticator(f"Bearer {old}")
    assert time.time() < later.timestamp()
