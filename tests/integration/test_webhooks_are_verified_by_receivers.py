"""A receiver written with the Standard Webhooks library takes our callbacks, late ones too."""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from moto import mock_aws
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from easel_contract.result import ResultStatus, TaskResult
from easel_webhook import batch, signing
from easel_webhook.posting import PostRules
from tests.integration.webhook_receiver import Answer, WebhookReceiver, drip_headers, flood_body
from tests.integration.webhook_stack import SECRETS, WebhookStack

pytestmark = pytest.mark.integration

BODY = TaskResult(
    id="ünïcode-t2i",
    result=True,
    status=ResultStatus.COMPLETED,
    event_id="5f0c0f3e2f1b4b7d9a6c1d2e3f405162",
    context={"words": "a dog — 狗", "n": 1.10},
).to_json()
SECONDS = 2.0
Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path) as running:
        yield running


def rules(receiver: WebhookReceiver, **over: Any) -> PostRules:
    given: dict[str, Any] = {
        "private_hosts": {"localhost"},
        "ca_file": str(receiver.ca_file),
        "seconds": SECONDS,
    }
    return PostRules(**(given | over))


@pytest.fixture
def stack(receiver: WebhookReceiver) -> Iterator[WebhookStack]:
    with mock_aws():
        yield WebhookStack(rules(receiver))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    """Reads the function's log, in which no secret and no content may stand."""

    def lines() -> list[dict[str, Any]]:
        return [json.loads(r.message) for r in caplog.records if r.name == "easel.webhook"]

    with caplog.at_level(logging.INFO, logger="easel.webhook"):
        yield lines
    written = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    assert "outcome" in written
    for secret in ("secret-of-the-url", "token=", "/hook", "a dog", SECRETS[0], SECRETS[0][6:]):
        assert secret not in written


def verify(delivery: Any, secret: str = SECRETS[0]) -> Any:
    return Webhook(secret).verify(delivery.body, delivery.headers)


def test_the_library_verifies_the_published_bytes(
    stack: WebhookStack, receiver: WebhookReceiver, log: Log
) -> None:
    stack.publish(BODY, receiver.url)
    assert stack.invoke() == []
    (delivery,) = receiver.deliveries
    assert delivery.body == BODY.encode()
    assert delivery.path == "/hook?token=secret-of-the-url"
    assert delivery.headers["Content-Type"] == "application/json"
    assert delivery.headers["webhook-id"] == "5f0c0f3e2f1b4b7d9a6c1d2e3f405162"
    assert verify(delivery)["context"] == {"words": "a dog — 狗", "n": 1.10}
    assert stack.waiting() == (0, 0)
    assert stack.buried() == []
    assert [(line["outcome"], line["http_status"], line["host"]) for line in log()] == [
        ("delivered", 204, "localhost")
    ]


def test_a_changed_byte_is_not_verified(stack: WebhookStack, receiver: WebhookReceiver) -> None:
    stack.publish(BODY, receiver.url)
    stack.invoke()
    (delivery,) = receiver.deliveries
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS[0]).verify(delivery.body.replace(b"true", b"false"), delivery.headers)


def test_what_answers_500_for_a_while_gets_it_later(
    stack: WebhookStack, receiver: WebhookReceiver, log: Log
) -> None:
    receiver.answers.extend([Answer(500), Answer(503, {"Retry-After": "9"}), Answer(429)])
    stack.publish(BODY, receiver.url)
    # Waited for in short: it stays hidden as long as the schedule says.
    with patch.object(batch, "seconds_to_wait", return_value=1) as schedule:
        for _ in range(3):
            assert len(stack.invoke()) == 1
            assert stack.waiting() == (0, 1)
            time.sleep(1.1)
        assert stack.invoke() == []
    assert [call.args for call in schedule.call_args_list] == [(1, 0), (2, 9), (3, 0)]
    assert [line["outcome"] for line in log()] == ["retry", "retry", "retry", "delivered"]
    assert len({d.headers["webhook-id"] for d in receiver.deliveries}) == 1
    assert len({d.headers["webhook-timestamp"] for d in receiver.deliveries}) > 1
    assert [verify(delivery)["result"] for delivery in receiver.deliveries] == [True] * 4


def test_a_repeat_has_the_same_id(stack: WebhookStack, receiver: WebhookReceiver) -> None:
    stack.publish(BODY, receiver.url)
    stack.publish(BODY, receiver.url)
    stack.invoke()
    assert len({delivery.headers["webhook-id"] for delivery in receiver.deliveries}) == 1
    assert {verify(delivery)["id"] for delivery in receiver.deliveries} == {"ünïcode-t2i"}


