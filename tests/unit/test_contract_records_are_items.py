"""A record is written as an item and read back the same; uids sort by time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel_contract.record import (
    ACTIVE_STATUSES,
    END_STATUSES,
    Progress,
    TaskRecord,
    TaskStatus,
    item_of,
    record_of,
)
from easel_contract.uid import created_at_of, first_uid_at, is_uid, new_uid, uid_of_message
from easel_contract.usage import Usage

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 8, 0, 0, 123000, tzinfo=UTC)
FULL = TaskRecord(
    uid=new_uid(),
    id="a",
    tenant="team-a",
    scope="*",
    runtime="r",
    tasktype="text-to-image",
    prefix="p",
    status=TaskStatus.RUNNING,
    created_at=NOW,
    attempts=3,
    trace_id="5759e988bd862e3fe1be46a994272793",
    context={"a": [1.5, None, "图"]},
    callback_url="https://example.com/x",
    deadline_at=NOW + timedelta(hours=1),
    cancel_requested_at=NOW + timedelta(seconds=5),
    lease_owner="o",
    lease_until=NOW + timedelta(seconds=60),
    started_at=NOW + timedelta(seconds=1),
    finished_at=NOW + timedelta(seconds=9),
    progress=Progress(percent=40, step=8, steps=20),
    usage=Usage(gpu_seconds=1.25, pictures=2, cost=0.001, currency="CNY"),
    result='{"id": "a"}',
    announced_at=NOW + timedelta(seconds=10),
    expires_at=NOW.replace(microsecond=0) + timedelta(days=30),
)


def test_every_field_of_a_record_comes_back() -> None:
    assert all(getattr(FULL, name) is not None for name in TaskRecord.model_fields)
    assert record_of(item_of(FULL)) == FULL


def test_moments_are_numbers_and_the_time_to_live_is_whole_seconds() -> None:
    item = item_of(FULL)
    moments = {name for name in TaskRecord.model_fields if name.endswith(("_at", "_until"))}
    assert {name for name in moments if set(item[name]) != {"N"}} == set()
    assert item["expires_at"]["N"].isdecimal()


@pytest.mark.parametrize("status", TaskStatus)
def test_only_tasks_that_wait_or_run_are_in_the_index_of_active_ones(status: TaskStatus) -> None:
    item = item_of(FULL.model_copy(update={"status": status}))
    assert ("active" in item) == (status in ACTIVE_STATUSES)
    assert (status in ACTIVE_STATUSES) != (status in END_STATUSES)


MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(MOMENTS, st.text(max_size=80))
def test_a_message_without_a_uid_has_the_same_one_at_every_delivery(
    moment: datetime, message_id: str
) -> None:
    uid = uid_of_message(message_id, moment)
    assert is_uid(uid)
    assert uid == uid_of_message(message_id, moment)
    assert abs(created_at_of(uid) - moment) < timedelta(milliseconds=2)
    assert first_uid_at(moment) <= uid


@given(MOMENTS, MOMENTS, st.text(max_size=8))
def test_uids_sort_by_time(one: datetime, other: datetime, message_id: str) -> None:
    if abs(one - other) > timedelta(milliseconds=2):
        earlier, later = sorted((one, other))
        assert uid_of_message(message_id, earlier) < uid_of_message("x", later)


def test_fresh_uids_sort_in_the_order_of_their_making() -> None:
    uids = [new_uid() for _ in range(1000)]
    assert sorted(uids) == uids
    assert abs(created_at_of(uids[0]) - datetime.now(UTC)) < timedelta(seconds=5)
