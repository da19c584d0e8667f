"""`easel webhook secret` writes a version once, and tells nobody the value."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_deploy.main import main
from easel_deploy.request_variables import WEBHOOK_VARIABLE as VARIABLE

pytestmark = pytest.mark.unit


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    # The program catches signals; pytest keeps its own handlers.
    monkeypatch.setattr("easel_deploy.main.signal.signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["easel-deploy", "webhook", "secret"])
    with mock_aws():
        yield boto3.client("secretsmanager", "us-east-1")


def run(monkeypatch: pytest.MonkeyPatch, arn: str, version: int) -> int:
    request = {"secret_arn": arn, "region": "us-east-1", "version": version}
    monkeypatch.setenv(VARIABLE, json.dumps(request))
    return main()


def value_of(client: Any, arn: str, stage: str = "AWSCURRENT") -> str:
    value: str = client.get_secret_value(SecretId=arn, VersionStage=stage)["SecretString"]
    return value


def test_a_secret_is_made_as_standard_webhooks_has_it(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = client.create_secret(Name="webhook")["ARN"]
    assert run(monkeypatch, arn, 1) == 0
    value = value_of(client, arn)
    assert len(base64.b64decode(value.removeprefix("whsec_"))) == 32
    printed = capsys.readouterr()
    assert value not in printed.out + printed.err


def test_the_same_version_again_changes_nothing_and_a_higher_one_rotates(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = client.create_secret(Name="webhook")["ARN"]
    assert run(monkeypatch, arn, 1) == 0
    first = value_of(client, arn)
    assert run(monkeypatch, arn, 1) == 0
    assert value_of(client, arn) == first
    assert run(monkeypatch, arn, 2) == 0
    assert value_of(client, arn) != first
    assert value_of(client, arn, "AWSPREVIOUS") == first


def test_a_failure_is_said_without_a_traceback(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client
    assert run(monkeypatch, "arn:aws:secretsmanager:us-east-1:123456789012:secret:none", 1) == 1
    assert "the webhooks' secret was not written" in capsys.readouterr().err
    monkeypatch.setenv(VARIABLE, "{}")
    assert main() == 2
    assert f"{VARIABLE} is no request" in capsys.readouterr().err
