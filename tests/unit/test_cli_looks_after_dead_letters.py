"""`easel dlq` lists, shows, redrives and purges without SQS's own redrive."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_cli.main import main
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import TaskMessage
from easel_contract.uid import new_uid
from easel_deploy.exit_status import ExitStatus
from easel_records.table import TaskTable

from .records_table import create_table

pytestmark = pytest.mark.unit

CREATED_AT = "2026-01-02T03:04:05Z"


class Queues:
    """A task queue and a dead-letter queue with two tasks and one message that is none."""

    def __init__(self, folder: Path, task: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
        self._sqs = boto3.client("sqs")
        self._patch = patch
        dynamodb = boto3.client("dynamodb")
        create_table(dynamodb, "records")
        self.table = TaskTable(dynamodb, "records")
        self.uids = {"one": new_uid(), "two": new_uid()}
        self.queue, self.dead = (
            self._sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("tasks", "dead")
        )
        self.bodies: dict[str, dict[str, Any]] = {}
        for task_id in ("one", "two"):
            body = task | {"metadata": task["metadata"] | {"id": task_id, "deadline_seconds": 60}}
            body |= {"created_at": CREATED_AT, "uid": self.uids[task_id], "tenant": "default"}
            self.bodies[task_id] = body
            self._sqs.send_message(QueueUrl=self.dead, MessageBody=json.dumps(body))
        self._sqs.send_message(QueueUrl=self.dead, MessageBody="poison")
        runtime = {"type": "sdwebui", "queue_url": self.queue, "dead_letter_queue_url": self.dead}
        names = ("endpoint", "api_key_id")
        topics = ("tasks_topic_arn", "notifications_topic_arn")
        outputs: dict[str, Any] = dict.fromkeys((*names, *topics), "x")
        outputs |= {"region": "us-east-1", "output_bucket": "outputbucket"}
        outputs |= {"records_table": "records"}
        outputs |= {"runtimes": {"sdruntime": runtime}}
        self._outputs = folder / "outputs.json"
        self._outputs.write_text(json.dumps({k: {"value": v} for k, v in outputs.items()}))

    def easel(self, *words: str) -> int:
        arguments = ["easel", "dlq", "--outputs", str(self._outputs), *words]
        self._patch.setattr("sys.argv", arguments)
        return main()

    def give_up(self, task_id: str) -> None:
        """Writes down that the agent gave a task up, as the agent does."""
        error = TaskError(code=TaskErrorCode.INTERNAL, message="the runtime died: \x1b[2J")
        uid = self.uids[task_id]
        result = TaskResult(id=task_id, result=False, status=ResultStatus.FAILED, error=error)
        waiting = TaskRecord.accepted(
            TaskMessage.model_validate(self.bodies[task_id]),
            uid=uid,
            tenant="default",
            scope="default",
            expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(days=1),
        )
        given_up = {"status": TaskStatus.FAILED, "attempts": 5, "result": result.to_json()}
        self.table.put_new(waiting.model_copy(update=given_up))

    def bodies_waiting(self) -> list[dict[str, Any]]:
        """Takes the messages out of the task queue."""
        answer = self._sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def waiting(self, url: str) -> int:
        name = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])  # type: ignore[list-item]
        return int(answer["Attributes"][name])  # type: ignore[index]


@pytest.fixture
def queues(
    tmp_path: Path, golden: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Queues]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Queues(tmp_path, golden("task-v1alpha2-text-to-image"), monkeypatch)


def test_list_names_every_letter_and_leaves_it(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queues.easel("list", "sdruntime", "--json") == ExitStatus.COMPLETED
    letters = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {letter["task_id"] for letter in letters} == {"one", "two", None}
    [reason] = [letter["reason"] for letter in letters if letter["reason"]]
    assert reason.startswith("is not JSON")
    assert queues.waiting(queues.dead) == 3


def test_list_without_a_runtime_looks_at_all(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queues.easel("list") == ExitStatus.COMPLETED
    assert "3 dead letter(s) of sdruntime" in capsys.readouterr().out
    assert queues.waiting(queues.dead) == 3


def test_list_says_why_the_agent_gave_a_task_up(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.give_up("one")
    assert queues.easel("list", "sdruntime") == ExitStatus.COMPLETED
    printed = capsys.readouterr().out
    lines = {line.split()[1]: line for line in printed.splitlines()[:3]}
    assert "one  internal_error: the runtime died: \\x1b[2J" in lines["one"]
    assert lines["two"].endswith("two  no reason is recorded")
    assert "-  is not JSON" in lines["-"]
    assert "\x1b" not in printed


def test_only_what_is_used_is_offered(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    assert queues.easel("list", "--help") == ExitStatus.COMPLETED
    offered = capsys.readouterr().out
    assert "--json" in offered
    assert "--all" not in offered
    assert "--out " not in offered
    assert "--timeout" not in offered


def test_show_prints_the_message(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    assert queues.easel("show", "sdruntime", "one") == ExitStatus.COMPLETED
    first = capsys.readouterr().out.splitlines()[0]
    assert json.loads(first)["metadata"]["id"] == "one"


def test_redrive_moves_what_was_named(queues: Queues) -> None:
    assert queues.easel("redrive", "sdruntime", "one") == ExitStatus.COMPLETED
    assert (queues.waiting(queues.queue), queues.waiting(queues.dead)) == (1, 2)
    assert queues.easel("redrive", "sdruntime", "--all") == ExitStatus.COMPLETED
    assert (queues.waiting(queues.queue), queues.waiting(queues.dead)) == (3, 0)


def test_redrive_opens_the_record_again_with_all_its_tries(queues: Queues) -> None:
    queues.give_up("one")
    assert queues.easel("redrive", "sdruntime", queues.uids["one"]) == ExitStatus.COMPLETED
    record = queues.table.get(queues.uids["one"])
    assert record is not None
    assert (record.status, record.attempts, record.result) == (TaskStatus.QUEUED, 0, None)
    assert record.deadline_at is None
    [body] = queues.bodies_waiting()
    assert body["uid"] == record.uid
    # It has passed: the task would fail again without a try.
    assert "deadline_seconds" not in body["metadata"]


def test_purge_removes_what_was_named(queues: Queues) -> None:
    assert queues.easel("purge", "sdruntime", "two") == ExitStatus.COMPLETED
    assert (queues.waiting(queues.queue), queues.waiting(queues.dead)) == (0, 2)


def test_nothing_is_moved_or_removed_by_mistake(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queues.easel("purge", "sdruntime") == ExitStatus.USAGE
    assert "--all" in capsys.readouterr().err
    assert queues.easel("purge", "nope", "--all") == ExitStatus.USAGE
    assert "there are: sdruntime" in capsys.readouterr().err
    assert queues.easel("redrive", "sdruntime", "three") == ExitStatus.FAILED
    assert queues.waiting(queues.dead) == 3


def test_options_may_stand_before_the_runtime(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queues.easel("list", "--json", "sdruntime") == ExitStatus.COMPLETED
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert queues.easel("redrive", "--all", "sdruntime") == ExitStatus.COMPLETED


def test_whose_letters_are_changed_has_to_be_said(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queues.easel("redrive", "--all") == ExitStatus.USAGE
    assert "Missing argument 'runtime'" in capsys.readouterr().err
