"""The doctor's checks of a stack on the emulator: queues, alarms, records."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from easel_contract.record import SHARED_SCOPE, TaskRecord, TaskStatus, item_of
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.uid import first_uid_at
from easel_doctor.alarms import look_at_alarms
from easel_doctor.finding import Finding, State
from easel_doctor.last_task import look_at_last_task
from easel_doctor.queues import look_at_dead_letters, look_at_queues
from easel_doctor.subject import Subject
from easel_local.emulator import Emulator
from tests.doctor_world import REGIONS, Clients, problems, settings, subject
from tests.stubbed_aws import answer
from tests.unit.records_table import create_table

pytestmark = pytest.mark.integration

Client = Callable[..., Any]
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def own_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_path=tmp_path_factory.mktemp("doctor") / "log") as running:
        yield running


@pytest.fixture(params=REGIONS)
def stack(
    request: pytest.FixtureRequest,
    own_emulator: Emulator,
    client_of: Callable[[Emulator], Client],
) -> Iterator[Subject]:
    """A stack with one runtime, whose queues and table are there and empty."""
    clients = Clients(str(request.param))
    connect = client_of(own_emulator)
    for service in ("sqs", "cloudwatch", "dynamodb"):
        clients[service] = connect(service, region=clients.region)
    urls = {}
    for name in ("sd", "sd-dead-letter", "webhook-dead-letter"):
        attributes = {"MessageRetentionPeriod": "345600"}
        queue = clients["sqs"].create_queue(QueueName=f"easel-{name}", Attributes=attributes)
        urls[name] = queue["QueueUrl"]
    table = f"records-{uuid.uuid4().hex}"
    create_table(clients["dynamodb"], table)
    answer(clients["cloudwatch"], "get_metric_data", {"MetricDataResults": []})
    runtime = {
        "type": "sdwebui",
        "namespace": "easel-sd",
        "queue_url": urls["sd"],
        "dead_letter_queue_url": urls["sd-dead-letter"],
    }
    yield subject(
        clients,
        outputs={
            "cluster_name": "easel",
            "records_table": table,
            "webhook_dead_letter_queue_url": urls["webhook-dead-letter"],
            "runtimes": {"sd": runtime},
        },
    )
    for url in urls.values():
        clients["sqs"].delete_queue(QueueUrl=url)
    clients["dynamodb"].delete_table(TableName=table)


def send(stack: Subject, url: str, count: int) -> None:
    for _ in range(count):
        stack.aws.client("sqs").send_message(QueueUrl=url, MessageBody="task")


# -- queues ---------------------------------------------------------------------------------------


def oldest(stack: Subject, seconds: float) -> None:
    def metric(asked: Any) -> dict[str, Any]:
        (query,) = asked["MetricDataQueries"]
        (dimension,) = query["MetricStat"]["Metric"]["Dimensions"]
        assert dimension == {"Name": "QueueName", "Value": "easel-sd"}
        return {"MetricDataResults": [{"Id": query["Id"], "Values": [seconds, 1.0]}]}

    answer(stack.aws.client("cloudwatch"), "get_metric_data", metric)


def test_empty_queues_are_well(stack: Subject) -> None:
    finding = look_at_queues(stack)
    assert finding.state is State.OK
    assert finding.summary == "sd: 0 waiting, 0 at work"


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [
        (900, State.OK, ""),
        (901, State.WARN, "has waited 15 minutes"),
        (260_000, State.FAIL, "after 96 hours SQS drops it"),
    ],
)
def test_a_task_that_waits_long_is_told_of(
    stack: Subject, seconds: float, state: State, words: str
) -> None:
    send(stack, stack.outputs["runtimes"]["sd"]["queue_url"], 2)
    oldest(stack, seconds)
    finding = look_at_queues(stack)
    assert finding.state is state
    assert words in problems(finding)
    assert finding.summary == f"sd: 2 waiting, 0 at work, oldest {seconds} s"


def test_the_age_of_an_empty_queue_means_nothing(stack: Subject) -> None:
    oldest(stack, 5000)
    assert look_at_queues(stack).state is State.OK


def test_an_age_that_may_not_be_read_is_not_checked(stack: Subject) -> None:
    answer(stack.aws.client("cloudwatch"), "get_metric_data", "AccessDenied")
    finding = look_at_queues(stack)
    assert finding.state is State.NOT_CHECKED
    assert "may not call GetMetricData" in problems(finding)


def test_dead_letters_are_counted_and_listed_by_a_command(stack: Subject) -> None:
    assert look_at_dead_letters(stack).state is State.OK
    send(stack, stack.outputs["runtimes"]["sd"]["dead_letter_queue_url"], 3)
    send(stack, stack.outputs["webhook_dead_letter_queue_url"], 1)
    finding = look_at_dead_letters(stack)
    assert finding.state is State.WARN
    assert "runtime sd: 3 tasks were given up" in problems(finding)
    assert f"easel dlq list sd --env {stack.name}" in problems(finding)
    assert "1 callbacks" in problems(finding)


# -- alarms ---------------------------------------------------------------------------------------


def test_alarms_of_the_stack_that_are_raised_fail(stack: Subject) -> None:
    cloudwatch = stack.aws.client("cloudwatch")
    assert look_at_alarms(stack).state is State.OK
    names = ("easel-sd-age", "easel-sd-dead-letters", "another-stack")
    for name in names:
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=900,
            ComparisonOperator="GreaterThanThreshold",
        )
    try:
        for name in (names[0], names[2]):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="too old")
        finding = look_at_alarms(stack)
        assert finding.state is State.FAIL
        assert finding.summary == "1 of 2 are raised"
        assert "alarm easel-sd-age: too old" in problems(finding)
    finally:
        cloudwatch.delete_alarms(AlarmNames=list(names))


# -- the last task --------------------------------------------------------------------------------


def put(stack: Subject, status: TaskStatus, *, minutes: float, **more: Any) -> None:
    created = NOW - timedelta(minutes=minutes)
    fields: dict[str, Any] = {
        "id": f"task-{minutes:g}",
        "tenant": "default",
        "scope": "default",
        "runtime": "sd",
        "tasktype": "text-to-image",
        "prefix": "output",
        "expires_at": NOW + timedelta(days=30),
    }
    record = TaskRecord(
        uid=first_uid_at(created), status=status, created_at=created, **(fields | more)
    )
    table = stack.outputs["records_table"]
    stack.aws.client("dynamodb").put_item(TableName=table, Item=item_of(record))


def last_task(stack: Subject) -> Finding:
    return look_at_last_task(stack, lambda: NOW)


def test_a_stack_without_tasks_is_well(stack: Subject) -> None:
    assert "none yet" in last_task(stack).summary


def test_the_newest_task_of_all_tenants_counts(stack: Subject) -> None:
    put(stack, TaskStatus.FAILED, minutes=60)
    put(stack, TaskStatus.COMPLETED, minutes=3, tenant="direct", scope="direct")
    put(stack, TaskStatus.FAILED, minutes=1, tenant="stranger", scope="stranger")
    finding = last_task(stack)
    assert finding.state is State.OK
    assert finding.summary == "task-3 for sd: completed, sent 3 minutes ago"


def test_a_task_that_failed_says_why(stack: Subject) -> None:
    error = {"code": "runtime_failed", "message": "no such sampler", "retryable": False}
    result = TaskResult.model_validate(
        {"id": "t", "result": False, "status": ResultStatus.FAILED, "error": error}
    )
    put(stack, TaskStatus.FAILED, minutes=2, result=result.model_dump_json())
    finding = last_task(stack)
    assert finding.state is State.WARN
    assert "runtime_failed: no such sampler" in problems(finding)
    assert "easel tasks show" in problems(finding)


def test_a_task_that_waits_or_hangs_is_told_of(stack: Subject) -> None:
    put(stack, TaskStatus.QUEUED, minutes=14)
    assert last_task(stack).state is State.OK
    put(stack, TaskStatus.QUEUED, minutes=10)
    put(
        stack,
        TaskStatus.RUNNING,
        minutes=8,
        lease_owner="a",
        lease_until=NOW - timedelta(minutes=20),
    )
    finding = last_task(stack)
    assert finding.state is State.FAIL
    assert "silent for 20 minutes" in problems(finding)
    put(stack, TaskStatus.QUEUED, minutes=-1)
    assert last_task(stack).state is State.OK


def test_shared_tasks_are_found_in_their_one_scope(stack: Subject) -> None:
    put(stack, TaskStatus.COMPLETED, minutes=3, scope=SHARED_SCOPE)
    assert "none yet" in last_task(stack).summary
    told = settings(region=stack.settings.region, shared_tasks=True)
    shared = Subject(stack.folder, told, stack.outputs, stack.aws)
    assert "task-3" in last_task(shared).summary


def test_where_requests_are_signed_the_callers_own_tasks_are_seen(stack: Subject) -> None:
    partition = stack.settings.partition
    role = f"arn:{partition}:sts::000000000000:assumed-role/me"
    put(stack, TaskStatus.COMPLETED, minutes=3, tenant=role, scope=role)
    identity = {"Account": "000000000000", "Arn": f"{role}/session"}
    answer(stack.aws.client("sts"), "get_caller_identity", identity)
    told = settings(region=stack.settings.region, signs_requests=True)
    signed = Subject(stack.folder, told, stack.outputs, stack.aws)
    assert "task-3" in last_task(signed).summary
