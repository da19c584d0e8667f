"""AWS that answers 503, or does the work and loses the answer, or restarts."""

import pytest

from tests.aws_proxy import FaultKind
from tests.faults.conftest import StartScenario

pytestmark = pytest.mark.integration

OUTAGE_SECONDS = 20


@pytest.mark.parametrize("service", ["s3", "sns", "dynamodb"])
def test_service_unavailable_for_20_seconds(start_scenario: StartScenario, service: str) -> None:
    with start_scenario(service_seconds=0.3) as scenario:
        scenario.submit_many(30)
        scenario.await_work()
        scenario.fault(FaultKind.UNAVAILABLE, service, seconds=OUTAGE_SECONDS)
        evidence = scenario.check()
        injected = scenario.proxy.injected()
    assert sum(injected.values()) > 0
    assert evidence.completed | evidence.failed.keys() == scenario.accepted


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.LOSE_ANSWER])
def test_sqs_delete_fails(start_scenario: StartScenario, kind: FaultKind) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        # More than the SDK's own tries: the agent has to deal with some.
        scenario.fault(kind, "sqs", "DeleteMessage*", count=20)
        scenario.submit_many(30)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert set(jobs.values()) == {1}


def test_answers_are_lost(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        scenario.fault(FaultKind.LOSE_ANSWER, "dynamodb", "UpdateItem", count=6)
        scenario.fault(FaultKind.LOSE_ANSWER, "s3", "PutObject", count=6)
        scenario.fault(FaultKind.LOSE_ANSWER, "sns", "Publish", count=12)
        scenario.fault(FaultKind.LOSE_ANSWER, "sqs", "ChangeMessageVisibility*", count=4)
        scenario.fault(FaultKind.LOSE_ANSWER, "sqs", "ReceiveMessage", count=2)
        scenario.submit_many(30)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert evidence.repeats() > 0
    assert set(jobs.values()) == {1}


def test_connections_are_cut(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        for service in ("s3", "sns", "sqs", "dynamodb"):
            scenario.fault(FaultKind.CUT, service, count=15)
        scenario.submit_many(30)
        evidence = scenario.check()
    assert evidence.completed == scenario.accepted


def test_dynamodb_throttles_for_20_seconds(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.2) as scenario:
        scenario.submit_many(20)
        scenario.await_work()
        scenario.fault(FaultKind.THROTTLE, "dynamodb", seconds=OUTAGE_SECONDS)
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == scenario.accepted
    assert set(jobs.values()) == {1}
