"""One delivery of one task: its message, its claim on the task's record, and how both end."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from easel_agent.claims import Claims
from easel_agent.errors import AwsError
from easel_agent.heartbeat import Heartbeat
from easel_agent.lifecycle import END_STATES, Lifecycle, TaskState
from easel_agent.metric_lines import TaskEnd
from easel_agent.metrics import Metrics
from easel_agent.queue import QueueMessage, TaskQueue
from easel_agent.runtimes.job import Job
from easel_agent.timeline import Timeline
from easel_agent.traces import NoTraces, Traces
from easel_contract.metrics import ReturnReason
from easel_contract.record import TaskRecord
from easel_contract.result import TaskResult
from easel_contract.task import TaskMessage
from easel_contract.uid import created_at_of
from easel_contract.usage import Usage
from easel_records.leases import TaskLease, new_owner

logger = logging.getLogger(__name__)

_MOST_DRIFT = timedelta(minutes=15)
"""Between a task's uid and the time of acceptance in its message, which anybody may write."""


class Lease:
    """A task that this agent holds.

    Held twice: the heartbeat keeps the message invisible to other agents, and from the claim on
    the claim keeper renews the lease in the task's record. `complete`, `abandon`, `dead_letter` and
    `lose` are the only ways out.

    Attributes:
        message: the queue's.
        received_at: of `time.monotonic()`.
        timeline: of its phases.
        idle_gap_seconds: for which the runtime waited for this task; see `GpuTime.began`.
        deadline: of `time.monotonic()`; until then the message is kept.
        job: by which the runtime's work on the task is stopped.
        owner: name of the claim, however often it takes DynamoDB to answer.
        claim: on the task's record; None before the task is begun.
    """

    def __init__(
        self, message: QueueMessage, holder: "LeaseHolder", ceiling_seconds: float
    ) -> None:
        self.message = message
        self.timeline = Timeline()
        self.received_at = self.timeline.received
        self.idle_gap_seconds: float | None = None
        self.deadline = self.received_at + ceiling_seconds
        self.job = Job()
        self.owner = new_owner()
        self.claim: TaskLease | None = None
        self._holder = holder
        self._lifecycle = Lifecycle()
        self._task: TaskMessage | None = None
        self._waiting: TaskRecord | None = None
        self._earlier = Usage()
        self._is_running = False
        self._gpu_seconds = 0.0
        self._on_end: list[Callable[[], None]] = [self.job.ended]

    @property
    def task(self) -> TaskMessage:
        """The task in the message; from PREPARING on there always is one."""
        if self._task is None:
            raise RuntimeError("the message has not been read yet")
        return self._task

    @property
    def waiting(self) -> TaskRecord:
        """The task's record as it is while the task waits; there is one from PREPARING on."""
        if self._waiting is None:
            raise RuntimeError("the message has not been read yet")
        return self._waiting

    @property
    def uid(self) -> str:
        """Of the task."""
        return self.waiting.uid

    @property
    def accepted_at(self) -> datetime:
        """When the task was accepted, as far as its message can be believed."""
        told = self.waiting.created_at
        recorded = created_at_of(self.uid)
        if told.tzinfo is None or abs(recorded - told) > _MOST_DRIFT:
            return recorded
        return told

    @property
    def output_scope(self) -> str:
        """Who may name the task's outputs in tasks of his own; see `TaskRecord.output_scope`."""
        record = self.claim.record if self.claim else self.waiting
        return record.output_scope

    @property
    def state(self) -> TaskState:
        """Where the task stands."""
        return self._lifecycle.state

    @property
    def attempts(self) -> int:
        """How often the task was begun, this try included."""
        return self.claim.record.attempts if self.claim else 0

    @property
    def deadline_at(self) -> datetime | None:
        """When the task must have ended, by its sender's word."""
        return self.waiting.deadline_at

    @property
    def gpu_seconds(self) -> float:
        """Seconds that runtimes worked on the task, the running try included."""
        return self._earlier.gpu_seconds + self._gpu_seconds + self._running_seconds

    @property
    def _running_seconds(self) -> float:
        """Seconds that the runtime is at the task's own job; 0 while that waits, or has ended."""
        begun_at = self.job.begun_at if self._is_running else None
        return 0.0 if begun_at is None else time.monotonic() - begun_at

    @property
    def usage(self) -> Usage:
        """What the task took until now, pictures and cost not counted."""
        return Usage(gpu_seconds=round(self.gpu_seconds, 3))

    def read(self, task: TaskMessage, waiting: TaskRecord) -> None:
        """The message was read."""
        self._task, self._waiting = task, waiting
        self.move(TaskState.PREPARING)

    def claimed(self, claim: TaskLease) -> None:
        """The task's record was claimed; its lease is renewed from now on."""
        self._earlier = claim.record.usage
        self.claim = claim

    def begin(self) -> None:
        """The runtime gets the task."""
        self._is_running = True
        self.timeline.begun = time.monotonic()
        self.move(TaskState.RUNNING)

    def run_again(self) -> None:
        """The runtime gets the task once more, in the same try."""
        self._gpu_seconds += self._running_seconds
        self.job.runs_again()

    def end_generation(self) -> float:
        """The runtime has ended its work; returns for how many seconds it worked in this try."""
        self._gpu_seconds += self._running_seconds
        self._is_running = False
        self.timeline.generated = time.monotonic()
        return self._gpu_seconds

    def on_end(self, call: Callable[[], None]) -> None:
        """Has something called when the lease has ended, in whichever way."""
        self._on_end.append(call)

    def move(self, state: TaskState) -> None:
        """Goes on to another state; see `Lifecycle.move`."""
        self._lifecycle.move(state)
        if state is TaskState.READY:
            self.timeline.ready = time.monotonic()
        logger.debug("state", extra={"message_id": self.message.message_id, "state": state})
        if state in END_STATES:
            for call in self._on_end:
                call()

    def report(self, result: TaskResult) -> None:
        """Counts the task, whose result was announced in this delivery, and traces it."""
        timeline = self.timeline
        end = TaskEnd(
            self.task.metadata.tasktype,
            announce_seconds=timeline.announce_seconds,
            end_to_end_seconds=timeline.seconds_since(self.accepted_at),
            idle_gap_seconds=self.idle_gap_seconds,
            model_switches=self.job.model_switches,
            trace_id=self.waiting.trace_id,
        )
        self._holder.metrics.finished(result, end)
        self._holder.traces.ended(self, result)

    def complete(self) -> None:
        """Deletes the message of a task that has ended and was announced.

        Raises:
            AwsError: SQS did not answer; the lease goes on.
        """
        self._holder.queue.delete(self.message)
        self._end(TaskState.DONE)

    def dead_letter(self) -> None:
        """Moves the message of a task that has failed to the dead-letter queue.

        There it carries its uid, so that a redrive finds the record of the task.

        Raises:
            AwsError: SQS did not answer; the lease goes on.
        """
        body = None
        if self._waiting is not None:
            identity = {"uid": self.waiting.uid, "tenant": self.waiting.tenant}
            body = self.task.model_copy(update=identity).to_json()
        self._holder.queue.dead_letter(self.message, body)
        self._end(TaskState.DEAD_LETTERED)
        self._holder.metrics.dead_lettered()

    def abandon(
        self, reason: ReturnReason, delay_seconds: int = 0, *, counts: bool = False
    ) -> None:
        """Gives the task back to the queue, visible at once or after a delay; never raises.

        Where even that fails, lease and visibility time-out bring the task back.

        Args:
            reason: for logs and metrics.
            delay_seconds: after which the task may be received again.
            counts: whether the try counts, where the task was begun.
        """
        self._holder.heartbeat.release(self.message)
        try:
            if self.claim is not None:
                self._holder.claims.abandon(self.claim, counts=counts, usage=self.usage)
            self._holder.queue.give_back(self.message, delay_seconds)
        except AwsError as error:
            logger.warning("a task could not be given back: %s", error)
        self._end(TaskState.RETURNED)
        self._holder.metrics.returned(reason, is_retry=counts and self.claim is not None)
        if self.claim is not None:
            self._holder.traces.returned(self, reason, counts=counts)
        logger.info(
            "task given back",
            extra={
                "message_id": self.message.message_id,
                "reason": reason,
                "delay_seconds": delay_seconds,
                "attempts": self.attempts,
                "receive_count": self.message.receive_count,
            },
        )

    def lose(self, reason: ReturnReason) -> None:
        """Lets the task go without a word to the queue.

        Another agent has the task, or the visibility time-out is to bring it back.
        """
        is_returned = self.state in (TaskState.RECEIVED, TaskState.PREPARING)
        self._end(TaskState.RETURNED if is_returned else TaskState.LOST)
        self._holder.metrics.returned(reason)
        logger.warning(
            "task let go", extra={"message_id": self.message.message_id, "reason": reason}
        )

    def _end(self, state: TaskState) -> None:
        self._holder.heartbeat.release(self.message)
        self.move(state)


class LeaseHolder:
    """The collaborators that all leases of an agent share."""

    def __init__(
        self,
        queue: TaskQueue,
        heartbeat: Heartbeat,
        claims: Claims,
        metrics: Metrics,
        traces: Traces | None = None,
    ) -> None:
        self.queue = queue
        self.heartbeat = heartbeat
        self.claims = claims
        self.metrics = metrics
        self.traces = traces or NoTraces()

    def hold(self, message: QueueMessage, ceiling_seconds: float) -> Lease:
        """Holds a message that was just received.

        Args:
            message: the queue's.
            ceiling_seconds: after which a task that hangs is lost to another agent instead of
                being kept for ever.
        """
        lease = Lease(message, self, ceiling_seconds)
        self.heartbeat.hold(message, lease.deadline)
        return lease
