"""DynamoDB writes and its answer is lost: whoever asks again must see its own write as its own."""

import pytest

from tests.aws_proxy import FaultKind
from tests.faults.conftest import StartScenario

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_claim_whose_answer_is_lost_costs_no_try(
    start_scenario: StartScenario, by_hand: bool
) -> None:
    with start_scenario(service_seconds=0.2) as scenario:
        # More than the SDK's own tries: claims, renewals and ends, all of them are written.
        scenario.fault(FaultKind.LOSE_ANSWER, "dynamodb", "UpdateItem", count=12)
        scenario.fault(FaultKind.LOSE_ANSWER, "dynamodb", "PutItem", count=4)
        scenario.submit_many(12, by_hand=by_hand)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert set(jobs.values()) == {1}
    assert {record.attempts for record in evidence.records} == {1}
