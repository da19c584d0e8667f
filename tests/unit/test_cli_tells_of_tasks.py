"""`easel tasks` and `easel watch` ask the API how tasks stand."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import responses
from moto import mock_aws

from easel_cli import tasks as tasks_module
from easel_cli.main import main
from easel_cli.submit import API_KEY_VARIABLE
from easel_contract.plain_text import printable
from easel_contract.record import TaskStatus
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.tasks_api import TaskView
from easel_contract.usage import Usage
from easel_deploy.exit_status import ExitStatus

pytestmark = pytest.mark.unit

ENDPOINT = "https://api.example.com/dev"
UID = "019a0000-0000-7000-8000-000000000001"
Easel = Callable[..., int]


def view(status: TaskStatus, **more: Any) -> dict[str, Any]:
    task = TaskView.model_validate(
        {
            "uid": UID,
            "id": "test-t2i",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "status": status,
            "attempts": 1,
            "created_at": "2026-11-28T08:00:00Z",
            "output_location": "s3://outputs/output/test-t2i",
            "usage": Usage(gpu_seconds=1.5),
        }
        | more
    )
    return task.model_dump(mode="json")


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_passthru("https://sqs")
        yield mock


@pytest.fixture
def easel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Easel:
    runtime = {"type": "sdwebui", "queue_url": "q", "dead_letter_queue_url": "d"}
    outputs = {
        "region": "us-east-1",
        "endpoint": ENDPOINT,
        "api_key_id": "k",
        "output_bucket": "outputs",
        "records_table": "records",
        "tasks_topic_arn": "t",
        "notifications_topic_arn": "n",
        "runtimes": {"sdruntime": runtime},
    }
    file = tmp_path / "outputs.json"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(API_KEY_VARIABLE, "the-key")
    monkeypatch.setattr(tasks_module, "_POLL_SECONDS", 0.01)

    def run(*words: str, **changed: str) -> int:
        file.write_text(
            json.dumps({name: {"value": value} for name, value in (outputs | changed).items()})
        )
        monkeypatch.setattr("sys.argv", ["easel", *words, "--outputs", str(file)])
        return main()

    return run


def test_list_reads_as_many_pages_as_it_takes(
    easel: Easel, api: responses.RequestsMock, capsys: pytest.CaptureFixture[str]
) -> None:
    for cursor, following in ((None, "c1"), ("c1", None)):
        asked = {"limit": "20" if cursor is None else "19", "status": "queued"}
        api.get(
            f"{ENDPOINT}/v1alpha2/tasks",
            json={"tasks": [view(TaskStatus.QUEUED, id=str(cursor))], "cursor": following},
            match=[
                responses.matchers.query_param_matcher(
                    asked | ({"cursor": cursor} if cursor else {})
                )
            ],
        )
    assert easel("tasks", "list", "--status", "queued", "--json") == ExitStatus.COMPLETED
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == ["None", "c1"]
    assert {call.request.headers["x-api-key"] for call in api.calls} == {"the-key"}


def test_show_says_all_that_is_known(
    easel: Easel, api: responses.RequestsMock, capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"code": "runtime_rejected", "message": "no \x1b[2Jsampler", "retryable": False}
    api.get(f"{ENDPOINT}/v1alpha2/tasks/test-t2i", json=view(TaskStatus.FAILED, error=error))
    assert easel("tasks", "show", "test-t2i") == ExitStatus.COMPLETED
    printed = capsys.readouterr().out
    assert "status: failed" in printed
    assert "runtime_rejected: no \\x1b[2Jsampler" in printed
    assert "\x1b" not in printed


def test_what_is_not_there_is_said(
    easel: Easel, api: responses.RequestsMock, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"error": {"code": "not_found", "message": "There is no such task.", "details": []}}
    api.get(f"{ENDPOINT}/v1alpha2/tasks/nope", json=body, status=404)
    assert easel("tasks", "show", "nope") == ExitStatus.FAILED
    assert easel("tasks", "wait", "nope") == ExitStatus.FAILED
    assert capsys.readouterr().out.count("there is no task nope") == 2


def test_cancel_goes_on_with_the_others_when_one_has_ended(
    easel: Easel, api: responses.RequestsMock, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = {"error": {"code": "task_ended", "message": "It has completed.", "details": []}}
    api.post(f"{ENDPOINT}/v1alpha2/tasks/one/cancel", json=ended, status=409)
    api.post(f"{ENDPOINT}/v1alpha2/tasks/two/cancel", json=view(TaskStatus.RUNNING), status=202)
    assert easel("tasks", "cancel", "one", "two") == ExitStatus.REFUSED
    printed = capsys.readouterr().out
    assert "one: The API answered 409: It has completed." in printed
    assert "is being interrupted" in printed


def test_wait_ends_when_the_task_has(
    easel: Easel, api: responses.RequestsMock, capsys: pytest.CaptureFixture[str]
) -> None:
    for status in (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.CANCELLED):
        api.get(f"{ENDPOINT}/v1alpha2/tasks/{UID}", json=view(status))
    assert easel("tasks", "wait", UID) == ExitStatus.FAILED
    assert "status: cancelled" in capsys.readouterr().out


def test_wait_gives_up_in_time(
    easel: Easel, api: responses.RequestsMock, capsys: pytest.CaptureFixture[str]
) -> None:
    api.get(f"{ENDPOINT}/v1alpha2/tasks/{UID}", json=view(TaskStatus.QUEUED))
    assert easel("tasks", "wait", UID, "--timeout", "0.05") == ExitStatus.TIMED_OUT
    assert "is still queued" in capsys.readouterr().err


def test_watch_answers_at_once_where_the_task_has_ended(
    easel: Easel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_aws():
        sns, s3 = boto3.client("sns", "us-east-1"), boto3.client("s3", "us-east-1")
        topic = sns.create_topic(Name="notifications")["TopicArn"]
        s3.create_bucket(Bucket="outputs")
        s3.put_object(Bucket="outputs", Key="output/a-1.png", Body=b"picture")
        ended = view(TaskStatus.COMPLETED, image_url=["s3://outputs/output/a-1.png"])
        with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
            api.get(f"{ENDPOINT}/v1alpha2/tasks/test-t2i", json=ended)
            words = ("watch", "test-t2i", "--out", str(tmp_path / "out"), "--json")
            assert easel(*words, notifications_topic_arn=topic) == ExitStatus.COMPLETED
    shown = json.loads(capsys.readouterr().out)
    result = TaskResult.model_validate({k: v for k, v in shown.items() if k != "files"})
    assert (result.uid, result.status) == (UID, ResultStatus.COMPLETED)
    assert (tmp_path / "out" / "a-1.png").read_bytes() == b"picture"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("图片 😀", "图片 😀"),
        ("a\x1b]52;c;x\x07", "a\\x1b]52;c;x\\x07"),
        ("\u202e\n", "\\u202e\\n"),
    ],
)
def test_no_text_from_outside_drives_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
