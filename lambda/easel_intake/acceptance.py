"""Makes a task of a good request: its record, then its message.

In this order nothing is lost and nothing done twice. A task that is published has a record. A task
whose record is written but that could not be published is taken back; where the function dies in
between, a repeat with the same idempotency key finishes it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import JsonValue

from easel_contract.errors import ApiErrorCode
from easel_contract.record import TaskRecord
from easel_contract.uid import new_uid
from easel_http.callers import Caller
from easel_http.events import RefusedRequestError
from easel_intake.api_requests import RequestedTask
from easel_intake.idempotent_requests import key_of
from easel_intake.publishing import TaskPublisher
from easel_records.acceptance import AcceptedTasks
from easel_records.idempotency import (
    IdempotencyKeys,
    KeyInUseError,
    KeyReusedError,
    fingerprint_of,
)

logger = logging.getLogger("easel.intake")


@dataclass(frozen=True)
class Accepted:
    """A task that was accepted, now or by an earlier request with the same key.

    Attributes:
        uid: of the task.
        answer: the body of the answer.
        is_replay: whether an earlier request got the same answer.
        trace_id: of the task's trace; None where that was begun by the earlier request.
    """

    uid: str
    answer: str
    is_replay: bool
    trace_id: str | None = None


class Acceptance:
    """Accepts tasks for one stack."""

    def __init__(
        self,
        publisher: TaskPublisher,
        records: AcceptedTasks,
        keys: IdempotencyKeys,
        *,
        bucket: str,
        retention: timedelta,
    ) -> None:
        self._publisher = publisher
        self._records = records
        self._keys = keys
        self._bucket = bucket
        self._retention = retention

    def accept(
        self, event: Mapping[str, Any], body: JsonValue, task: RequestedTask, caller: Caller
    ) -> Accepted:
        """Accepts a task.

        Args:
            event: of the request, for its idempotency key and its path.
            body: of the request, as it was sent.
            task: that the request asks for.
            caller: who sends it.

        Raises:
            RefusedRequestError: the idempotency key was used for another request, or is in use, or
                AWS did not take the task.
        """
        key = key_of(event, task.metadata)
        try:
            if key is None:
                return self._publish(task, caller, new_uid())
            return self._accept_once(key, [event.get("resource"), body], task, caller)
        except (ClientError, BotoCoreError) as error:
            logger.exception("the task was not published")
            raise RefusedRequestError(
                ApiErrorCode.UNAVAILABLE,
                "The task could not be queued. Send it again later.",
                headers={"Retry-After": "5"},
            ) from error

    def _accept_once(
        self, key: str, request: JsonValue, task: RequestedTask, caller: Caller
    ) -> Accepted:
        try:
            reserved = self._keys.reserve(caller.tenant, key, fingerprint_of(request), new_uid())
        except KeyReusedError as error:
            raise RefusedRequestError(
                ApiErrorCode.IDEMPOTENCY_KEY_REUSED,
                "The Idempotency-Key was used in the last 24 hours for another request.",
            ) from error
        except KeyInUseError as error:
            raise RefusedRequestError(
                ApiErrorCode.REQUEST_IN_PROGRESS,
                "A request with this Idempotency-Key is being accepted. Send it again in a moment.",
                headers={"Retry-After": "1"},
            ) from error
        if reserved.answer is not None:
            return Accepted(reserved.uid, reserved.answer, is_replay=True)
        try:
            accepted = self._publish(task, caller, reserved.uid)
        except (ClientError, BotoCoreError):
            self._try(lambda: self._keys.release(caller.tenant, key))
            raise
        # Should this fail, a repeat finds the lock expired and publishes the same task once more:
        # one record, one begin.
        self._try(lambda: self._keys.complete(caller.tenant, key, accepted.answer))
        return accepted

    def _publish(self, task: RequestedTask, caller: Caller, uid: str) -> Accepted:
        message = self._publisher.message_of(task, uid=uid, tenant=caller.tenant)
        expires_at = (datetime.now(UTC) + self._retention).replace(microsecond=0)
        record = TaskRecord.accepted(
            message, uid=uid, tenant=caller.tenant, scope=caller.scope, expires_at=expires_at
        )
        self._records.add(record)
        try:
            self._publisher.publish(message, checkpoint=task.checkpoint)
        except (ClientError, BotoCoreError):
            self._try(lambda: self._records.discard(uid))
            raise
        answer = task.accepted(self._bucket, uid).model_dump_json()
        return Accepted(uid, answer, is_replay=False, trace_id=record.trace_id)

    def _try(self, act: Any) -> None:
        """Does what is nice to have done: where AWS fails, the answer is the same."""
        try:
            act()
        except (ClientError, BotoCoreError):
            logger.exception("a record was not brought up to date")
