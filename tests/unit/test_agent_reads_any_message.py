"""Whatever a queue brings: no message ends the agent, none is lost, and its sender is told.

A part of `make fuzz`, which reads 100,000.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from easel_agent.failure_handler import FailureHandler
from easel_contract.errors import TaskErrorCode
from tests.fuzz.messages import Messages
from tests.fuzz.reader import MessageReader

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("without_logs")]

MESSAGES = 3000


def test_messages_of_all_kinds_are_seen_to() -> None:
    reader = MessageReader()
    bodies = itertools.islice(Messages(seed=26), MESSAGES)
    endings = Counter(reader.read(body)[0] for body in bodies)
    assert endings.total() == MESSAGES
    # Good ones, tasks that fail, and what is no task: each in numbers.
    assert min(endings["ready"], endings["done"], endings["dead-lettered"]) > MESSAGES / 20


def test_a_lost_message_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FailureHandler, "dead_letter_unreadable", lambda *_: None)
    with pytest.raises(AssertionError, match="a message is lost: received"):
        MessageReader().read("{}")


def test_a_sender_who_is_not_told_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FailureHandler, "_tell_sender", lambda *_: None)
    with pytest.raises(AssertionError, match="its sender was not told"):
        MessageReader().read('{"metadata": {"id": "mine"}}')


UNREADABLE: dict[str, Callable[[dict[str, Any]], str]] = {
    "too many values": lambda task: json.dumps(
        task | {"content": {"a": [1] * 101_000}}, separators=(",", ":")
    ),
    "half of a surrogate pair": lambda task: json.dumps(task | {"content": "\ud800"}),
    "no number": lambda task: json.dumps(task | {"content": float("nan")}),
    "nested too deeply": lambda task: (
        json.dumps(task)[:-1] + ', "content": ' + "[" * 300 + "]" * 300 + "}"
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("in_envelope", [False, True])
def test_whoever_sent_what_is_no_json_of_ours_is_told(kind: str, in_envelope: bool) -> None:
    metadata = {"id": "mine", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "out"}
    body = UNREADABLE[kind]({"metadata": metadata | {"context": ["c"]}})
    if in_envelope:
        envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": "t", "Message": body}
        body = json.dumps(envelope)
    ending, notes = MessageReader().read(body)
    assert ending == "dead-lettered"
    (callback,) = notes.callbacks
    assert (callback.id, callback.context) == ("mine", ["c"])
    assert callback.error is not None
    assert callback.error.code is TaskErrorCode.INVALID_TASK
