"""What becomes of a task whose pod or instance ends: the table in docs/architecture/03-chart.md.

The agent's side of it, by its real process; the numbers are those of ``tests/instance_ends.py``,
and that a cluster sends SIGTERM and SIGKILL so is shown in ``tests/cluster``. SIGTERM is all that
the agent sees of a scale-in, a drift, an expiry and `kubectl drain`; a Spot notice is
read from a metadata service of the test's; node pressure and the end of an instance are SIGKILL.
Times are shortened where the test says so; the 10 s that are kept for storing are not.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from easel_contract.record import TaskStatus
from tests.faults.conftest import StartScenario
from tests.faults.deadline import holds_within, until
from tests.faults.scenario import Scenario
from tests.instance_ends import AGENT_GRACE_SECONDS, ENDS, SPOT_SECONDS, TASKS
from tests.rigs.instance_metadata import InstanceMetadata

pytestmark = pytest.mark.integration

_STEPS = 150
"""So many tell early how long the task will take."""


@contextmanager
def one_pod(
    start_scenario: StartScenario,
    seconds: float,
    *,
    metadata_url: str = "",
    grace: float = AGENT_GRACE_SECONDS,
) -> Iterator[Scenario]:
    """A pod whose runtime has just begun the only task, which takes so many seconds."""
    settings = {
        "EASEL_SHUTDOWN_GRACE_SECONDS": str(round(grace)),
        "EASEL_TASK_TIMEOUT_SECONDS": "600",
        "EASEL_SPOT_WATCH": str(bool(metadata_url)).lower(),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata_url or "http://127.0.0.1:9",
    }
    with start_scenario(agents=1, service_seconds=0.1, settings=settings) as scenario:
        runtime = scenario.pods[0].runtime
        runtime.add_fault("slow", seconds=seconds)
        scenario.submit_many(1, steps=_STEPS)
        scenario.await_work()
        yield scenario


def attempts(scenario: Scenario) -> int:
    [record] = scenario.resources.records()
    return record.attempts


def finished_once(scenario: Scenario, *, tries: int = 1) -> bool:
    """Whether the task has one picture, one callback, and was begun so often."""
    evidence = scenario.check()
    is_complete = evidence.completed == scenario.accepted
    return is_complete and set(scenario.jobs().values()) == {1} and attempts(scenario) == tries


SHORTENED = 20


# Shortened 1:20: the tasks, and the agent's grace.
@pytest.mark.parametrize("seconds", [task / SHORTENED for task in TASKS])
def test_sigterm_alone_leaves_the_task_its_whole_grace(
    start_scenario: StartScenario, seconds: float
) -> None:
    with one_pod(start_scenario, seconds, grace=AGENT_GRACE_SECONDS / SHORTENED) as scenario:
        agent = scenario.pods[0].agent
        agent.terminate()
        assert agent.wait(30) == 0
        assert finished_once(scenario)


def test_told_that_120_s_are_left_a_task_of_300_s_is_given_back_in_2_s(
    start_scenario: StartScenario,
) -> None:
    with (
        InstanceMetadata() as metadata,
        one_pod(start_scenario, 300, metadata_url=metadata.url) as scenario,
    ):
        agent = scenario.pods[0].agent
        time.sleep(6)  # three of its steps
        metadata.announce(SPOT_SECONDS)
        told_at = time.monotonic()
        agent.terminate()

        def is_given_back() -> bool:
            [record] = scenario.resources.records()
            is_visible = scenario.resources.messages_in_flight() == 0
            return is_visible and record.status is TaskStatus.QUEUED

        until(is_given_back, f"the task is given back; log: {agent.log}", 10)
        assert time.monotonic() - told_at < 2
        assert attempts(scenario) == 0
        assert agent.wait(5) == 0
        agent.start()  # the pod that takes its place: nothing is announced there
        metadata.notice = None
        assert finished_once(scenario)


# Shortened 1:4: 120 s are left, and a task of 5 s or 60 s.
@pytest.mark.parametrize("seconds", [task / 4 for task in TASKS if task < SPOT_SECONDS])
def test_told_that_120_s_are_left_a_task_of_60_s_is_finished(
    start_scenario: StartScenario, seconds: float
) -> None:
    with (
        InstanceMetadata() as metadata,
        one_pod(start_scenario, seconds, metadata_url=metadata.url) as scenario,
    ):
        agent = scenario.pods[0].agent
        time.sleep(min(seconds / 2, 1))
        metadata.announce(SPOT_SECONDS / 4)
        agent.terminate()
        assert agent.wait(25) == 0
        assert finished_once(scenario)


# Shortened 1:20: without the notice, SIGTERM and 120 s later the end.
@pytest.mark.parametrize(
    ("seconds", "tries"),
    [(task / SHORTENED, 1 if ENDS["Spot interruption"].finishes(task) else 2) for task in TASKS],
)
def test_an_instance_that_ends_unannounced_costs_a_long_task_a_try(
    start_scenario: StartScenario, seconds: float, tries: int
) -> None:
    with one_pod(start_scenario, seconds) as scenario:
        [pod] = scenario.pods
        pod.agent.terminate()
        holds_within(lambda: not pod.agent.is_running(), SPOT_SECONDS / SHORTENED)
        pod.end()
        pod.start()
        pod.await_runtime()
        assert finished_once(scenario, tries=tries)


# Shortened 1:20. The kubelet's hard eviction gives a second, which no task of the table ends in.
@pytest.mark.parametrize(
    "seconds", [task / SHORTENED for task in TASKS if not ENDS["node pressure"].finishes(task)]
)
def test_node_pressure_costs_every_task_a_try(
    start_scenario: StartScenario, seconds: float
) -> None:
    with one_pod(start_scenario, seconds + 1) as scenario:
        [pod] = scenario.pods
        pod.agent.kill()
        pod.runtime.kill()
        pod.start()
        pod.await_runtime()
        assert finished_once(scenario, tries=2)


def test_an_instance_that_goes_takes_no_more_tasks(start_scenario: StartScenario) -> None:
    with (
        InstanceMetadata() as metadata,
        one_pod(start_scenario, 1, metadata_url=metadata.url) as scenario,
    ):
        agent = scenario.pods[0].agent
        metadata.announce(60)
        scenario.await_callbacks(1)
        until(lambda: '"stopped"' in agent.log_tail(), "it has stopped working", 20)
        scenario.submit_many(1)
        # Ended, it would be started anew on the same instance.
        time.sleep(2)
        assert agent.is_running()
        assert scenario.resources.messages_left() == 1
        agent.terminate()
        assert agent.wait(3) == 0
        metadata.notice = None
        agent.start()
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted


def test_sigterm_ends_an_idle_agent_within_2_s(start_scenario: StartScenario) -> None:
    default = {"EASEL_RECEIVE_WAIT_SECONDS": "1"}
    with start_scenario(agents=1, settings=default) as scenario:
        agent = scenario.pods[0].agent
        scenario.submit_many(1)
        scenario.await_callbacks(1)
        time.sleep(1.3)  # in the midst of a poll
        began = time.monotonic()
        agent.terminate()
        assert agent.wait(10) == 0
        assert time.monotonic() - began < 2


def test_sigterm_ends_a_warm_up_within_2_s(start_scenario: StartScenario) -> None:
    warm = {"EASEL_WARM_UP": "true", "EASEL_RECEIVE_WAIT_SECONDS": "1"}
    # Deaf to interrupts, as SD WebUI is while it loads a model.
    with start_scenario(agents=1, settings=warm) as scenario:
        [pod] = scenario.pods
        pod.agent.kill()
        pod.runtime.add_fault("hang", seconds=60)
        pod.agent.start()
        until(pod.runtime.is_warming_up, "the warm-up runs")
        began = time.monotonic()
        pod.agent.terminate()
        assert pod.agent.wait(10) == 0
        assert time.monotonic() - began < 2
