"""Sends the callbacks of a batch at once, and settles each for itself."""

import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.emf import metric_line
from easel_contract.metrics import (
    CALLBACK_TIME,
    CALLBACKS_DEAD_LETTERED,
    CALLBACKS_DELIVERED,
    CALLBACKS_RETRIED,
    Dimension,
    Metric,
)
from easel_webhook.callback_queue import CallbackQueue
from easel_webhook.callbacks import Callback, UnreadableCallbackError, read_callback
from easel_webhook.posting import Attempt, PostRules, Verdict, post_callback
from easel_webhook.schedule import seconds_to_wait
from easel_webhook.signing import Signer, SigningSecretError, SigningSecrets

logger = logging.getLogger("easel.webhook")

BATCH_SIZE = 10
"""Callbacks sent at once, and the most that an event may bring (modules/api-fanout)."""

_MAX_LOGGED = 128
"""Characters of a text from outside in a log."""

Record = Mapping[str, Any]


class CallbackBatches:
    """Sends batches of callbacks; made once per Lambda environment."""

    def __init__(
        self, secrets: SigningSecrets, queue: CallbackQueue, rules: PostRules, stack: str = ""
    ) -> None:
        self._stack = stack
        self._secrets = secrets
        self._queue = queue
        self._rules = rules

    def send(self, records: Sequence[Record], request_id: str | None) -> list[str]:
        """POSTs callbacks, puts off those to send again and puts away those that are final.

        Args:
            records: of an SQS event.
            request_id: of the invocation, for the log.

        Returns:
            Ids of the messages that must stay in the queue.
        """
        if not records:
            return []
        settle = partial(self._settle, self._signer(), request_id)
        with ThreadPoolExecutor(BATCH_SIZE, thread_name_prefix="callback") as pool:
            stays = list(pool.map(settle, records))
        return [record["messageId"] for record, stay in zip(records, stays, strict=True) if stay]

    def _signer(self) -> Signer | SigningSecretError:
        try:
            return self._secrets.signer()
        except SigningSecretError as error:
            return error

    def _settle(
        self, signer: Signer | SigningSecretError, request_id: str | None, record: Record
    ) -> bool:
        entry = {"request_id": request_id, "message_id": record["messageId"]}
        try:
            return self._attempt(signer, record, entry)
        except (ClientError, BotoCoreError) as error:
            # It stays, and comes again when the queue's own time is over.
            _log(entry | {"outcome": "error", "reason": f"SQS: {type(error).__name__}"})
        except Exception:
            logger.exception("unexpected error")
        return True

    def _attempt(
        self, signer: Signer | SigningSecretError, record: Record, entry: dict[str, Any]
    ) -> bool:
        started = time.monotonic()
        try:
            callback = read_callback(record)
        except UnreadableCallbackError as error:
            attempt = Attempt(Verdict.FINAL, str(error))
        else:
            attempt = self._post(callback, signer)
            entry |= _described(callback)
        count = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        entry |= {
            "attempt": count,
            "http_status": attempt.http_status,
            "seconds": round(time.monotonic() - started, 3),
        }
        return self._follow(attempt, count, record, entry)

    def _post(self, callback: Callback, signer: Signer | SigningSecretError) -> Attempt:
        if isinstance(signer, SigningSecretError):
            return Attempt(Verdict.RETRY, str(signer))
        signature = signer.headers(callback.event_id, callback.body)
        return post_callback(callback, signature, self._rules)

    def _follow(self, attempt: Attempt, count: int, record: Record, entry: dict[str, Any]) -> bool:
        """Does what an attempt means, and tells whether the message stays in the queue."""
        if attempt.verdict is Verdict.DELIVERED:
            _log(entry | {"outcome": "delivered"})
            self._count(CALLBACKS_DELIVERED, entry)
            return False
        wait = None
        if attempt.verdict is Verdict.RETRY:
            wait = seconds_to_wait(count, attempt.retry_after)
        if wait is None:
            _log(entry | {"outcome": "dead_letter", "reason": attempt.reason})
            self._queue.dead_letter(record, attempt.reason)
            self._count(CALLBACKS_DEAD_LETTERED, entry)
            return False
        _log(entry | {"outcome": "retry", "reason": attempt.reason, "next_seconds": wait})
        self._queue.put_off(record, wait)
        self._count(CALLBACKS_RETRIED, entry)
        return True

    def _count(self, metric: Metric, entry: dict[str, Any]) -> None:
        values = {metric: 1, CALLBACK_TIME: entry["seconds"]}
        ids = {"task_uid": entry.get("uid"), "event_id": entry.get("event_id")}
        # One write: callbacks are sent by several threads.
        sys.stdout.write(metric_line(values, {Dimension.STACK: self._stack}, ids) + "\n")


def _described(callback: Callback) -> dict[str, Any]:
    return {
        "event_id": callback.event_id,
        "task_id": callback.task_id[:_MAX_LOGGED],
        "uid": callback.uid,
        "status": callback.status,
        "host": callback.host[:_MAX_LOGGED],
    }


def _log(entry: dict[str, Any]) -> None:
    logger.info(json.dumps(entry))
