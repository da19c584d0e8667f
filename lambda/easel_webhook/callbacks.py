"""A record of the queue's event -> the callback to POST."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from easel_contract import attributes
from easel_contract.callback_url import callback_host, check_callback_url
from easel_contract.result import ResultStatus, TaskResult

# As a part of the signed text an event's id must hold no full stop, and as a header no line break.
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class UnreadableCallbackError(Exception):
    """The message is no callback that can be POSTed; the message says why, without its content."""


@dataclass(frozen=True)
class Callback:
    """A callback of a task.

    Attributes:
        url: where to.
        body: the exact text that was published.
        event_id: the same in every repeat.
        task_id: its sender's label.
        uid: of the task; None where the message was no task.
        status: what it tells.
    """

    url: str
    body: str
    event_id: str
    task_id: str
    uid: str | None
    status: ResultStatus

    @property
    def host(self) -> str:
        """The URL's host. Path and query may hold a receiver's secret: they are not logged."""
        return callback_host(self.url)


def read_callback(record: Mapping[str, Any]) -> Callback:
    """Reads a record of an SQS event, delivered raw by SNS.

    Raises:
        UnreadableCallbackError: it is no result of ours, or names no good URL.
    """
    attribute = record.get("messageAttributes", {}).get(attributes.CALLBACK_URL, {})
    try:
        url = check_callback_url(attribute.get("stringValue") or "")
    except ValueError as error:
        raise UnreadableCallbackError(f"callback_url {error}") from None
    body = str(record.get("body", ""))
    try:
        result = TaskResult.model_validate_json(body)
    except ValidationError:
        raise UnreadableCallbackError("the message is no result of a task") from None
    if not _EVENT_ID.fullmatch(result.event_id or ""):
        raise UnreadableCallbackError("the result has no event_id that a header can hold")
    return Callback(
        url=url,
        body=body,
        event_id=result.event_id or "",
        task_id=result.id,
        uid=result.uid,
        status=result.status,
    )
