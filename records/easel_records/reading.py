"""Queries of the API: one task, a caller's tasks, a runtime's queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from easel_contract.record import (
    ACTIVE_INDEX,
    LABEL_INDEX,
    PARTITION_KEY,
    SCOPE_INDEX,
    Item,
    TaskRecord,
    TaskStatus,
    active_of,
    label_of,
    record_of,
    task_key,
)
from easel_contract.uid import created_at_of
from easel_records.table import TaskTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH = 100
"""Items that one BatchGetItem may ask for."""
_BATCHES_A_PAGE = 5
"""A filter that hardly a task passes must not read the whole table for one page."""
_BATCH_TRIES = 5


@dataclass(frozen=True)
class TaskFilter:
    """Which of a caller's tasks to list; None is any.

    Attributes:
        task_id: their sender's id.
        runtime: name.
        status: state.
        first_uid: the lowest uid to list.
    """

    task_id: str | None = None
    runtime: str | None = None
    status: TaskStatus | None = None
    first_uid: str = ""

    @property
    def is_of_indexes(self) -> bool:
        """Whether an index alone finds the tasks."""
        return self.runtime is None and self.status is None

    def passes(self, record: TaskRecord) -> bool:
        """Returns whether a task is to be listed, as far as no index knows."""
        runtime_fits = self.runtime in (None, record.runtime)
        return runtime_fits and self.status in (None, record.status)


@dataclass(frozen=True)
class Page:
    """Some tasks, newest first.

    Attributes:
        records: as they are.
        cursor: `before` of the next page; None where there is none.
    """

    records: list[TaskRecord]
    cursor: str | None


class TaskReading:
    """Reads from the table. All methods raise botocore's errors where DynamoDB does not answer."""

    def __init__(self, table: TaskTable) -> None:
        self._table = table

    @property
    def _dynamodb(self) -> "DynamoDBClient":
        return self._table.dynamodb

    def find(self, uid: str) -> TaskRecord | None:
        """Returns the record of a uid; None where there is none."""
        return self._table.get(uid)

    def latest(self, scope: str, task_id: str) -> TaskRecord | None:
        """Returns the newest task of an id in a scope; None where there is none."""
        query = self._keys(LABEL_INDEX, "label", label_of(scope, task_id), "")
        uids, _ = self._query(query | {"Limit": 1})
        return self._table.get(uids[0]) if uids else None

    def page(self, scope: str, wanted: TaskFilter, *, limit: int, before: str | None) -> Page:
        """Returns tasks of a scope, newest first.

        Args:
            scope: a tenant, or `SHARED_SCOPE`.
            wanted: which of them.
            limit: how many at most.
            before: a cursor: only tasks older than it.
        """
        if before is not None and before <= wanted.first_uid:
            return Page([], None)  # DynamoDB refuses a range that ends before it begins
        index, key, value = SCOPE_INDEX, "scope", scope
        if wanted.task_id is not None:
            index, key, value = LABEL_INDEX, "label", label_of(scope, wanted.task_id)
        found: list[TaskRecord] = []
        for _ in range(_BATCHES_A_PAGE):
            query = self._keys(index, key, value, wanted.first_uid, before)
            # One more than asked for: a full page then knows whether another one follows.
            batch = min(_BATCH, limit + 1) if wanted.is_of_indexes else _BATCH
            uids, more = self._query(query | {"Limit": batch})
            for record in self._records(uids):
                if wanted.passes(record):
                    found.append(record)
                    if len(found) == limit:
                        is_last = record.uid == uids[-1] and not more
                        return Page(found, None if is_last else record.uid)
            if not more:
                return Page(found, None)
            before = uids[-1]
        return Page(found, before)

    def count_active(
        self, status: TaskStatus, runtime: str, *, most: int, before: str | None = None
    ) -> int:
        """Counts tasks that wait for or run on a runtime, up to a number.

        Args:
            status: queued or running.
            runtime: its name.
            most: counts no further than this.
            before: only tasks older than this uid.
        """
        query = self._keys(ACTIVE_INDEX, "active", active_of(status, runtime), "", before)
        counted = 0
        start: dict[str, Any] = {}
        while counted < most:
            request = query | start | {"Select": "COUNT", "Limit": most - counted}
            answer = self._dynamodb.query(**request)
            counted += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return counted

    def oldest_waiting(self, runtime: str) -> datetime | None:
        """Returns when the task that waits longest was accepted; None where none waits."""
        active = active_of(TaskStatus.QUEUED, runtime)
        query = self._keys(ACTIVE_INDEX, "active", active, "")
        uids, _ = self._query(query | {"Limit": 1, "ScanIndexForward": True})
        return created_at_of(uids[0]) if uids else None

    def _keys(
        self, index: str, key: str, value: str, first: str, before: str | None = None
    ) -> dict[str, Any]:
        condition = "#key = :key AND #uid >= :first"
        values: Item = {":key": {"S": value}, ":first": {"S": first or "0"}}
        if before is not None:
            # DynamoDB takes one condition on the range key; a uid below `before` sorts below it
            # with its last character gone, too.
            condition = "#key = :key AND #uid BETWEEN :first AND :last"
            values[":last"] = {"S": _just_below(before)}
        return {
            "TableName": self._table.name,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {"#key": key, "#uid": "uid"},
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
        }

    def _query(self, request: dict[str, Any]) -> tuple[list[str], bool]:
        answer = self._dynamodb.query(**request)
        return [item["uid"]["S"] for item in answer["Items"]], "LastEvaluatedKey" in answer

    def _records(self, uids: list[str]) -> Iterator[TaskRecord]:
        """Reads the records of some uids, in their order.

        A record that has gone meanwhile is left out.
        """
        items: dict[str, Item] = {}
        keys: list[Any] = [task_key(uid) for uid in uids]
        for _ in range(_BATCH_TRIES):
            if not keys:
                break
            answer = self._dynamodb.batch_get_item(
                RequestItems={self._table.name: {"Keys": keys, "ConsistentRead": True}}
            )
            for item in answer["Responses"].get(self._table.name, []):
                items[item[PARTITION_KEY]["S"]] = cast("Item", item)
            unprocessed = answer.get("UnprocessedKeys", {})
            keys = list(unprocessed[self._table.name]["Keys"]) if unprocessed else []
        late = {key[PARTITION_KEY]["S"] for key in keys}
        for uid in uids:
            name = task_key(uid)[PARTITION_KEY]["S"]
            if name in late:
                # One by one, with the SDK's own pauses: a list must not keep a task back.
                record = self._table.get(uid)
            else:
                record = record_of(items[name]) if name in items else None
            if record is not None:
                yield record


def _just_below(uid: str) -> str:
    """Returns the highest text of a uid's form below a uid."""
    number = int(uid.replace("-", ""), 16) - 1
    digits = f"{max(number, 0):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
