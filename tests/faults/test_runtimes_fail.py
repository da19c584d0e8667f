"""A runtime that dies, hangs, or fails a job."""

import pytest

from easel_contract.errors import TaskErrorCode
from tests.faults.conftest import StartScenario
from tests.faults.deadline import holds_within

pytestmark = pytest.mark.integration


def test_runtime_killed_and_restarted_mid_task(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.4) as scenario:
        scenario.submit_many(30)
        scenario.await_work()
        victim = scenario.pods[0].runtime
        lost = victim.records()[-1]["seed"]
        victim.kill()
        scenario.await_callbacks(6)
        victim.start()
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert jobs[lost] == 1


def test_runtime_dead_for_long_costs_no_task(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        for pod in scenario.pods:
            pod.runtime.kill()
        scenario.submit_many(30)
        assert not holds_within(lambda: len(scenario.callbacks.finals()) > 0, 4)
        for pod in scenario.pods:
            pod.runtime.start()
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted


def test_runtime_hangs(start_scenario: StartScenario) -> None:
    limit = {"EASEL_TASK_TIMEOUT_SECONDS": "3"}
    with start_scenario(service_seconds=0.2, settings=limit) as scenario:
        for pod in scenario.pods:
            pod.runtime.add_fault("hang", seconds=6)
        tasks = scenario.submit_many(30)
        scenario.await_work()
        hung = {pod.runtime.records()[0]["seed"] for pod in scenario.pods}
        evidence = scenario.check()
    ids = {task.key for task in tasks if task.seed in hung}
    assert evidence.failed.keys() == ids
    assert {error.code for error in evidence.failed.values()} == {TaskErrorCode.DEADLINE_EXCEEDED}


@pytest.mark.parametrize("kind", ["server_error", "out_of_memory", "drop_answer", "bad_gateway"])
def test_job_fails_once_then_well(start_scenario: StartScenario, kind: str) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        for pod in scenario.pods:
            pod.runtime.add_fault(kind, count=2)
        scenario.submit_many(30)
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted


def test_out_of_memory_for_good(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.0) as scenario:
        for pod in scenario.pods:
            pod.runtime.add_fault("out_of_memory", count=1000)
        scenario.submit_many(6)
        evidence = scenario.check()
    assert evidence.failed.keys() == scenario.accepted
    assert all(error.retryable for error in evidence.failed.values())
