"""A crash between any two writes of a task's end: nothing lost, doubled or told differently."""

import pytest

from easel_local.aws_proxy import FaultKind
from tests.faults.conftest import StartScenario
from tests.faults.deadline import until

pytestmark = pytest.mark.integration

HELD_SECONDS = 30.0


@pytest.mark.parametrize(
    ("service", "operation", "is_done_again"),
    [
        ("s3", "PutObject", True),
        ("dynamodb", "UpdateItem", True),  # the record is finished
        ("sns", "Publish", False),
        ("sqs", "DeleteMessage*", False),
    ],
)
@pytest.mark.parametrize("kind", [FaultKind.DELAY, FaultKind.LOSE_ANSWER])
def test_a_crash(
    start_scenario: StartScenario,
    service: str,
    operation: str,
    is_done_again: bool,
    kind: FaultKind,
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
    if not is_done_again:
        assert jobs[task.seed] == 1
    [record] = evidence.records
    assert record.attempts == jobs[task.seed]
