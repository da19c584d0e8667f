"""modules/observability on the emulator: each alarm's condition is made true, and one speaks.

The emulator's queues are real and send no metrics: `sample_queue` sends what SQS would, as its
documentation defines each. What the emulator cannot bring about (a throttled table, a pending pod)
is sent as the metric that the alarm names. Metric math is not evaluated there, but here.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from easel_deploy.terraform_config import write_cli_config
from easel_local.emulator import Emulator
from tests.root_module import AppliedModule

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
Client = Callable[..., Any]
Alarm = dict[str, Any]

MODULE = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  default_tags {
    tags = { Stack = "easel" }
  }
}

resource "aws_kms_key" "this" {}

output "topic" {
  value = module.observability.operations_topic_arn
}
"""
OTHERS, OURS = "123456789012", "000000000000"
CLUSTER = 'cluster = { name = "easel", insights = true, application_log_group = "/aws/pods" }'


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that goes as a whole: a destroy would take longer than its start."""
    log = tmp_path_factory.mktemp("observability") / "emulator.log"
    with Emulator(log_path=log) as running:
        yield running


@pytest.fixture(scope="module")
def client(alone: Emulator, client_of: Callable[[Emulator], Client]) -> Client:
    return client_of(alone)


@pytest.fixture(scope="module")
def topic(alone: Emulator, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The operations topic's ARN, when all is applied."""
    home = tmp_path_factory.mktemp("observability")
    shutil.copytree(ROOT / "modules" / "observability", home / "modules" / "observability")
    folder = home / "root"
    folder.mkdir()
    example = (ROOT / "tests/plan/fixtures/observability/example.tf").read_text()
    example = example.replace("../../../../modules/", "../modules/").replace(OTHERS, OURS)
    example = re.sub(r'kms_key_arn = ".*"', "kms_key_arn = aws_kms_key.this.arn", example)
    call = example.removesuffix("}\n") + f"  {CLUSTER}\n}}\n"
    folder.joinpath("main.tf").write_text(MODULE + call)
    environment = alone.environment() | {"TF_CLI_CONFIG_FILE": str(write_cli_config(home))}
    root = AppliedModule(folder, environment)
    root.initialise()
    root.apply()
    return str(root.outputs()["topic"])


@pytest.fixture(scope="module")
def mailbox(client: Client, topic: str) -> Iterator[Callable[[], list[str]]]:
    """Names of alarms that the operations topic tells its subscribers of."""
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="operators")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"]
    )

    def told() -> list[str]:
        names: list[str] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(json.loads(message["Body"])["Message"])
                if event["NewStateValue"] == "ALARM":
                    names.append(event["AlarmName"])
        return sorted(names)

    yield told
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture(autouse=True)
def all_is_well(client: Client, mailbox: Callable[[], list[str]]) -> None:
    cloudwatch = client("cloudwatch")
    for alarm in cloudwatch.describe_alarms(AlarmNamePrefix="easel-")["MetricAlarms"]:
        cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="-")
    mailbox()


def the_alarm(client: Client, name: str) -> Alarm:
    (alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    found: Alarm = alarm
    return found


def send(client: Client, metric: Alarm, value: float) -> None:
    """One value of the metric that an alarm names, now."""
    datum = {"MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"], "Value": value}
    client("cloudwatch").put_metric_data(Namespace=metric["Namespace"], MetricData=[datum])


def sample_queue(client: Client, name: str, later_seconds: float = 0) -> None:
    """What SQS sends of a queue, from the queue's attributes and its oldest message."""
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    waiting = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]["ApproximateNumberOfMessages"]
    messages = sqs.receive_message(
        QueueUrl=url, VisibilityTimeout=0, MessageSystemAttributeNames=["SentTimestamp"]
    ).get("Messages", [])
    sent = [int(one["Attributes"]["SentTimestamp"]) / 1000 for one in messages]
    values = {
        "ApproximateNumberOfMessagesVisible": float(waiting),
        "ApproximateAgeOfOldestMessage": max(
            (time.time() + later_seconds - one for one in sent), default=0.0
        ),
    }
    dimensions = [{"Name": "QueueName", "Value": name}]
    client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {"MetricName": metric, "Dimensions": dimensions, "Value": value}
            for metric, value in values.items()
        ],
    )


@pytest.fixture
def queues(client: Client) -> Iterator[Callable[[str], str]]:
    """Sends a message to a queue of that name, which it makes; returns the queue's URL."""
    sqs = client("sqs")
    made: list[str] = []

    def queue(name: str) -> str:
        url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
        made.append(url)
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        return url

    yield queue
    for url in made:
        sqs.delete_queue(QueueUrl=url)


