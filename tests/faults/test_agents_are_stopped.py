"""An agent that is killed or told to stop in the middle of a task."""

import pytest

from tests.faults.conftest import StartScenario
from tests.faults.deadline import until

pytestmark = pytest.mark.integration


def test_sigkill_mid_task(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.4) as scenario:
        scenario.submit_many(30)
        scenario.await_work()
        victim = scenario.pods[0].agent
        victim.kill()
        victim.start()
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted


def test_sigterm_with_long_grace_finishes_the_task(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.3) as scenario:
        first, _ = scenario.pods
        # Longer than it takes to tell the agent: the job does not end before the signal.
        first.runtime.add_fault("slow", seconds=4)
        scenario.submit_many(24)
        until(lambda: len(first.runtime.records()) > 0, "the slow task runs")
        [job] = first.runtime.records()
        running = job["seed"]
        first.agent.terminate()
        assert first.agent.wait(15) == 0
        records = first.runtime.records()
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert records[-1]["seed"] == running
    assert records[-1]["outcome"] == "completed"
    assert evidence.completed == scenario.accepted
    assert set(jobs.values()) == {1}


def test_sigterm_with_short_grace_gives_the_task_back(start_scenario: StartScenario) -> None:
    short = {"EASEL_SHUTDOWN_GRACE_SECONDS": "1"}
    with start_scenario(service_seconds=0.3, settings=short) as scenario:
        first, _ = scenario.pods
        first.runtime.add_fault("slow", seconds=20)
        scenario.submit_many(24)
        scenario.await_work()
        until(lambda: len(first.runtime.records()) > 0, "the slow task runs")
        slow = first.runtime.records()[0]["seed"]
        first.agent.terminate()
        assert first.agent.wait(10) == 0
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert jobs[slow] == 1
