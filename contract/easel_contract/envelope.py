"""An SQS body -> the message in it, whether SNS delivered it raw or in its own envelope.

Envelope: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

import json
from typing import Any, Literal

from pydantic import BaseModel, JsonValue, ValidationError

from easel_contract.errors import ContractError, Problem, problems_of
from easel_contract.identifiers import check_prefix, check_task_id
from easel_contract.json_text import TooManyValuesError, decode_json, encode_json
from easel_contract.result import TaskResult
from easel_contract.task import TaskMessage, check_context


class SnsEnvelope(BaseModel):
    """The JSON object that SNS puts into a queue where raw message delivery is off."""

    Type: Literal["Notification"]
    MessageId: str
    TopicArn: str
    Message: str


class UnreadableTaskError(ContractError):
    """An SQS body that is no task message, with the fields that could be read all the same."""

    def __init__(
        self,
        problems: list[Problem],
        task_id: str | None = None,
        prefix: str | None = None,
        context: JsonValue = None,
    ) -> None:
        super().__init__(problems)
        self.task_id = task_id
        self.prefix = prefix
        self.context = context


def unwrap(body: str) -> JsonValue:
    """Returns the JSON that was published, out of the SNS envelope if there is one.

    Raises:
        ContractError: the body or the enveloped message is not JSON, or has too many values.
    """
    try:
        value = decode_json(body)
        if isinstance(value, dict) and value.get("Type") == "Notification":
            value = decode_json(SnsEnvelope.model_validate(value).Message)
    except ValidationError as error:
        raise ContractError(problems_of(error)) from error
    except TooManyValuesError as error:
        raise ContractError([Problem(field="", problem=str(error))]) from error
    except ValueError as error:
        raise ContractError([Problem(field="", problem=f"is not JSON: {error}")]) from error
    return value


def decode_task(body: str) -> TaskMessage:
    """Reads the task message in an SQS body.

    Raises:
        UnreadableTaskError: it is not one; carries the id, prefix and context where they are good,
            so that its sender can still be told.
    """
    try:
        value = unwrap(body)
    except ContractError as error:
        raise UnreadableTaskError(error.problems, **_readable_parts(_read_loosely(body))) from error
    try:
        return TaskMessage.model_validate(value)
    except ValidationError as error:
        raise UnreadableTaskError(problems_of(error), **_readable_parts(value)) from error


def decode_result(body: str) -> TaskResult:
    """Reads the callback in the body of a queue that subscribes to the notifications topic.

    Raises:
        ContractError: it is not one.
    """
    try:
        return TaskResult.model_validate(unwrap(body))
    except ValidationError as error:
        raise ContractError(problems_of(error)) from error


def _read_loosely(body: str) -> JsonValue:
    """Reads what Python takes for JSON and we do not, such as half of a surrogate pair.

    Of use only to tell the sender; a queue's message is small enough for it.
    """
    try:
        value: JsonValue = json.loads(body)
        if isinstance(value, dict) and value.get("Type") == "Notification":
            value = json.loads(str(value.get("Message")))
    except (ValueError, RecursionError):
        return None
    return value


def _readable_parts(value: JsonValue) -> dict[str, Any]:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(metadata, dict):
        return {}
    parts: dict[str, Any] = {"context": _context_for_callback(metadata.get("context"))}
    for name, key, check in (("task_id", "id", check_task_id), ("prefix", "prefix", check_prefix)):
        text = metadata.get(key)
        try:
            parts[name] = check(text) if isinstance(text, str) else None
        except ValueError:
            parts[name] = None
    return parts


def _context_for_callback(value: JsonValue) -> JsonValue:
    # A larger one would be the callback that no topic takes, and nobody would hear of the task.
    # Read once more, strictly: half of a surrogate pair could be written into no callback.
    try:
        return check_context(decode_json(encode_json(value)))
    except ValueError:
        return None