def test_a_dead_letter_is_told(
    client: Client, queues: Callable[[str], str], mailbox: Callable[[], list[str]]
) -> None:
    queues("easel-sdruntime-dead-letter")
    sample_queue(client, "easel-sdruntime-dead-letter")
    assert "easel-sdruntime-dead-letters" in mailbox()


def test_a_task_that_waits_is_told_when_it_is_too_old(
    client: Client, queues: Callable[[str], str], mailbox: Callable[[], list[str]]
) -> None:
    queues("easel-sdruntime")
    threshold = the_alarm(client, "easel-sdruntime-oldest-task")["Threshold"]
    sample_queue(client, "easel-sdruntime", threshold + 1)
    assert mailbox().count("easel-sdruntime-stuck") == 1


# Behind those above: the emulator does not forget what it was sent, and looks at all of it anew.
@pytest.mark.parametrize(
    ("name", "speaks"),
    [
        ("intake-errors", "intake"),
        ("api-errors", "intake"),
        ("tasks-not-delivered", "tasks-not-delivered"),
        ("callbacks-given-up", "callbacks-given-up"),
        ("sdruntime-oldest-task", "sdruntime-stuck"),
        ("sdruntime-dead-letters", "sdruntime-dead-letters"),
        ("pods-cannot-start", "pods-cannot-start"),
    ],
)
def test_the_metric_at_its_threshold_is_told(
    client: Client, mailbox: Callable[[], list[str]], name: str, speaks: str
) -> None:
    alarm = the_alarm(client, f"easel-{name}")
    send(client, alarm, alarm["Threshold"])
    assert the_alarm(client, f"easel-{name}")["StateValue"] == "ALARM"
    assert f"easel-{speaks}" in mailbox()


def value_of(alarm: Alarm, values: dict[str, float | None]) -> float:
    """The alarm's metric math, of which CloudWatch's documentation defines IF, FILL and AND."""
    (text,) = (one["Expression"] for one in alarm["Metrics"] if one.get("Expression"))
    names = {one["Id"] for one in alarm["Metrics"] if not one.get("Expression")}
    assert values.keys() <= names
    functions = {
        "IF": lambda condition, then, other: then if condition else other,
        "FILL": lambda value, filler: filler if value is None else value,
    }
    scope = functions | dict.fromkeys(names) | values
    return float(eval(text.replace(" AND ", " and "), {"__builtins__": {}}, scope))


@pytest.mark.parametrize(
    ("name", "values", "raised"),
    [
        ("sdruntime-no-progress", {"waiting": 1, "done": None}, True),
        ("sdruntime-no-progress", {"waiting": 3, "done": 0}, True),
        ("sdruntime-no-progress", {"waiting": 3, "done": 1}, False),
        ("sdruntime-no-progress", {"waiting": 0, "done": 0}, False),
        ("throttling", {"function": 1}, True),
        ("throttling", {"reads": 2}, True),
        ("throttling", {"writes": 1}, True),
        ("throttling", {}, False),
    ],
)
def test_metric_math_tells_well_from_not_well(
    client: Client, name: str, values: dict[str, float | None], raised: bool
) -> None:
    alarm = the_alarm(client, f"easel-{name}")
    assert (value_of(alarm, values) >= alarm["Threshold"]) is raised


def test_what_waits_and_never_ends_is_no_progress(
    client: Client, queues: Callable[[str], str]
) -> None:
    """The alarm's own metrics, of the queue that has its dimension's name."""
    queues("easel-sdruntime")
    sample_queue(client, "easel-sdruntime")
    alarm = the_alarm(client, "easel-sdruntime-no-progress")
    values = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            found = client("cloudwatch").get_metric_statistics(
                **metric,
                StartTime=datetime.now(UTC) - timedelta(seconds=5),
                EndTime=datetime.now(UTC) + timedelta(seconds=5),
                Period=300,
                Statistics=[query["MetricStat"]["Stat"]],
            )["Datapoints"]
            values[query["Id"]] = found[0][query["MetricStat"]["Stat"]] if found else None
    assert values["waiting"] is not None
    assert values["done"] is None
    assert value_of(alarm, values) == 1


def test_one_missing_node_is_told_once(client: Client, mailbox: Callable[[], list[str]]) -> None:
    cloudwatch = client("cloudwatch")
    raised = ("pods-cannot-start", "sdruntime-no-progress", "sdruntime-oldest-task")
    for name in raised:
        cloudwatch.set_alarm_state(
            AlarmName=f"easel-{name}", StateValue="ALARM", StateReason="as in the test"
        )
    assert mailbox() == ["easel-pods-cannot-start"]
    cloudwatch.set_alarm_state(
        AlarmName="easel-pods-cannot-start", StateValue="OK", StateReason="a node came"
    )
    assert mailbox() == ["easel-sdruntime-stuck"]
