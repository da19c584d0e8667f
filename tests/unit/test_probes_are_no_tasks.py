"""A probe goes the way of a task and is never taken for one."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pydantic import ValidationError

from easel_contract.envelope import UnreadableTaskError, decode_task
from easel_contract.probe import MESSAGE_GROUP, PROBE_LIFE_SECONDS, ProbeOrder, read_probe
from easel_deploy.probe_way import WayBlockedError, probe_way
from easel_probe import handler

from .agent_world import World, eventually

pytestmark = pytest.mark.unit

RUN = "0123456789abcdef"
ORDER = ProbeOrder(runtime="sdruntime", run=RUN, first=3, count=2)
BODY = ORDER.messages()[0].model_dump_json()


def test_a_probe_is_read_raw_and_in_snss_envelope() -> None:
    envelope = {"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": BODY}
    for body in (BODY, json.dumps(envelope)):
        probe = read_probe(body)
        assert probe is not None
        assert (probe.runtime, probe.run, probe.number) == ("sdruntime", RUN, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"id": "a"}},
        {"content": {}},
        {"probe": None},
        {"probe": {"runtime": "sdruntime", "run": "not hex", "number": 1}},
    ],
)
def test_what_has_anything_of_a_task_is_no_probe(change: dict[str, Any]) -> None:
    assert read_probe(json.dumps(json.loads(BODY) | change)) is None


@pytest.mark.parametrize("body", ["", "probe", '{"probe": ', "[" * 4000 + "probe", "probe" * 9999])
def test_what_is_no_json_is_no_probe(body: str) -> None:
    assert read_probe(body) is None


def test_no_reader_of_tasks_takes_a_probe() -> None:
    with pytest.raises(UnreadableTaskError):
        decode_task(BODY)


def test_a_task_that_speaks_of_probes_is_done(world: World, task: dict[str, Any]) -> None:
    task["content"]["prompt"] = 'a space "probe"'
    world.send(task)
    assert world.results(1)[0].result


def test_an_agent_gives_a_young_probe_back_and_tells_nobody(
    world: World, task: dict[str, Any]
) -> None:
    world.send(BODY)
    world.send(task)
    [result] = world.results(1)
    assert result.id == task["metadata"]["id"]
    assert len(world.runtime.done) == 1

    def is_back() -> bool:
        got = world.sqs.receive_message(QueueUrl=world.queue_url).get("Messages", [])
        return bool(got) and read_probe(got[0]["Body"]) is not None

    eventually(is_back)
    assert world.dead_letters() == 0


def test_an_agent_deletes_an_old_probe(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel_agent.probes.PROBE_LIFE_SECONDS", -1)
    assert PROBE_LIFE_SECONDS == 60
    world.send(BODY)
    eventually(world.settled)
    world.send(task)
    assert len(world.results(1)) == 1
    assert world.dead_letters() == 0


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"runtime": "sdruntime", "run": RUN, "first": 1, "count": 11},
        {"runtime": "sdruntime", "run": RUN, "first": 1, "count": 1, "Message": '{"metadata": {}}'},
        {"runtime": "No Name", "run": RUN, "first": 1, "count": 1},
    ],
)
def test_the_function_publishes_nothing_else(
    event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "_topic", lambda: pytest.fail("the topic was asked for"))
    with pytest.raises(ValidationError):
        handler.handler(event, None)


class Sns:
    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    def publish(self, **arguments: Any) -> None:
        self.published.append(arguments)


def test_the_function_publishes_with_the_attributes_of_a_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sns = Sns()
    monkeypatch.setattr(handler, "_topic", lambda: (sns, "arn"))
    assert handler.handler(ORDER.model_dump(), None) == {"published": 2}
    assert [json.loads(one["Message"])["probe"]["number"] for one in sns.published] == [3, 4]
    for one in sns.published:
        # As the intake function's: tests/plan/test_environments.py holds filters to those.
        runtime = {"DataType": "String", "StringValue": "sdruntime"}
        assert one["MessageAttributes"] == {"runtime": runtime}
        assert (one["TopicArn"], one["MessageGroupId"]) == ("arn", MESSAGE_GROUP)


@mock_aws
def test_what_else_is_in_the_queue_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel_deploy.probe_way._HIDDEN_SECONDS", 0)
    sqs = boto3.client("sqs", region_name="us-east-1")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for body in ("a task", BODY):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    way = probe_way("us-east-1", "easel-probe", url)
    probes = [probe for _ in range(5) for probe in way.take()]
    assert [probe.number for probe in probes] == [3]
    left = sqs.receive_message(QueueUrl=url)["Messages"]
    assert [message["Body"] for message in left] == ["a task"]


@mock_aws
def test_aws_is_quoted_where_it_refuses() -> None:
    way = probe_way("us-east-1", "easel-probe", "https://sqs.us-east-1.amazonaws.com/1/none")
    with pytest.raises(WayBlockedError, match=r"the function easel-probe: .*not found|Not ?Found"):
        way.send(ORDER)
    with pytest.raises(WayBlockedError, match="the queue: "):
        way.take()
