"""Callbacks are signed with the secret of now and the one before, as Secrets Manager has them."""

import base64
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws
from standardwebhooks.webhooks import Webhook

from easel_webhook.signing import Signer, SigningSecretError, SigningSecrets

pytestmark = pytest.mark.unit

OLD, NEW = "whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8
EVENT, BODY = "5f0c0f3e2f1b4b7d9a6c1d2e3f405162", '{"id":"a"}'


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="us-east-1")


def secret_of(client: Any, value: str) -> str:
    arn: str = client.create_secret(Name="webhooks", SecretString=value)["ARN"]
    return arn


def test_one_signature_before_the_first_rotation(client: Any) -> None:
    headers = SigningSecrets(client, secret_of(client, OLD)).signer().headers(EVENT, BODY)
    assert set(headers) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert headers["webhook-id"] == EVENT
    assert headers["webhook-signature"].count("v1,") == 1
    assert Webhook(OLD).verify(BODY, headers) == {"id": "a"}


def test_two_signatures_after_it(client: Any) -> None:
    arn = secret_of(client, OLD)
    client.put_secret_value(SecretId=arn, SecretString=NEW)
    headers = SigningSecrets(client, arn).signer().headers(EVENT, BODY)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert Webhook(OLD).verify(BODY, headers) == Webhook(NEW).verify(BODY, headers)


def test_the_secret_is_read_once_a_minute(client: Any) -> None:
    arn = secret_of(client, OLD)
    secrets = SigningSecrets(client, arn)
    with patch.object(time, "monotonic") as clock:
        clock.return_value = 1000.0
        first = secrets.signer()
        client.put_secret_value(SecretId=arn, SecretString=NEW)
        clock.return_value = 1059.0
        assert secrets.signer() is first
        clock.return_value = 1061.0
        assert secrets.signer() is not first


@pytest.mark.parametrize(
    "value",
    [
        " ",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_no base64 at all, but long enough",
        "whsec_" + "b2xk" * 8 + "b",
        "b2xk" * 8,
        "ünïcode" * 8,
    ],
)
def test_what_is_no_secret_is_told_without_it(client: Any, value: str) -> None:
    arn = secret_of(client, value)
    with pytest.raises(SigningSecretError) as refused:
        SigningSecrets(client, arn).signer()
    assert str(refused.value) == "the secret is not whsec_ and base64 of 24 bytes or more"


@pytest.mark.parametrize("size", range(24, 65))
def test_a_secret_of_any_good_size_is_taken(size: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(size))).decode()
    for form in (secret, secret.rstrip("=")):
        assert Webhook(secret).verify(BODY, Signer([form]).headers(EVENT, BODY)) == {"id": "a"}


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"), "AccessDen"),
        (ConnectTimeoutError(endpoint_url="https://secrets"), "ConnectTimeoutError"),
    ],
)
def test_secrets_manager_out_of_reach_is_told(client: Any, error: Exception, word: str) -> None:
    secrets = SigningSecrets(client, "arn")
    with (
        patch.object(client, "get_secret_value", side_effect=error),
        pytest.raises(SigningSecretError, match=word),
    ):
        secrets.signer()


def test_the_timestamp_is_of_the_attempt() -> None:
    before = int(time.time())
    headers = Signer([NEW]).headers(EVENT, BODY)
    assert before <= int(headers["webhook-timestamp"]) <= time.time()
