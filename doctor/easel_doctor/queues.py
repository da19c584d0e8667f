"""The runtimes' queues: how many tasks wait, for how long, and how many were given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from easel_doctor.excuses import excuse
from easel_doctor.finding import Finding, Problem, fail, found, unchecked, warn
from easel_doctor.subject import Subject

LONG_SECONDS = 900
"""A task that has waited so long has outlived the start of a node and a model's loading."""
_NEARLY = 0.75
"""Of a queue's retention, after which SQS drops a task without a word."""

_METRIC = "ApproximateAgeOfOldestMessage"
"""Of AWS/SQS, every minute while a queue is in use (and 15 minutes behind for one that was not):
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
SQS itself does not tell."""
_PERIOD_SECONDS = 60
_WINDOW = timedelta(minutes=10)
_COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


@dataclass(frozen=True)
class _Queue:
    """What SQS says of one.

    Attributes:
        runtime: whose it is.
        waiting: tasks that no agent has.
        in_flight: tasks that agents have.
        retention_seconds: after which it drops a task.
    """

    runtime: str
    waiting: int
    in_flight: int
    retention_seconds: int


def look_at_queues(subject: Subject) -> Finding:
    """Counts what waits, and asks CloudWatch for the age of the oldest."""
    queues = [_read(subject, name, one) for name, one in sorted(_runtimes(subject).items())]
    names = {name: _name(one["queue_url"]) for name, one in _runtimes(subject).items()}
    problems: list[Problem] = []
    try:
        ages = _ages(subject, names)
    except (ClientError, BotoCoreError) as error:
        ages = {}
        problems.append(unchecked(f"age of the oldest task: {excuse(error)[0]}", _LOOK))
    for queue in queues:
        problems += _problems(subject, queue, ages.get(queue.runtime))
    summary = "; ".join(
        f"{one.runtime}: {one.waiting} waiting, {one.in_flight} at work"
        + (f", oldest {ages[one.runtime]:.0f} s" if one.runtime in ages else "")
        for one in queues
    )
    return found(summary, problems)


def look_at_dead_letters(subject: Subject) -> Finding:
    """Counts the tasks and callbacks that were given up."""
    env = f"--env {subject.name}"
    problems = []
    total = 0
    for name, one in sorted(_runtimes(subject).items()):
        count = _count(subject, one["dead_letter_queue_url"])
        total += count
        if count:
            problems.append(
                warn(
                    f"runtime {name}: {count} tasks were given up",
                    f".venv/bin/easel dlq list {name} {env}; dlq redrive {name} ... {env}",
                )
            )
    if callbacks := subject.outputs.get("webhook_dead_letter_queue_url"):
        count = _count(subject, callbacks)
        total += count
        if count:
            text = f"{count} callbacks to URLs were given up"
            problems.append(warn(text, f"aws sqs receive-message --queue-url {callbacks}"))
    return found(f"{total} in all", problems)


_LOOK = "CloudWatch's console: SQS, " + _METRIC


def _problems(subject: Subject, queue: _Queue, age: float | None) -> list[Problem]:
    if age is None or not queue.waiting + queue.in_flight:
        return []
    text = f"runtime {queue.runtime}: the oldest task has waited {age / 60:.0f} minutes"
    if age > _NEARLY * queue.retention_seconds:
        hours = queue.retention_seconds / 3600
        remedy = f"Let its pods run: `easel doctor --env {subject.name}`, pods and nodes."
        return [fail(f"{text}; after {hours:.0f} hours SQS drops it, without a callback", remedy)]
    if age > LONG_SECONDS and queue.waiting:
        remedy = f"Look at pods and nodes here; or raise runtimes.{queue.runtime}.scaling."
        return [warn(text, f"{remedy}max_replica_count in {subject.tfvars}.")]
    return []


def _read(subject: Subject, runtime: str, outputs: Mapping[str, Any]) -> _Queue:
    attributes = _attributes(subject, outputs["queue_url"], [*_COUNTS, "MessageRetentionPeriod"])
    waiting, in_flight = (int(attributes[name]) for name in _COUNTS)
    return _Queue(runtime, waiting, in_flight, int(attributes["MessageRetentionPeriod"]))


def _ages(subject: Subject, names: Mapping[str, str]) -> dict[str, float]:
    """Seconds, by runtime; a queue that CloudWatch says nothing of has none."""
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": _METRIC,
                    "Dimensions": [{"Name": "QueueName", "Value": name}],
                },
                "Period": _PERIOD_SECONDS,
                "Stat": "Maximum",
            },
        }
        for number, name in enumerate(names.values())
    ]
    now = datetime.now(UTC)
    answer = subject.aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries,
        StartTime=now - _WINDOW,
        EndTime=now,
        ScanBy="TimestampDescending",
    )
    newest = {one["Id"]: one["Values"][0] for one in answer["MetricDataResults"] if one["Values"]}
    return {
        runtime: float(newest[f"q{number}"])
        for number, runtime in enumerate(names)
        if f"q{number}" in newest
    }


def _count(subject: Subject, url: str) -> int:
    return sum(map(int, _attributes(subject, url, _COUNTS).values()))


def _attributes(subject: Subject, url: str, names: list[str]) -> dict[str, str]:
    answer = subject.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    attributes: dict[str, str] = answer["Attributes"]
    return attributes


def _runtimes(subject: Subject) -> dict[str, Any]:
    return dict(subject.outputs["runtimes"])


def _name(url: str) -> str:
    return url.rpartition("/")[2]
