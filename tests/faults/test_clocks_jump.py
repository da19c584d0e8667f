"""Agents whose wall clock jumps forward and back while they work."""

import pytest

from tests.faults import jumping_clock
from tests.faults.conftest import StartScenario

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("jumps", ["3:7200,5:-14400", "3:-7200,5:86400"])
def test_clock_jumps(start_scenario: StartScenario, jumps: str) -> None:
    with start_scenario(
        service_seconds=0.3,
        agent_module="tests.faults.jumping_clock",
        settings={jumping_clock.VARIABLE: jumps},
    ) as scenario:
        scenario.submit_many(30)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert set(jobs.values()) == {1}
