"""A hostile runtime and a hostile message, through every command of `easel` that shows them."""

import argparse
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import responses
from moto import mock_aws

from easel_contract.record import TaskStatus
from easel_contract.result import TaskResult
from easel_deploy.cluster.errors import ClusterError
from easel_deploy.exit_status import ExitStatus
from easel_deploy.main import run_verb

from .test_cli_looks_after_dead_letters import Queues, queues
from .test_cli_tells_of_tasks import ENDPOINT, UID, Easel, api, easel, view

pytestmark = pytest.mark.unit

__all__ = ["api", "easel", "queues"]

HOSTILE = "[/foo]\x1b]52;c;x\x07\x9b2J\u202e\u200b\x7f\nforged"
OBEYED = ("\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\x7f")
SHOWN = r"[/foo]\x1b]52;c;x\x07\x9b2J\u202e\u200b\x7f\nforged"
ANY_TASK = re.compile(rf"{re.escape(ENDPOINT)}/v1alpha2/tasks/.+")
ERROR = {"code": "runtime_failed", "message": HOSTILE, "retryable": False}


def hostile_view(**more: Any) -> dict[str, Any]:
    # As another version of easel, or whoever answers in its place, might send it.
    return view(TaskStatus.FAILED) | {"id": HOSTILE, "error": ERROR} | more


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert not [one for one in OBEYED if one in text]
    assert "\nforged" not in text
    return text


@pytest.fixture
def topic() -> Iterator[str]:
    with mock_aws():
        boto3.client("s3", "us-east-1").create_bucket(Bucket="outputs")
        yield boto3.client("sns", "us-east-1").create_topic(Name="notifications")["TopicArn"]


@pytest.mark.parametrize("words", [("list",), ("show", HOSTILE), ("wait", HOSTILE)])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_tasks(
    easel: Easel,
    api: responses.RequestsMock,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    form: tuple[str, ...],
) -> None:
    api.get(f"{ENDPOINT}/v1alpha2/tasks", json={"tasks": [hostile_view()]})
    api.add(responses.GET, url=ANY_TASK, json=hostile_view())
    easel("tasks", *words, *form)
    assert SHOWN in printed(capsys) or form


@pytest.mark.parametrize("words", [("list",), ("show", HOSTILE), ("cancel", HOSTILE)])
def test_refusals_of_a_hostile_server(
    easel: Easel,
    api: responses.RequestsMock,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    details = [{"field": HOSTILE, "problem": HOSTILE}]
    body = {"error": {"code": HOSTILE, "message": HOSTILE, "details": details}}
    api.get(f"{ENDPOINT}/v1alpha2/tasks", json=body, status=400)
    api.add(responses.GET, url=ANY_TASK, body=HOSTILE, status=502)
    api.add(responses.POST, url=ANY_TASK, json=body, status=409)
    assert easel("tasks", *words) == ExitStatus.REFUSED
    assert SHOWN in printed(capsys)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_submit(
    easel: Easel,
    topic: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    form: tuple[str, ...],
) -> None:
    result = {"id": HOSTILE, "uid": UID, "result": False, "status": "failed", "error": ERROR}

    def accept(_request: Any) -> tuple[int, dict[str, str], str]:
        boto3.client("sns", "us-east-1").publish(TopicArn=topic, Message=json.dumps(result))
        return 202, {}, json.dumps({"uid": UID, "output_location": HOSTILE})

    with responses.RequestsMock() as api:
        api.add_callback(responses.POST, f"{ENDPOINT}/v1alpha2", callback=accept)
        words = ("submit", "--prompt", "a dog", "--out", str(tmp_path / "out"), *form)
        assert easel(*words, notifications_topic_arn=topic) == ExitStatus.FAILED
    assert SHOWN in printed(capsys)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_watch_goes_on_after_a_result_that_cannot_be_saved(
    easel: Easel,
    topic: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    form: tuple[str, ...],
) -> None:
    elsewhere = [f"s3://elsewhere/{HOSTILE}"]
    with responses.RequestsMock() as api:
        tasks = f"{ENDPOINT}/v1alpha2/tasks"
        more: dict[str, Any] = {"status": "completed", "error": None, "image_url": elsewhere}
        api.get(f"{tasks}/one", json=hostile_view(**more))
        api.get(f"{tasks}/two", json=hostile_view())
        words = ("watch", "one", "two", "--out", str(tmp_path / "out"), *form)
        assert easel(*words, notifications_topic_arn=topic) == ExitStatus.FAILED
    text = printed(capsys)
    assert f"s3://elsewhere/{SHOWN} is no object of the stack's bucket" in text
    assert text.count(SHOWN) >= 2
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("words", [("list",), ("show", "sdruntime")])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_dead_letters(
    queues: Queues,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    form: tuple[str, ...],
) -> None:
    sqs = boto3.client("sqs")
    metadata = {"id": HOSTILE, "runtime": HOSTILE, "tasktype": HOSTILE, "prefix": "p"}
    sqs.send_message(QueueUrl=queues.dead, MessageBody=json.dumps({"metadata": metadata}))
    raw = HOSTILE.replace("\x1b", "").replace("\x07", "")
    trace = json.dumps({raw: 1}, ensure_ascii=False)
    sqs.send_message(QueueUrl=queues.dead, MessageBody=f'{{"trace": {trace}}}')
    sqs.send_message(QueueUrl=queues.dead, MessageBody=raw)
    queues.give_up("one")
    assert queues.easel(*words, *form) == ExitStatus.COMPLETED
    assert printed(capsys)


def test_a_record_of_another_version_is_no_traceback(
    queues: Queues, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskResult, "to_json", lambda _: '{"of": "another version"}')
    queues.give_up("one")
    assert queues.easel("list") == ExitStatus.COMPLETED
    assert "no reason is recorded" in printed(capsys)


def test_what_a_cluster_or_a_chart_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_arguments: argparse.Namespace) -> int:
        raise ClusterError(HOSTILE.replace("\n", ""))

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert run_verb(argparse.Namespace(command=refuse)) == ExitStatus.FAILED
    assert SHOWN.replace(r"\n", "") in printed(capsys)
