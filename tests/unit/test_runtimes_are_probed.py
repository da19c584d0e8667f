"""`easel-deploy runtime probe` ends well only once tasks reach the queue for certain."""

import itertools
from collections.abc import Callable

import pytest

from easel_contract.probe import Probe, ProbeOrder
from easel_deploy.probe_way import WayBlockedError
from easel_deploy.runtime_probe import (
    ROUND_PROBES,
    ROUNDS_IN_A_ROW,
    ProbeFailedError,
    Prober,
    ProbeRequest,
)

pytestmark = pytest.mark.unit

ENOUGH = ROUND_PROBES * ROUNDS_IN_A_ROW
REQUEST = ProbeRequest(
    region="us-east-1",
    runtime="sdruntime",
    function_name="easel-probe",
    queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/easel-sdruntime",
)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Topic:
    """A topic whose filter takes a probe by a rule, and a queue; both by a clock of the test's."""

    def __init__(self, clock: Clock, takes: Callable[[int], bool] = lambda _: True) -> None:
        self.clock = clock
        self.takes = takes
        self.queue: list[Probe] = []
        self.sent: list[ProbeOrder] = []
        self.refuses_until = 0.0

    def send(self, order: ProbeOrder) -> None:
        self.sent.append(order)
        if self.clock() < self.refuses_until:
            raise WayBlockedError("the function easel-probe failed: AuthorizationError: not known")
        self.queue += [m.probe for m in order.messages() if self.takes(m.probe.number)]

    def take(self) -> list[Probe]:
        self.clock.sleep(0.05 if self.queue else 2)
        taken, self.queue = self.queue, []
        return taken


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(clock: Clock, topic: Topic, request: ProbeRequest = REQUEST) -> list[str]:
    said: list[str] = []
    Prober(request, topic, said.append, now=clock, sleep=clock.sleep).run()  # type: ignore[arg-type]
    return said


def test_several_rounds_in_a_row_open_the_gate(clock: Clock) -> None:
    topic = Topic(clock)
    said = run(clock, topic)
    assert [order.first for order in topic.sent] == [1, 5, 9]
    assert said == [f"tasks reach its queue: {ENOUGH} probes in a row arrived (2 s)"]


def test_one_probe_that_is_missing_begins_the_row_anew(clock: Clock) -> None:
    topic = Topic(clock, takes=lambda number: number != ENOUGH)
    run(clock, topic)
    assert sum(order.count for order in topic.sent) == 2 * ENOUGH


def test_a_late_filter_is_waited_for_and_progress_is_said(clock: Clock) -> None:
    began = clock()
    topic = Topic(clock, takes=lambda _: clock() - began > 600)
    said = run(clock, topic)
    assert 600 < clock() - began < 660
    assert "0 of " in said[0]
    assert "does not act everywhere yet" in said[0]
    assert len(said) > 600 / 30
    assert said[-1].startswith("tasks reach its queue: 12 probes in a row")


def test_a_filter_that_never_acts_ends_within_20_minutes_and_says_so(clock: Clock) -> None:
    began = clock()
    with pytest.raises(ProbeFailedError) as raised:
        run(clock, Topic(clock, takes=lambda _: False))
    assert 1200 <= clock() - began < 1230
    words = str(raised.value)
    assert "0 arrived in https://sqs.us-east-1.amazonaws.com/123456789012/easel-sdruntime" in words
    assert 'its filter must name runtime "sdruntime"' in words
    assert "Apply again" in words


def test_a_filter_that_acts_at_some_of_snss_servers_only_is_none(clock: Clock) -> None:
    lucky = itertools.cycle([True, True, True, True, True, True, True, False])
    with pytest.raises(ProbeFailedError, match="Tasks do not reach runtime sdruntime"):
        run(clock, Topic(clock, takes=lambda _: next(lucky)))


def test_new_roles_may_take_a_while_to_be_known(clock: Clock) -> None:
    topic = Topic(clock)
    topic.refuses_until = clock() + 60
    said = run(clock, topic)
    assert "probes cannot be sent or received yet" in said[0]
    assert "AuthorizationError" in said[0]


def test_what_aws_refuses_for_two_minutes_ends_it_with_the_rights_that_are_needed(
    clock: Clock,
) -> None:
    topic = Topic(clock)
    topic.refuses_until = float("inf")
    began = clock()
    with pytest.raises(ProbeFailedError) as raised:
        run(clock, topic)
    assert 120 <= clock() - began < 140
    for word in ("AuthorizationError", "lambda:InvokeFunction", "sqs:ReceiveMessage"):
        assert word in str(raised.value)


def test_probes_of_a_run_that_was_killed_do_not_count(clock: Clock) -> None:
    topic = Topic(clock, takes=lambda _: False)
    order = ProbeOrder(runtime="sdruntime", run="0123456789abcdef", first=1, count=4)
    topic.queue = [message.probe for message in order.messages()]
    with pytest.raises(ProbeFailedError, match=" 0 arrived"):
        run(clock, topic, REQUEST.model_copy(update={"timeout_seconds": 30}))


def test_stragglers_are_taken_out_of_the_queue(clock: Clock) -> None:
    """Else KEDA would start a pod for them."""
    topic = Topic(clock, takes=lambda number: number > ROUND_PROBES)
    late = ProbeOrder(runtime="sdruntime", run="0123456789abcdef", first=1, count=1).messages()

    def send(order: ProbeOrder) -> None:
        Topic.send(topic, order)
        if order.first == ROUND_PROBES * ROUNDS_IN_A_ROW + 1:
            topic.queue.append(late[0].probe)

    topic.send = send  # type: ignore[method-assign]
    run(clock, topic)
    assert topic.queue == []
