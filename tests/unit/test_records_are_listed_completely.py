"""A list has every task that its caller asks for once, whatever DynamoDB leaves for later."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.task import TaskMessage, TaskMetadata, TaskType
from easel_contract.uid import created_at_of, first_uid_at, new_uid, uid_of_message
from easel_records import reading as reading_module
from easel_records.reading import TaskFilter, TaskReading
from easel_records.table import TaskTable

from .records_table import mocked_table

pytestmark = pytest.mark.unit


@pytest.fixture
def table() -> Iterator[TaskTable]:
    with mocked_table() as table:
        yield table


def accept(table: TaskTable, uid: str | None = None, **more: Any) -> str:
    metadata = TaskMetadata(
        id=more.pop("id", "one"), runtime="r", tasktype=TaskType.PIPELINE, prefix="p"
    )
    record = TaskRecord.accepted(
        TaskMessage(metadata=metadata, content={}),
        uid=uid or new_uid(),
        tenant="a",
        scope="a",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    table.put_new(record.model_copy(update=more))
    return record.uid


def joined(pages: list[list[str]]) -> list[str]:
    return [*chain.from_iterable(pages)]


def pages(table: TaskTable, wanted: TaskFilter, limit: int) -> list[list[str]]:
    """Reads page after page, to the last."""
    found: list[list[str]] = []
    before = None
    while True:
        page = TaskReading(table).page("a", wanted, limit=limit, before=before)
        found.append([record.uid for record in page.records])
        if page.cursor is None:
            return found
        assert page.cursor != before
        before = page.cursor


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
def test_pages_join_without_gap_or_repeat(table: TaskTable, limit: int) -> None:
    uids = [accept(table) for _ in range(6)]
    found = pages(table, TaskFilter(), limit)
    assert joined(found) == uids[::-1]
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1]


def test_tasks_of_one_moment_join_without_gap_or_repeat(table: TaskTable) -> None:
    moment = datetime(2026, 11, 28, 8, tzinfo=UTC)
    uids = sorted(accept(table, uid_of_message(f"m-{number}", moment)) for number in range(5))
    assert joined(pages(table, TaskFilter(), 2)) == uids[::-1]


def test_a_filter_that_few_pass_finds_all_of_them(
    table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "_BATCH", 2)
    uids = [
        accept(table, status=TaskStatus.FAILED if number in (0, 13) else TaskStatus.QUEUED)
        for number in range(14)
    ]
    found = pages(table, TaskFilter(status=TaskStatus.FAILED), 1)
    assert joined(found) == [uids[13], uids[0]]


def test_since_begins_with_the_moment_itself(table: TaskTable) -> None:
    moment = datetime(2026, 11, 28, 8, tzinfo=UTC)
    uids = [
        accept(table, uid_of_message("m", moment + timedelta(milliseconds=number)))
        for number in (-1, 0, 1)
    ]
    wanted = TaskFilter(first_uid=first_uid_at(moment))
    assert joined(pages(table, wanted, 1)) == [uids[2], uids[1]]


def test_a_cursor_from_before_since_ends_the_list(
    table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = accept(table)
    wanted = TaskFilter(first_uid=first_uid_at(created_at_of(older) + timedelta(days=1)))
    # DynamoDB answers a range that ends before it begins with an error.
    monkeypatch.setattr(table.dynamodb, "query", None)
    page = TaskReading(table).page("a", wanted, limit=5, before=older)
    assert (page.records, page.cursor) == ([], None)


def test_what_dynamodb_does_not_get_to_is_read_one_by_one(
    table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = [accept(table) for _ in range(4)]
    real = table.dynamodb.batch_get_item

    def batch_get_item(**arguments: Any) -> Any:
        asked = arguments["RequestItems"]["records"]
        if len(asked["Keys"]) < 4:
            return {"Responses": {}, "UnprocessedKeys": {"records": asked}}
        first, *rest = asked["Keys"]
        answer: Any = real(RequestItems={"records": asked | {"Keys": [first]}})
        return answer | {"UnprocessedKeys": {"records": {"Keys": rest}}}

    monkeypatch.setattr(table.dynamodb, "batch_get_item", batch_get_item)
    page = TaskReading(table).page("a", TaskFilter(), limit=4, before=None)
    assert [record.uid for record in page.records] == uids[::-1]


def test_a_record_that_goes_between_index_and_read_is_left_out(
    table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = [accept(table) for _ in range(3)]
    real = table.dynamodb.query

    def query(**arguments: Any) -> Any:
        answer = real(**arguments)
        table.dynamodb.delete_item(TableName="records", Key={"pk": {"S": f"task/{uids[1]}"}})
        return answer

    monkeypatch.setattr(table.dynamodb, "query", query)
    assert joined(pages(table, TaskFilter(), 5)) == [uids[2], uids[0]]


def test_active_tasks_are_counted_up_to_a_number(table: TaskTable) -> None:
    uids = [accept(table) for _ in range(5)]
    accept(table, status=TaskStatus.RUNNING)
    accept(table, status=TaskStatus.COMPLETED)
    reading = TaskReading(table)
    assert reading.count_active(TaskStatus.QUEUED, "r", most=9) == 5
    assert reading.count_active(TaskStatus.QUEUED, "r", most=3) == 3
    assert reading.count_active(TaskStatus.QUEUED, "r", most=9, before=uids[2]) == 2
    assert reading.count_active(TaskStatus.QUEUED, "r", most=9, before=uids[0]) == 0
    assert reading.count_active(TaskStatus.RUNNING, "r", most=9) == 1
    assert reading.count_active(TaskStatus.QUEUED, "other", most=9) == 0
    assert reading.oldest_waiting("r") == created_at_of(uids[0])
