"""A cancellation at every state of a task, and deadlines: one callback each, no GPU for nothing."""

import time
import uuid
from http import HTTPStatus

import pytest

from easel_contract.errors import TaskErrorCode
from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import ResultStatus, TaskResult
from easel_http.events import RefusedRequestError
from easel_reader.cancellation import Cancellation
from easel_records.cancelling import TaskCancelling
from tests.aws_proxy import FaultKind
from tests.faults.conftest import StartScenario
from tests.faults.deadline import until
from tests.faults.scenario import Scenario
from tests.faults.tasks import SentTask

pytestmark = pytest.mark.integration

INTERRUPTED_SECONDS = 6.0


def record_of(scenario: Scenario, task: SentTask) -> TaskRecord:
    record = scenario.resources.table.get(task.key)
    assert record is not None
    return record


def await_status(scenario: Scenario, task: SentTask, status: TaskStatus) -> TaskRecord:
    until(lambda: record_of(scenario, task).status is status, f"{task.task_id} is {status}")
    return record_of(scenario, task)


def cancel(scenario: Scenario, task: SentTask) -> HTTPStatus:
    """Cancels as the API does."""
    resources = scenario.resources
    cancellation = Cancellation(resources.table, resources.aws.sns, resources.topic_arn)
    _, status = cancellation.cancel(record_of(scenario, task))
    return status


def cancel_without_announcement(scenario: Scenario, task: SentTask) -> TaskRecord | None:
    """Cancels a waiting task as a reader function does that ends before it publishes."""
    result = TaskResult(
        id=task.task_id,
        uid=task.key,
        result=False,
        context={"number": task.seed},
        event_id=uuid.uuid4().hex,
        status=ResultStatus.CANCELLED,
    )
    cancelling = TaskCancelling(scenario.resources.table)
    return cancelling.cancel_waiting(task.key, result=result.to_json())


def test_a_waiting_task_never_reaches_a_runtime(start_scenario: StartScenario) -> None:
    with start_scenario(agents=1, service_seconds=0.2) as scenario:
        scenario.pods[0].runtime.add_fault("slow", seconds=4)
        running, *others = scenario.submit_many(4)
        scenario.await_work()
        # One of them is received and held, not begun; the others are in the queue.
        until(lambda: scenario.resources.messages_in_flight() == 2, "a task is held")
        unannounced = others.pop()
        assert cancel_without_announcement(scenario, unannounced) is not None
        assert {cancel(scenario, task) for task in others} == {HTTPStatus.OK}
        # Told at once, not when its message gets its turn.
        scenario.await_callbacks(2, 2)
        # Again changes nothing.
        assert {cancel(scenario, task) for task in others} == {HTTPStatus.OK}
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.cancelled == {task.key for task in (*others, unannounced)}
    assert evidence.repeats() == 0
    assert jobs == {running.seed: 1}


def test_a_running_task_is_interrupted_in_time_and_its_runtime_is_free(
    start_scenario: StartScenario,
) -> None:
    with start_scenario(agents=1, service_seconds=0.2) as scenario:
        scenario.pods[0].runtime.add_fault("slow", seconds=60)
        [task] = scenario.submit_many(1)
        scenario.await_work()
        [following] = scenario.submit_many(1)
        asked_at = time.time()
        assert cancel(scenario, task) is HTTPStatus.ACCEPTED
        await_status(scenario, task, TaskStatus.CANCELLED)
        assert time.time() - asked_at < INTERRUPTED_SECONDS
        evidence = scenario.check()
        interrupted, next_job = scenario.pods[0].runtime.records()
    # The next task does not wait for what the end of this one takes.
    assert next_job["started_at"] - interrupted["ended_at"] < 1.0
    assert evidence.cancelled == {task.key}
    assert evidence.completed == {following.key}


def test_a_task_that_is_being_delivered_completes(start_scenario: StartScenario) -> None:
    with start_scenario(agents=1, service_seconds=0.2) as scenario:
        scenario.fault(FaultKind.UNAVAILABLE, "s3", "PutObject", seconds=8)
        [task] = scenario.submit_many(1)
        until(lambda: len(scenario.jobs()) == 1, "the picture is made")
        assert cancel(scenario, task) is HTTPStatus.ACCEPTED
        evidence = scenario.check()
    assert evidence.completed == {task.key}


def test_an_ended_task_stays_as_it_is(start_scenario: StartScenario) -> None:
    with start_scenario(agents=1, service_seconds=0.1) as scenario:
        [task] = scenario.submit_many(1)
        await_status(scenario, task, TaskStatus.COMPLETED)
        with pytest.raises(RefusedRequestError):
            cancel(scenario, task)
        assert TaskCancelling(scenario.resources.table).request(task.key) is None
        assert cancel_without_announcement(scenario, task) is None
        evidence = scenario.check()
    assert evidence.completed == {task.key}


def test_a_task_whose_deadline_passes_while_it_waits_fails_without_a_runtime(
    start_scenario: StartScenario,
) -> None:
    with start_scenario(agents=1, service_seconds=0.2) as scenario:
        scenario.pods[0].runtime.add_fault("slow", seconds=4)
        [running] = scenario.submit_many(1)
        scenario.await_work()
        [late] = scenario.submit_many(1, deadline_seconds=1)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == {running.key}
    assert evidence.failed[late.key].code is TaskErrorCode.DEADLINE_EXCEEDED
    assert jobs == {running.seed: 1}


def test_a_running_task_is_interrupted_at_its_deadline(start_scenario: StartScenario) -> None:
    with start_scenario(agents=1, service_seconds=0.2) as scenario:
        scenario.pods[0].runtime.add_fault("slow", seconds=60)
        started = time.monotonic()
        [task] = scenario.submit_many(1, deadline_seconds=3)
        await_status(scenario, task, TaskStatus.FAILED)
        assert time.monotonic() - started < 3 + INTERRUPTED_SECONDS
        evidence = scenario.check()
    assert evidence.failed[task.key].code is TaskErrorCode.DEADLINE_EXCEEDED
