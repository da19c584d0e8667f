"""Messages that come twice, ids that come twice, tasks that outlast their visibility timeout."""

import pytest

from tests.faults.aws_resources import VISIBILITY_TIMEOUT_SECONDS
from tests.faults.conftest import StartScenario

pytestmark = pytest.mark.integration


def test_duplicate_deliveries(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        tasks = scenario.tasks.make(20)
        # At once, so that both agents may have the same task at the same time ...
        scenario.submit([task for task in tasks for _ in range(2)])
        scenario.check()
        jobs = scenario.jobs()
        # ... and again after the end: the runtime must not be touched.
        scenario.submit(tasks)
        evidence = scenario.check()
        assert scenario.jobs() == jobs
    assert evidence.completed == scenario.accepted
    # Of two copies at the same moment one is claimed.
    assert set(jobs.values()) == {1}


def test_same_id_with_other_content(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        tasks = scenario.submit_many(20)
        scenario.await_callbacks(20)
        again = [scenario.tasks.again_with_other_content(task) for task in tasks[:5]]
        scenario.submit(again)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert len(evidence.completed) == 25
    assert jobs == {task.seed: 1 for task in (*tasks, *again)}


def test_same_id_with_other_content_at_once(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.2) as scenario:
        tasks = scenario.tasks.make(20)
        again = [scenario.tasks.again_with_other_content(task) for task in tasks[:5]]
        scenario.submit([*again, *tasks])
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted


def test_tasks_longer_than_the_visibility_timeout(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.2) as scenario:
        for pod in scenario.pods:
            pod.runtime.add_fault("slow", seconds=VISIBILITY_TIMEOUT_SECONDS + 3)
        scenario.submit_many(20)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert set(jobs.values()) == {1}
