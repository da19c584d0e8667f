"""A crash between any two writes of a task's end: nothing lost, doubled or told differently."""

import pytest

from tests.aws_proxy import FaultKind
from tests.faults.conftest import StartScenario
from tests.faults.deadline import until

pytestmark = pytest.mark.integration

HELD_SECONDS = 30.0


@pytest.mark.parametrize(
    ("kind", "service", "operation", "count"),
    [
        (FaultKind.DELAY, "s3", "PutObject", 2),
        (FaultKind.LOSE_ANSWER, "s3", "PutObject", 2),
        (FaultKind.DELAY, "dynamodb", "UpdateItem", 2),
        (FaultKind.LOSE_ANSWER, "dynamodb", "UpdateItem", 1),  # the record is finished
        (FaultKind.DELAY, "sns", "Publish", 1),
        (FaultKind.LOSE_ANSWER, "sns", "Publish", 1),
        (FaultKind.DELAY, "sqs", "DeleteMessage*", 1),
        (FaultKind.LOSE_ANSWER, "sqs", "DeleteMessage*", 1),
    ],
)
def test_a_crash(
    start_scenario: StartScenario, kind: FaultKind, service: str, operation: str, count: int
) -> None:
    with start_scenario(agents=1, service_seconds=1.5) as scenario:
        [pod] = scenario.pods
        [task] = scenario.submit_many(1)
        scenario.await_work()
        # From here on the next such call is one of the end's: the claim was made before.
        more = {"delay_seconds": HELD_SECONDS} if kind is FaultKind.DELAY else {}
        scenario.fault(kind, service, operation, count=50, **more)
        name = f"{kind}:{service}.{operation.removesuffix('*')}"
        until(
            lambda: any(struck.startswith(name) for struck in scenario.proxy.injected()),
            f"{name} is struck",
        )
        pod.agent.kill()
        scenario.proxy.clear_faults()
        pod.agent.start()
        evidence = scenario.check()
        jobs = scenario.jobs()
    assert evidence.completed == {task.key}
    assert jobs == {task.seed: count}
    [record] = evidence.records
    assert record.attempts == count
