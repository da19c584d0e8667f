"""A request with an Idempotency-Key is one task, whatever breaks off in between."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_contract.errors import ApiErrorCode
from easel_intake import handler as handler_module
from easel_records import idempotency

from .test_intake_publishes_what_was_asked import Aws, answer_to, aws

pytestmark = pytest.mark.unit

__all__ = ["aws"]

KEY = {"Idempotency_Key": "order-7"}


@pytest.fixture
def request_(golden: Callable[[str], Any]) -> dict[str, Any]:
    body: dict[str, Any] = golden("request-v1alpha2-text-to-image")
    return body


def failing(*_: Any, **__: Any) -> None:
    raise ClientError({"Error": {"Code": "InternalError", "Message": "down"}}, "Any")


def uid_in(answer: dict[str, Any]) -> str:
    assert answer["statusCode"] == 200, answer
    uid: str = json.loads(answer["body"])["uid"]
    return uid


def code_of(answer: dict[str, Any]) -> tuple[int, str]:
    return answer["statusCode"], json.loads(answer["body"])["error"]["code"]


def test_the_same_request_again_gets_the_same_answer_and_no_second_task(
    aws: Aws, request_: dict[str, Any]
) -> None:
    first, second = answer_to(request_, **KEY), answer_to(request_, **KEY)
    assert first["body"] == second["body"]
    assert "Idempotent-Replayed" not in first["headers"]
    assert second["headers"]["Idempotent-Replayed"] == "true"
    assert len(aws.published()) == 1


def test_without_a_key_each_request_is_a_task_of_its_own(
    aws: Aws, request_: dict[str, Any]
) -> None:
    uids = [uid_in(answer_to(request_)) for _ in range(3)]
    assert sorted(uids) == uids
    assert len(set(uids)) == 3
    assert len(aws.published()) == 3


def test_members_in_another_order_are_the_same_request(aws: Aws, request_: dict[str, Any]) -> None:
    task = request_["task"]
    turned = {"task": {name: task[name] for name in reversed(task)}}
    assert uid_in(answer_to(request_, **KEY)) == uid_in(answer_to(turned, **KEY))
    assert len(aws.published()) == 1


def test_the_key_with_another_body_is_422(aws: Aws, request_: dict[str, Any]) -> None:
    answer_to(request_, **KEY)
    request_["task"]["content"]["prompt"] = "A cat"
    assert code_of(answer_to(request_, **KEY)) == (422, ApiErrorCode.IDEMPOTENCY_KEY_REUSED)
    assert len(aws.published()) == 1


def test_two_tenants_may_use_one_key(aws: Aws, request_: dict[str, Any]) -> None:
    first = uid_in(answer_to(request_, **KEY))
    assert uid_in(answer_to(request_, key_id="key-2", **KEY)) != first
    assert len(aws.published()) == 2


def test_while_the_first_is_being_accepted_the_second_is_409(
    aws: Aws, request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[dict[str, Any]] = []
    publisher = handler_module._intake()._acceptance._publisher
    real = publisher.publish

    def publish(*arguments: Any, **more: Any) -> None:
        during.append(answer_to(request_, **KEY))
        real(*arguments, **more)

    monkeypatch.setattr(publisher, "publish", publish)
    uid_in(answer_to(request_, **KEY))
    assert code_of(during[0]) == (409, ApiErrorCode.REQUEST_IN_PROGRESS)
    assert during[0]["headers"]["Retry-After"] == "1"
    assert len(aws.published()) == 1


def test_a_request_that_could_not_be_published_may_be_sent_again_at_once(
    aws: Aws, request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = handler_module._intake()._acceptance._publisher
    with monkeypatch.context() as patch:
        patch.setattr(publisher, "publish", failing)
        assert code_of(answer_to(request_, **KEY)) == (503, ApiErrorCode.UNAVAILABLE)
    assert aws.records() == []
    uid_in(answer_to(request_, **KEY))
    assert len(aws.published()) == 1
    assert len(aws.records()) == 1


def test_a_message_that_went_out_although_sns_seemed_down_is_the_same_task(
    aws: Aws, request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = handler_module._intake()._acceptance._publisher
    real = publisher.publish

    def publish(*arguments: Any, **more: Any) -> None:
        real(*arguments, **more)
        failing()

    with monkeypatch.context() as patch:
        patch.setattr(publisher, "publish", publish)
        assert code_of(answer_to(request_, **KEY)) == (503, ApiErrorCode.UNAVAILABLE)
    uid = uid_in(answer_to(request_, **KEY))
    messages = [json.loads(message["Message"]) for message in aws.published()]
    assert [message["uid"] for message in messages] == [uid, uid]
    assert [record.uid for record in aws.records()] == [uid]


@pytest.mark.parametrize("broken", ["add", "publish", "complete"])
def test_a_function_that_dies_between_two_writes_makes_no_second_task(
    aws: Aws, request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    class Dies(BaseException):
        """As when Lambda ends the function."""

    def die(*_: Any, **__: Any) -> None:
        raise Dies

    acceptance = handler_module._intake()._acceptance
    owner = {
        "add": acceptance._records,
        "publish": acceptance._publisher,
        "complete": acceptance._keys,
    }[broken]
    with monkeypatch.context() as patch:
        patch.setattr(owner, broken, die)
        with pytest.raises(Dies):
            answer_to(request_, **KEY)
    assert code_of(answer_to(request_, **KEY))[0] == 409
    later = datetime.now(UTC) + timedelta(seconds=31)
    monkeypatch.setattr(acceptance._keys, "_now", lambda: later)
    uid = uid_in(answer_to(request_, **KEY))
    assert {json.loads(message["Message"])["uid"] for message in aws.published()} == {uid}
    assert [record.uid for record in aws.records()] == [uid]


def test_a_key_stands_for_its_request_for_a_day(
    aws: Aws, request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = uid_in(answer_to(request_, **KEY))
    keys = handler_module._intake()._acceptance._keys
    later = datetime.now(UTC) + timedelta(hours=idempotency.KEPT_HOURS, seconds=1)
    monkeypatch.setattr(keys, "_now", lambda: later)
    assert uid_in(answer_to(request_, **KEY)) != first
    assert len(aws.published()) == 2


@pytest.mark.parametrize("key", ["", '""', " ", "two words", "x" * 256, "with\ttab", "größe"])
def test_a_key_that_is_none_is_400(aws: Aws, request_: dict[str, Any], key: str) -> None:
    answer = answer_to(request_, Idempotency_Key=key)
    assert code_of(answer) == (400, ApiErrorCode.INVALID_REQUEST)
    assert json.loads(answer["body"])["error"]["details"][0]["field"] == "Idempotency-Key"
    assert aws.published() == []


def test_a_key_in_the_body_that_is_none_is_400(aws: Aws, request_: dict[str, Any]) -> None:
    for key in ("", "two words", "größe", 7):
        request_["task"]["metadata"]["idempotency_key"] = key
        answer = answer_to(request_)
        assert code_of(answer) == (400, ApiErrorCode.INVALID_REQUEST)
        [problem] = json.loads(answer["body"])["error"]["details"]
        assert problem["field"] == "task.metadata.idempotency_key"
    assert aws.published() == []


def test_a_key_in_the_body_counts_too_and_goes_no_further(
    aws: Aws, request_: dict[str, Any]
) -> None:
    request_["task"]["metadata"]["idempotency_key"] = "order-7"
    assert uid_in(answer_to(request_)) == uid_in(answer_to(request_, Idempotency_Key='"order-7"'))
    assert code_of(answer_to(request_, Idempotency_Key="other"))[0] == 400
    [message] = aws.published()
    assert "idempotency_key" not in json.loads(message["Message"])["metadata"]


def test_a_key_that_the_stack_does_not_name_is_no_caller(
    aws: Aws, request_: dict[str, Any]
) -> None:
    answer = answer_to(request_, key_id="key-of-another-stack")
    assert code_of(answer) == (403, ApiErrorCode.FORBIDDEN)
    assert aws.published() == []


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://hooks.example.com/easel?token=1", 200),
        ("https://HOOKS.example.com:8443/x", 200),
        ("https://other.example.com/x", 400),
        ("http://hooks.example.com/x", 400),
        ("https://user:secret@hooks.example.com/x", 400),
        ("https://hooks.example.com/a b", 400),
    ],
)
def test_callbacks_go_only_where_the_stack_lets_them(
    aws: Aws, request_: dict[str, Any], url: str, status: int
) -> None:
    request_["task"]["metadata"]["callback_url"] = url
    assert answer_to(request_)["statusCode"] == status
    assert len(aws.published()) == (status == 200)
