"""A message of the webhook queue is a callback of ours, or told to be none."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from easel_contract.result import ResultStatus, TaskResult
from easel_webhook.callbacks import UnreadableCallbackError, read_callback
from easel_webhook.settings import WebhookSettings

pytestmark = pytest.mark.unit

URL = "https://hooks.example.com/a?token=secret"


def record(body: str, url: str | None = URL) -> dict[str, Any]:
    attributes = {} if url is None else {"callback_url": {"stringValue": url, "dataType": "String"}}
    return {
        "messageId": "m",
        "receiptHandle": "r",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": attributes,
    }


def result(**over: Any) -> str:
    given: dict[str, Any] = {
        "id": "a",
        "result": True,
        "status": ResultStatus.COMPLETED,
        "event_id": "e-1_2",
    }
    return TaskResult(**(given | over)).to_json()


def test_the_body_is_kept_as_it_came() -> None:
    body = "  " + result(context={"b": 1.50}).replace(",", " , ") + "\n"
    callback = read_callback(record(body))
    assert callback.body == body
    assert (callback.event_id, callback.task_id, callback.status) == ("e-1_2", "a", "completed")
    assert (callback.url, callback.host) == (URL, "hooks.example.com")


@pytest.mark.parametrize("name", ["result-completed", "result-failed"])
def test_golden_results_are_read(golden: Callable[[str], Any], name: str) -> None:
    body = TaskResult.model_validate(golden(name)).to_json()
    assert read_callback(record(body)).event_id == golden(name)["event_id"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (record("no JSON"), "no result"),
        (record("{}"), "no result"),
        (record('{"id": "a", "result": true}'), "no result"),
        (record(result(event_id=None)), "event_id"),
        (record(result(event_id="a.b")), "event_id"),
        (record(result(event_id="a\nx: y")), "event_id"),
        (record(result(event_id="a" * 65)), "event_id"),
        (record(result(), None), "callback_url"),
        (record(result(), ""), "callback_url"),
        (record(result(), "http://hooks.example.com/"), "callback_url"),
        (record(result(), "https://user:secret@hooks.example.com/"), "callback_url"),
        (record(result(), "https://hooks.example.com/\r\nx"), "callback_url"),
        ({"messageId": "m", "receiptHandle": "r"}, "callback_url"),
    ],
)
def test_anything_else_is_refused_without_a_word_of_it(message: Any, reason: str) -> None:
    with pytest.raises(UnreadableCallbackError, match=reason) as refused:
        read_callback(message)
    assert "secret" not in str(refused.value)


ENVIRONMENT = {
    "EASEL_WEBHOOK_SECRET_ARN": "arn",
    "EASEL_WEBHOOK_QUEUE_URL": "https://queue",
    "EASEL_WEBHOOK_DEAD_LETTER_QUEUE_URL": "https://dead",
    "EASEL_CALLBACK_HOSTS": '["a.example"]',
    "EASEL_CALLBACK_PRIVATE_HOSTS": "[]",
    "EASEL_LOG_LEVEL": "DEBUG",
    "PATH": "/bin",
}


def test_settings_come_from_the_environment() -> None:
    settings = WebhookSettings.from_environment(ENVIRONMENT)
    assert settings.callback_hosts == {"a.example"}
    assert settings.callback_private_hosts == frozenset()
    assert (settings.log_level, settings.webhook_ca_file) == ("DEBUG", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EASEL_WEBHOOK_SECRET_ARN", ""),
        ("EASEL_WEBHOOK_DEAD_LETTER_QUEUE_URL", None),
        ("EASEL_CALLBACK_HOSTS", "a.example"),
        ("EASEL_CALLBACK_PRIVATE_HOSTS", '{"a": 1}'),
    ],
)
def test_wrong_settings_are_refused(name: str, value: str | None) -> None:
    changed = {k: v for k, v in ENVIRONMENT.items() if k != name}
    if value is not None:
        changed[name] = value
    with pytest.raises(ValidationError):
        WebhookSettings.from_environment(changed)
