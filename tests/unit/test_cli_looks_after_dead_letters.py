"""`easel dlq` lists, shows, redrives and purges without SQS's own redrive."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_agent.records import ResultRecord, ResultRecords
from easel_cli.main import main
from easel_cli.submit import ExitStatus
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult

pytestmark = pytest.mark.unit

CREATED_AT = "2026-01-02T03:04:05Z"


class Queues:
    """A task queue and a dead-letter queue with two tasks and one message that is none."""

    def __init__(self, folder: Path, task: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
        self._sqs = boto3.client("sqs")
        self._patch = patch
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket="outputbucket")
        self.queue, self.dead = (
            self._sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("tasks", "dead")
        )
        for task_id in ("one", "two"):
            body = task | {"metadata": task["metadata"] | {"id": task_id}, "created_at": CREATED_AT}
            self._sqs.send_message(QueueUrl=self.dead, MessageBody=json.dumps(body))
        self._sqs.send_message(QueueUrl=self.dead, MessageBody="poison")
        runtime = {"type": "sdwebui", "queue_url": self.queue, "dead_letter_queue_url": self.dead}
        names = ("endpoint", "api_key_id")
        topics = ("tasks_topic_arn", "notifications_topic_arn")
        outputs: dict[str, Any] = dict.fromkeys((*names, *topics), "x")
        outputs |= {"region": "us-east-1", "output_bucket": "outputbucket"}
        outputs |= {"runtimes": {"sdruntime": runtime}}
        self._outputs = folder / "outputs.json"
        self._outputs.write_text(json.dumps({k: {"value": v} for k, v in outputs.items()}))

    def easel(self, *words: str) -> int:
        arguments = ["easel", "dlq", "--outputs", str(self._outputs), *words]
        self._patch.setattr("sys.argv", arguments)
        return main()

    def record(self, task_id: str, created_at: str) -> None:
        """Writes down that the agent gave a task up, as the agent does."""
        error = TaskError(code=TaskErrorCode.INTERNAL, message="the runtime died: no answer")
        result = TaskResult(id=task_id, result=False, status=ResultStatus.FAILED, error=error)
        record = ResultRecord(
            fingerprint="f", created_at=datetime.fromisoformat(created_at), result=result
        )
        ResultRecords(self.s3, "outputbucket").claim(record)

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
    queues.record("one", CREATED_AT)
    # Another request had this id before.
    queues.record("two", "2020-01-01T00:00:00Z")
    assert queues.easel("list", "sdruntime") == ExitStatus.COMPLETED
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()[:3]}
    assert "one  internal_error: the runtime died" in lines["one"]
    assert lines["two"].endswith("two  no reason is recorded")
    assert "-  is not JSON" in lines["-"]


def test_a_record_that_cannot_be_read_is_said_to_be_there(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.s3.put_object(Bucket="outputbucket", Key="_easel/results/one.json", Body=b"{}")
    assert queues.easel("list", "sdruntime") == ExitStatus.COMPLETED
    assert "one  the record of its end cannot be read" in capsys.readouterr().out


def test_only_what_is_used_is_offered(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        queues.easel("list", "--help")
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


def test_redrive_forgets_the_failure(queues: Queues) -> None:
    keys = [f"_easel/results/{task_id}.json" for task_id in ("one", "two")]
    for key in keys:
        queues.s3.put_object(Bucket="outputbucket", Key=key, Body=b"{}")
    assert queues.easel("redrive", "sdruntime", "one") == ExitStatus.COMPLETED
    left = queues.s3.list_objects_v2(Bucket="outputbucket")["Contents"]
    assert [item["Key"] for item in left] == keys[1:]


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
    with pytest.raises(SystemExit):
        queues.easel("redrive", "--all")
    assert "required: runtime" in capsys.readouterr().err
