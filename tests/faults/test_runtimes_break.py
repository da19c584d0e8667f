"""A runtime that answers and does no job well any more, and a kubelet that listens to its agent."""

import pytest

from easel_simulators.faults import STICKY
from tests.faults.conftest import StartScenario
from tests.faults.kubelet import Kubelet

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", sorted(STICKY))
def test_a_poisoned_runtime_costs_no_task_a_try(start_scenario: StartScenario, kind: str) -> None:
    with start_scenario(service_seconds=0.1) as scenario, Kubelet(scenario.pods) as kubelet:
        scenario.pods[0].runtime.add_fault(kind)
        scenario.submit_many(30)
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted
    assert kubelet.restarts == 1
    assert {record.attempts for record in evidence.records} == {1}


def test_all_runtimes_poisoned_at_once(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.1) as scenario, Kubelet(scenario.pods) as kubelet:
        for pod in scenario.pods:
            pod.runtime.add_fault("illegal_memory_access")
        scenario.submit_many(30)
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted
    assert kubelet.restarts == len(scenario.pods)


def test_a_job_that_never_ends(start_scenario: StartScenario) -> None:
    limits = {"EASEL_TASK_TIMEOUT_SECONDS": "2"}
    with (
        start_scenario(service_seconds=0.1, settings=limits) as scenario,
        Kubelet(scenario.pods) as kubelet,
    ):
        scenario.pods[0].runtime.add_fault("hang")
        scenario.submit_many(20)
        evidence = scenario.check(seconds=150)
    assert evidence.completed == scenario.accepted
    assert kubelet.restarts == 1
