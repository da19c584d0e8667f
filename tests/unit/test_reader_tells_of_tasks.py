"""The API tells a caller how its tasks stand, and nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_contract.record import Progress, TaskStatus
from easel_contract.tasks_api import RuntimeList, TaskList
from easel_reader import handler as handler_module
from easel_reader.handler import handler

from .reader_world import BUCKET, World, ask, cancel, listed, show, world

pytestmark = pytest.mark.unit

__all__ = ["world"]


def test_a_waiting_task_has_a_position(world: World) -> None:
    records = [world.accept(f"task-{number}") for number in range(3)]
    view = show(records[2].uid)
    assert (view.status, view.position, view.attempts) == (TaskStatus.QUEUED, 3, 0)
    assert view.output_location == f"s3://{BUCKET}/out/task-2"
    world.complete(records[0])
    assert show("task-2").position == 2
    assert show("task-0").position is None


def test_positions_beyond_a_hundred_are_not_counted(world: World) -> None:
    for number in range(100):
        world.accept(f"task-{number}")
    assert show(world.accept("last").uid).position == "100+"
    assert show("task-99").position == 100


def test_a_running_task_tells_its_progress_and_an_ended_one_its_outputs(world: World) -> None:
    record = world.accept()
    lease = world.leases.claim(record)
    world.leases.renew(lease, progress=Progress(percent=40, step=8, steps=20), gpu_seconds=1.5)
    view = show("one")
    assert (view.status, view.attempts) == (TaskStatus.RUNNING, 1)
    assert view.progress == Progress(percent=40, step=8, steps=20)
    result = world.complete(world.accept("two"))
    ended = show("two")
    assert (ended.image_url, ended.output_url) == (result.image_url, result.output_url)
    assert [picture.uri for picture in ended.pictures] == result.image_url
    assert ended.pictures[0].url is None
    assert ended.usage.gpu_seconds == 2.5


def test_an_id_means_its_latest_task_and_a_uid_exactly_one(world: World) -> None:
    first, second = world.accept(), world.accept()
    assert show("one").uid == second.uid
    assert show(first.uid).uid == first.uid
    assert listed(id="one") == [second.uid, first.uid]


def test_links_hold_as_long_as_they_say_and_no_longer_than_their_signer(world: World) -> None:
    world.complete(world.accept())
    before = datetime.now(UTC)
    view = show("one", presign="120")
    for stored in (*view.pictures, view.answer):
        assert stored is not None
        assert stored.url is not None
        assert stored.url_expires_at is not None
        assert "X-Amz-Expires=1" in stored.url
        assert "X-Amz-Security-Token" in stored.url
        left = (stored.url_expires_at - before).total_seconds()
        assert 118 <= left <= 122


def test_a_link_is_not_said_to_outlive_the_role_that_signed_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.complete(world.accept())
    routes: Any = handler_module._service()._routes
    presigner = routes["GET", "/v1alpha2/tasks/{task}"].__self__._presigner
    real, expires_at = presigner._sts.assume_role, datetime.now(UTC) + timedelta(seconds=100)

    def assume_role(**arguments: Any) -> Any:
        answer = real(**arguments)
        answer["Credentials"]["Expiration"] = expires_at
        return answer

    monkeypatch.setattr(presigner._sts, "assume_role", assume_role)
    [picture, _] = show("one", presign="3600").pictures
    assert picture.url_expires_at == expires_at.replace(microsecond=0)


def test_lists_are_filtered_and_go_on_where_they_ended(world: World) -> None:
    records = [world.accept(f"task-{number}") for number in range(5)]
    other = world.accept("other", runtime="comfy")
    world.complete(records[1])
    assert listed(runtime="comfy") == [other.uid]
    assert listed(status="completed") == [records[1].uid]
    assert listed(since=datetime.now(UTC).isoformat()) == []
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert len(listed(since=hour_ago)) == 6
    uids, cursor = [], ""
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = TaskList.model_validate(ask("tasks", **query)[1])
        uids += [task.uid for task in page.tasks]
        if page.cursor is None:
            break
        cursor = page.cursor
    assert uids == [record.uid for record in (*records, other)][::-1]


def test_every_problem_of_a_question_is_named_at_once(world: World) -> None:
    assert world
    query = {"limit": "101", "status": "done", "since": "yesterday", "cursor": "x", "what": "1"}
    status, body = ask("tasks", **query)
    fields = {problem["field"] for problem in body["error"]["details"]}
    assert (status, fields) == (400, set(query))
    for presign in ("0", "3601", "-1", "1.5", "x", "9" * 50):
        assert ask("tasks/{task}", "one", presign=presign)[0] == 400


def test_runtimes_tell_what_waits_and_runs(world: World) -> None:
    records = [world.accept(f"task-{number}", tenant="team-b") for number in range(3)]
    world.leases.claim(records[0])
    runtimes = RuntimeList.model_validate(ask("runtimes")[1]).runtimes
    comfy, sdruntime = runtimes
    assert (comfy.name, comfy.tasks_waiting, comfy.oldest_waiting_seconds) == ("comfy", 0, None)
    assert (sdruntime.tasks_waiting, sdruntime.tasks_running) == (2, 1)
    assert sdruntime.sd_model_checkpoint == "a.safetensors"
    assert sdruntime.oldest_waiting_seconds is not None


def test_one_tenant_neither_sees_nor_cancels_anothers_task(world: World) -> None:
    mine, other = world.accept("one"), world.accept("one", tenant="team-b")
    for name in (other.uid, "only-theirs", "no-such-task"):
        assert ask("tasks/{task}", name)[0] == 404
        assert cancel(name)[0] == 404
    assert ask("tasks/{task}", other.uid)[1] == ask("tasks/{task}", "no-such-task")[1]
    # The same id is another task for each of them.
    assert show("one").uid == mine.uid
    assert show("one", key="key-2").uid == other.uid
    assert listed() == [mine.uid]
    assert listed(key="key-2") == [other.uid]
    unchanged = world.table.get(other.uid)
    assert unchanged is not None
    assert unchanged.status is TaskStatus.QUEUED


def test_an_id_in_the_form_of_anothers_uid_is_only_an_id(world: World) -> None:
    other = world.accept("theirs", tenant="team-b")
    mine = world.accept(other.uid)
    assert show(other.uid).uid == mine.uid


def test_shared_tasks_are_everybodys(world: World) -> None:
    world.configure(EASEL_SHARED_TASKS="true")
    other = world.accept("theirs", tenant="team-b", scope="*")
    assert show("theirs").uid == other.uid
    assert listed() == [other.uid]
    assert cancel(other.uid)[0] == 200


def test_with_signatures_the_principal_is_the_tenant(world: World) -> None:
    world.configure(EASEL_API_KEYS="{}")
    role = "arn:aws:sts::123456789012:assumed-role/painter"
    record = world.accept(tenant=role)
    event = {
        "httpMethod": "GET",
        "resource": "/v1alpha2/tasks/{task}",
        "pathParameters": {"task": record.uid},
        "requestContext": {"identity": {"userArn": f"{role}/session-1"}},
    }
    assert handler(event, None)["statusCode"] == 200
    event["requestContext"] = {"identity": {"userArn": f"{role}-2/session-1"}}
    assert handler(event, None)["statusCode"] == 404
    event["requestContext"] = {"identity": {}}
    assert handler(event, None)["statusCode"] == 403


def test_a_table_that_does_not_answer_is_503(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world

    def fail(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "Query")

    list_tasks: Any = handler_module._service()._routes["GET", "/v1alpha2/tasks"]
    monkeypatch.setattr(list_tasks.__self__._reading._table.dynamodb, "query", fail)
    status, body = ask("tasks")
    assert (status, body["error"]["code"]) == (503, "unavailable")