def test_while_a_secret_rotates_receivers_with_either_verify(
    stack: WebhookStack, receiver: WebhookReceiver
) -> None:
    with patch.object(signing, "CACHE_SECONDS", 0):
        for current, previous in ((1, 0), (2, 1)):
            stack.secrets.put_secret_value(SecretId=stack.secret, SecretString=SECRETS[current])
            stack.publish(BODY, receiver.url)
            stack.invoke()
            delivery = receiver.deliveries[-1]
            assert verify(delivery, SECRETS[current]) == verify(delivery, SECRETS[previous])
    with pytest.raises(WebhookVerificationError):
        verify(receiver.deliveries[-1], SECRETS[0])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            Answer(302, {"Location": "https://169.254.169.254/latest/"}),
            "redirects are not followed",
        ),
        (Answer(307, {"Location": "/elsewhere"}), "redirects are not followed"),
        (Answer(write=flood_body), "redirects are not followed"),
        (Answer(write=drip_headers), "took too long"),
        (Answer(write=lambda _: time.sleep(SECONDS + 1)), "took too long"),
        (Answer(write=lambda _: None), "connection failed"),
        (Answer(404), "answered 404"),
    ],
)
def test_what_no_answer_of_success_is_sent_once_and_again_later(
    stack: WebhookStack,
    receiver: WebhookReceiver,
    log: Log,
    answer: Answer,
    reason: str,
) -> None:
    receiver.answers.append(answer)
    stack.publish(BODY, receiver.url)
    started = time.monotonic()
    assert len(stack.invoke()) == 1
    assert time.monotonic() - started < SECONDS + 1
    assert len(receiver.deliveries) == 1
    assert log()[0]["outcome"] == "retry"
    assert reason in log()[0]["reason"]
    assert 5 <= log()[0]["next_seconds"] <= 6


def test_a_receiver_that_is_gone_for_good_is_asked_once(
    stack: WebhookStack, receiver: WebhookReceiver, log: Log
) -> None:
    receiver.answers.append(Answer(410))
    stack.publish(BODY, receiver.url)
    assert stack.invoke() == []
    (letter,) = stack.buried()
    assert letter["Body"] == BODY
    attributes = {k: v["StringValue"] for k, v in letter["MessageAttributes"].items()}
    assert attributes == {
        "status": "completed",
        "callback_url": receiver.url,
        "dead_letter_reason": "the receiver wants no more of them",
    }
    assert log()[0]["http_status"] == 410


def test_after_the_last_attempt_it_is_a_dead_letter(
    stack: WebhookStack, receiver: WebhookReceiver
) -> None:
    receiver.answers.append(Answer(500))
    stack.publish(BODY, receiver.url)
    assert stack.invoke(ApproximateReceiveCount="12") == []
    assert len(receiver.deliveries) == 1
    (letter,) = stack.buried()
    reason = letter["MessageAttributes"]["dead_letter_reason"]["StringValue"]
    assert reason == "the receiver answered 500"


RESOLVED = {
    "private.test": "10.0.0.5",
    "metadata.test": "169.254.169.254",
    "loopback.test": "127.0.0.1",
    "six.test": "fd00:ec2::254",
    "mapped.test": "::ffff:169.254.169.254",
}


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1:{port}/",
        "https://2130706433:{port}/",
        "https://0x7f000001:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[64:ff9b::169.254.169.254]/",
        "https://[2002:a9fe:a9fe::1]/",
        "https://[fd00:ec2::254]/",
        "https://[::127.0.0.1]:{port}/",
        *(f"https://{name}:{{port}}/" for name in RESOLVED),
        "http://localhost:{port}/",
        "https://user:pass@localhost:{port}/",
        "ftp://localhost/",
        "https://" + "a" * 70 + ".test/",
    ],
)
def test_what_must_not_be_reached_is_a_dead_letter_at_once(
    stack: WebhookStack, receiver: WebhookReceiver, log: Log, url: str
) -> None:
    real = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        return real(RESOLVED.get(host, host), *arguments, **options)

    port = receiver.url.rpartition(":")[2].partition("/")[0]
    stack.publish(BODY, url.format(port=port))
    with patch.object(socket, "getaddrinfo", resolve):
        assert stack.invoke() == []
    assert receiver.deliveries == []
    assert len(stack.buried()) == 1
    assert [line["outcome"] for line in log()] == ["dead_letter"]


def test_an_unknown_certificate_is_not_spoken_to(receiver: WebhookReceiver, log: Log) -> None:
    with mock_aws():
        stack = WebhookStack(rules(receiver, ca_file=None))
        stack.publish(BODY, receiver.url)
        assert len(stack.invoke()) == 1
    assert receiver.deliveries == []
    assert "certificate is not accepted" in log()[0]["reason"]


def test_hosts_that_the_stack_does_not_allow_get_nothing(
    receiver: WebhookReceiver, log: Log
) -> None:
    with mock_aws():
        stack = WebhookStack(rules(receiver, callback_hosts={"hooks.example.com"}))
        stack.publish(BODY, receiver.url)
        assert stack.invoke() == []
        assert len(stack.buried()) == 1
    assert receiver.deliveries == []
    assert "allows no callbacks" in log()[0]["reason"]


def test_slow_receivers_do_not_wait_for_each_other(
    stack: WebhookStack, receiver: WebhookReceiver, log: Log
) -> None:
    receiver.answers.extend([Answer(write=drip_headers)] * 9)
    for _ in range(10):
        stack.publish(BODY, receiver.url)
    started = time.monotonic()
    assert len(stack.invoke()) == 9
    assert time.monotonic() - started < SECONDS + 2
    assert sorted(line["outcome"] for line in log()) == ["delivered"] + ["retry"] * 9
