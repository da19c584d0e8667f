"""One bad callback, or AWS failing for one, changes nothing for the others of its batch."""

import json
import logging
from collections.abc import Mapping
from typing import Any
from unittest.mock import create_autospec, patch

import pytest
from botocore.exceptions import ClientError

from easel_contract.result import ResultStatus, TaskResult
from easel_webhook import batch, handler
from easel_webhook.batch import CallbackBatches
from easel_webhook.callback_queue import CallbackQueue
from easel_webhook.callbacks import Callback
from easel_webhook.posting import Attempt, PostRules, Verdict
from easel_webhook.signing import Signer, SigningSecretError, SigningSecrets

pytestmark = pytest.mark.unit

ATTEMPTS = {
    "good": Attempt(Verdict.DELIVERED, http_status=200),
    "busy": Attempt(Verdict.RETRY, "answered 500", 500),
    "gone": Attempt(Verdict.FINAL, "wants no more", 410),
}


def record(name: str, count: int = 1) -> dict[str, Any]:
    status = ResultStatus.COMPLETED
    return {
        "messageId": name,
        "receiptHandle": f"handle-{name}",
        "body": TaskResult(id=name, result=True, status=status, event_id="e").to_json(),
        "attributes": {"ApproximateReceiveCount": str(count)},
        "messageAttributes": {"callback_url": {"stringValue": f"https://{name}.example/"}},
    }


def post(callback: Callback, signature: Mapping[str, str], rules: PostRules) -> Attempt:
    assert signature["webhook-id"] == "e"
    assert rules == PostRules()
    if callback.task_id == "bug":
        raise RuntimeError("a mistake of ours")
    return ATTEMPTS[callback.task_id]


class World:
    def __init__(self) -> None:
        self.queue = create_autospec(CallbackQueue, instance=True)
        self.secrets = create_autospec(SigningSecrets, instance=True)
        self.secrets.signer.return_value = Signer(["whsec_" + "b2xk" * 8])
        self.batches = CallbackBatches(self.secrets, self.queue, PostRules())

    def send(self, *records: dict[str, Any]) -> list[str]:
        with patch.object(batch, "post_callback", post):
            return self.batches.send(records, "request-1")


@pytest.fixture
def world() -> World:
    return World()


REFUSED = ClientError({"Error": {"Code": "AccessDenied"}}, "any")


def test_each_gets_what_its_own_attempt_means(world: World) -> None:
    broken = record("broken") | {"body": "no JSON"}
    assert world.send(record("good"), record("busy", 3), record("gone"), broken) == ["busy"]
    ((put_off, seconds),) = (call.args for call in world.queue.put_off.call_args_list)
    assert put_off["messageId"] == "busy"
    assert 120 <= seconds <= 132
    letters = {call.args[0]["messageId"] for call in world.queue.dead_letter.call_args_list}
    assert letters == {"gone", "broken"}


def test_a_mistake_of_ours_leaves_the_message_in_the_queue(world: World) -> None:
    assert world.send(record("bug"), record("good")) == ["bug"]


def test_where_sqs_fails_the_message_stays_in_the_queue(world: World) -> None:
    world.queue.put_off.side_effect = world.queue.dead_letter.side_effect = REFUSED
    assert world.send(record("busy"), record("gone"), record("good")) == ["busy", "gone"]


def test_without_a_secret_nothing_is_sent_and_all_are_put_off(world: World) -> None:
    world.secrets.signer.side_effect = SigningSecretError("the secret cannot be read")
    assert world.send(record("good"), record("gone")) == ["good", "gone"]
    assert world.queue.put_off.call_count == 2
    world.queue.dead_letter.assert_not_called()


def test_without_a_secret_for_a_day_they_are_dead_letters(world: World) -> None:
    world.secrets.signer.side_effect = SigningSecretError("the secret cannot be read")
    assert world.send(record("good", 12)) == []
    assert world.queue.dead_letter.call_args.args[1] == "the secret cannot be read"


def test_an_empty_event_reads_no_secret(world: World) -> None:
    assert world.send() == []
    world.secrets.signer.assert_not_called()


def test_each_attempt_is_one_line_of_json(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="easel.webhook"):
        world.send(record("busy", 2))
    (line,) = (json.loads(entry.message) for entry in caplog.records)
    assert 30 <= line.pop("next_seconds") <= 33
    assert line.pop("seconds") >= 0
    assert line == {
        "request_id": "request-1",
        "message_id": "busy",
        "event_id": "e",
        "task_id": "busy",
        "uid": None,
        "status": "completed",
        "host": "busy.example",
        "attempt": 2,
        "http_status": 500,
        "outcome": "retry",
        "reason": "answered 500",
    }


def test_the_handler_answers_as_an_event_source_mapping_asks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "_batches", lambda: world.batches)
    with patch.object(batch, "post_callback", post):
        answer = handler.handler({"Records": [record("good"), record("busy")]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "busy"}]}
