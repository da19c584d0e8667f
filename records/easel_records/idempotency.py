"""Idempotency keys: the same key and request again leads to the same task.

After https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/: the same key with
the same request gets the same answer, with another request 422, while the first request is still
being accepted 409.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from easel_contract.json_text import encode_json
from easel_contract.record import (
    IDEMPOTENCY_KEY_PREFIX,
    PARTITION_KEY,
    Item,
    epoch_text,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_HOURS = 24
"""How long a key stands for its request."""

_CONDITION = (
    "attribute_not_exists(pk) OR #expires_at < :now "
    "OR (attribute_not_exists(#answer) AND #locked_until < :now AND #fingerprint = :fingerprint)"
)


class KeyReusedError(Exception):
    """The key came before, with another request."""


class KeyInUseError(Exception):
    """The first request with the key is still being accepted."""


@dataclass(frozen=True)
class Reservation:
    """What a key stands for.

    Attributes:
        uid: of the task.
        answer: to the first request; None where the task is the caller's to accept.
    """

    uid: str
    answer: str | None


def fingerprint_of(request: Any) -> str:
    """Returns a digest of a request's JSON; the order of object members makes no difference."""
    return hashlib.sha256(encode_json(_sorted(request)).encode()).hexdigest()


class IdempotencyKeys:
    """The table's items of idempotency keys.

    Methods raise botocore's errors where DynamoDB does not answer.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table_name: str,
        *,
        lock_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Writes nothing yet.

        Args:
            dynamodb: client.
            table_name: of the stack.
            lock_seconds: after which a request that was never finished may be accepted by a
                repeat: longer than accepting takes at most.
            now: the time of day, with a time zone.
        """
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._lock_seconds = lock_seconds
        self._now = now

    def reserve(self, tenant: str, key: str, fingerprint: str, uid: str) -> Reservation:
        """Takes a key for a request, or finds what the key stands for.

        Args:
            tenant: whose key it is: two tenants may use the same.
            key: as it was sent.
            fingerprint: of the request.
            uid: of the task that a new key is to stand for.

        Raises:
            KeyReusedError: the key stands for another request.
            KeyInUseError: the first request with it is still being accepted.
        """
        now = self._now()
        item = self._item(tenant, key) | {
            "fingerprint": {"S": fingerprint},
            "task_uid": {"S": uid},
            "locked_until": {"N": epoch_text(now + timedelta(seconds=self._lock_seconds))},
            "expires_at": {
                "N": epoch_text((now + timedelta(hours=KEPT_HOURS)).replace(microsecond=0))
            },
        }
        existing = self._put(item, fingerprint, now)
        if existing is None:
            return Reservation(uid, None)
        if existing["fingerprint"]["S"] != fingerprint:
            raise KeyReusedError
        first_uid = existing["task_uid"]["S"]
        if first_uid == uid:
            # Written by this very call, whose answer was lost: the SDK repeats such calls.
            return Reservation(uid, None)
        if "answer" in existing:
            return Reservation(first_uid, existing["answer"]["S"])
        if float(existing["locked_until"]["N"]) >= now.timestamp():
            raise KeyInUseError
        # A request that broke off: this one goes on with its task, under its uid.
        if self._put(item | {"task_uid": {"S": first_uid}}, fingerprint, now, take_over=True):
            raise KeyInUseError
        return Reservation(first_uid, None)

    def complete(self, tenant: str, key: str, answer: str) -> None:
        """Notes the answer to the request that a key was reserved for."""
        self._dynamodb.update_item(
            TableName=self._table_name,
            Key=self._item(tenant, key),
            UpdateExpression="SET #answer = :answer",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#answer": "answer"},
            ExpressionAttributeValues={":answer": {"S": answer}},
        )

    def release(self, tenant: str, key: str) -> None:
        """Lets a request be sent again at once whose task could not be accepted."""
        self._dynamodb.update_item(
            TableName=self._table_name,
            Key=self._item(tenant, key),
            UpdateExpression="SET #locked_until = :never",
            ConditionExpression="attribute_exists(pk) AND attribute_not_exists(#answer)",
            ExpressionAttributeNames={"#locked_until": "locked_until", "#answer": "answer"},
            ExpressionAttributeValues={":never": {"N": "0"}},
        )

    def _put(
        self, item: Item, fingerprint: str, now: datetime, *, take_over: bool = False
    ) -> Item | None:
        """Writes an item; returns the one that stands in the way, if there is one."""
        condition = "attribute_not_exists(pk) OR #expires_at < :now"
        names = {"#expires_at": "expires_at"}
        values: Item = {":now": {"N": epoch_text(now)}}
        if take_over:
            condition = _CONDITION
            names |= {name: name[1:] for name in ("#answer", "#locked_until", "#fingerprint")}
            values[":fingerprint"] = {"S": fingerprint}
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            response: dict[str, Any] = dict(error.response)
            if response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            existing: Item = response["Item"]
            return existing
        return None

    def _item(self, tenant: str, key: str) -> Item:
        digest = hashlib.sha256(f"{tenant}\0{key}".encode()).hexdigest()
        return {PARTITION_KEY: {"S": IDEMPOTENCY_KEY_PREFIX + digest}}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
