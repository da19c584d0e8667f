"""`easel-deploy runtime probe`: waits until tasks reach a new runtime's queue; Terraform runs it.

SNS says of a filter policy that it is eventually consistent and may take up to 15 minutes to act;
what it does not take yet is dropped in silence. So probes go the way of a task, and until several
rounds of them have arrived the runtime is not made known to the API. Why: docs/adr/0043.
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

import argparse
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from easel_contract.identifiers import RuntimeName
from easel_contract.plain_text import printable_lines
from easel_contract.probe import ProbeOrder
from easel_deploy.cluster.errors import ClusterError
from easel_deploy.cluster.request import read_request
from easel_deploy.probe_way import ProbeWay, WayBlockedError, probe_way
from easel_deploy.request_variables import PROBE_VARIABLE

ROUND_PROBES = 4
ROUNDS_IN_A_ROW = 3
"""A guess, as SNS says nothing of it: its servers may learn of a filter each for itself, and twelve
arrivals without a gap, over some seconds, say more than one."""

_ROUND_SECONDS = 8.0
"""For which a round's probes may be under way; a delivery takes well under one second."""
_PAUSE_SECONDS = 1.0
_PROGRESS_SECONDS = 15.0
_REFUSED_SECONDS = 120.0
"""For which AWS may refuse or fail: new roles and policies are not known everywhere at once."""


class ProbeFailedError(ClusterError):
    """Tasks do not reach the queue, or it could not be found out; the message says what to do."""


class ProbeRequest(BaseModel):
    """Which runtime, and how long it may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+$")]
    runtime: RuntimeName
    function_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    queue_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=1000)]
    timeout_seconds: float = Field(default=1200, gt=0, le=7200)
    """SNS's quarter of an hour, and five minutes."""


def probe(_: argparse.Namespace) -> int:
    """Carries out the command.

    Raises:
        easel_deploy.cluster.errors.RequestRefusedError: the environment holds no whole request.
        ProbeFailedError: probes do not arrive, or AWS refuses to send or receive them.
    """
    request = read_request(ProbeRequest, PROBE_VARIABLE)

    def say(text: str) -> None:
        sys.stdout.write(printable_lines(f"runtime {request.runtime}: {text}\n"))
        sys.stdout.flush()

    way = probe_way(request.region, request.function_name, request.queue_url)
    Prober(request, way, say).run()
    return 0


class Prober:
    """One run: rounds of probes, until enough of them in a row arrived as a whole."""

    def __init__(
        self,
        request: ProbeRequest,
        way: ProbeWay,
        say: Callable[[str], None],
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepares; sends nothing.

        Args:
            request: which runtime.
            way: into its queue.
            say: prints a line of progress.
            now: seconds of a clock that only goes forward.
            sleep: waits for some seconds.
        """
        self._request = request
        self._way = way
        self._say = say
        self._now = now
        self._sleep = sleep
        self._run = secrets.token_hex(16)
        self._sent = 0
        self._arrived: set[int] = set()
        self._blocked: str | None = None

    def run(self) -> None:
        """Sends rounds of probes until tasks reach the queue.

        Raises:
            ProbeFailedError: they do not, within the request's time.
        """
        started = self._now()
        said = last_passed = started
        in_a_row = 0
        while in_a_row < ROUNDS_IN_A_ROW:
            try:
                in_a_row = in_a_row + 1 if self._round() else 0
                last_passed, self._blocked = self._now(), None
            except WayBlockedError as error:
                in_a_row, self._blocked = 0, str(error)
                if self._now() - last_passed >= _REFUSED_SECONDS:
                    raise ProbeFailedError(self._refused()) from error
            passed = self._now() - started
            if in_a_row < ROUNDS_IN_A_ROW:
                if passed >= self._request.timeout_seconds:
                    raise ProbeFailedError(self._late(passed))
                if self._now() - said >= _PROGRESS_SECONDS:
                    most = self._request.timeout_seconds
                    self._say(f"{self._standing()} ({passed:.0f} s of at most {most:.0f} s)")
                    said = self._now()
                self._sleep(_PAUSE_SECONDS)
        self._take_stragglers()
        self._say(
            f"tasks reach its queue: {ROUNDS_IN_A_ROW * ROUND_PROBES} probes in a row arrived "
            f"({self._now() - started:.0f} s)"
        )

    def _take_stragglers(self) -> None:
        """Leaves no probe for KEDA to start a pod for, as far as one is there."""
        if len(self._arrived) < self._sent:
            with suppress(WayBlockedError):
                self._way.take()

    def _round(self) -> bool:
        """Whether all probes of one round arrived."""
        order = ProbeOrder(
            runtime=self._request.runtime,
            run=self._run,
            first=self._sent + 1,
            count=ROUND_PROBES,
        )
        # Counted before: some may be published although the call fails.
        self._sent += ROUND_PROBES
        self._way.send(order)
        awaited = set(range(order.first, order.first + order.count))
        until = self._now() + _ROUND_SECONDS
        while awaited - self._arrived and self._now() < until:
            for one in self._way.take():
                # Of an earlier round, or of a run that was killed: taken out of the queue, no more.
                if one.run == self._run:
                    self._arrived.add(one.number)
        return awaited <= self._arrived

    def _standing(self) -> str:
        if self._blocked:
            return f"probes cannot be sent or received yet: {self._blocked}"
        arrived = f"{len(self._arrived)} of {self._sent} probes arrived"
        return f"{arrived}: SNS's new filter does not act everywhere yet"

    def _refused(self) -> str:
        return (
            f"AWS has not let runtime {self._request.runtime} be probed for "
            f"{_REFUSED_SECONDS:.0f} s: {self._blocked}\n"
            "Whoever applies needs lambda:InvokeFunction on the function "
            f"{self._request.function_name}, sqs:ReceiveMessage and sqs:DeleteMessage on the queue "
            f"{self._request.queue_url}, and kms:Decrypt with the stack's key. Then apply again."
        )

    def _late(self, passed: float) -> str:
        name = self._request.runtime
        return (
            f"Tasks do not reach runtime {name}: of {self._sent} probes in {passed:.0f} s "
            f"{len(self._arrived)} arrived in {self._request.queue_url}"
            f"{f' ({self._blocked})' if self._blocked else ''}.\n"
            "SNS may take 15 minutes until a new subscription's filter acts. Until probes arrive, "
            "the API takes no task for this runtime, and none is lost.\n"
            "Apply again: it goes on probing. Should it end like this once more, look at the tasks "
            f'topic\'s subscription of this queue (its filter must name runtime "{name}"), at the '
            "queue's policy and its key, and into its dead-letter queue. Where agents of an older "
            "version serve the queue, they bury probes: scale them to zero first."
        )
