"""`easel dlq` lists, shows, redrives and purges without SQS's own redrive."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_cli.main import main
from easel_cli.submit import ExitStatus

pytestmark = pytest.mark.unit


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
            body = task | {"metadata": task["metadata"] | {"id": task_id}}
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
    [problem] = [letter["problem"] for letter in letters if letter["problem"]]
    assert problem.startswith("is not JSON")
    assert queues.waiting(queues.dead) == 3


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
