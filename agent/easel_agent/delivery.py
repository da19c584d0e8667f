"""Ends tasks: uploads outputs, finishes the record, publishes the callback, ends the message."""

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from easel_agent.claims import Claims
from easel_agent.errors import (
    AwsError,
    AwsRefusedError,
    InterruptedTaskError,
    LostTaskError,
    RejectedTaskError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.lease import Lease
from easel_agent.lifecycle import END_STATES, TaskState
from easel_agent.metrics import Metrics
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.pricing import Pricing
from easel_agent.retry_policy import RetryPolicy
from easel_agent.runtimes.base import Finished, Generation, MadeFile
from easel_agent.uploads import StoredOutputs, Uploads
from easel_contract.errors import TaskError
from easel_contract.metrics import ReturnReason
from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import ResultStatus, TaskResult, Timings
from easel_records.leases import TaskEndedError, TaskLeasedError

logger = logging.getLogger(__name__)

_WORKERS = 8
_MAX_HELD_BYTES = 16 * 1024 * 1024
"""Of answers that wait for their delivery or are at it; a single larger one is let through."""
HEAD_START_SECONDS = 0.004
"""What everything else leaves to the thread that owns the runtime when a job has ended: reading
the answer at once would take Python's lock from it, and the GPU would wait."""
_MIN_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.5, 10.0
_REFUSED_SECONDS = 60.0
"""How long a call is tried again that AWS calls our fault: a person may mend a right meanwhile."""
_RUN_ERRORS = (RejectedTaskError, TransientError, RuntimeDeadError, InterruptedTaskError)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Outcome:
    """How a task's run ended.

    Attributes:
        timings: as far as they are known.
        finished: the runtime's job; None of a failed or cancelled task.
        failure: why it failed; None of a completed or cancelled one.
        dead_letter: whether the message of a failed task goes to the dead-letter queue.
        answer: the runtime's answer to a failed task, to be stored.
        made: what the runtime made of a failed task, with its answer; None where that is nothing.
    """

    timings: Timings
    finished: Finished | None = None
    failure: TaskError | None = None
    dead_letter: bool = False
    answer: bytes | None = None
    made: Callable[[], Generation] | None = None

    @property
    def status(self) -> TaskStatus:
        """The state that the task ends in."""
        if self.failure is not None:
            return TaskStatus.FAILED
        return TaskStatus.CANCELLED if self.finished is None else TaskStatus.COMPLETED


@dataclass(frozen=True)
class Destinations:
    """Where outcomes go.

    Attributes:
        claims: the tasks' records.
        outputs: the bucket.
        notifier: the topic.
        pricing: of the runtime, for the cost of a task.
        metrics: that count outcomes.
    """

    claims: Claims
    outputs: OutputStore
    notifier: Notifier
    pricing: Pricing
    metrics: Metrics


class Delivery:
    """Delivers in the background, a bounded number of tasks at once.

    The GPU's work is not thrown away because S3, DynamoDB or SNS is down: a delivery is tried again
    until the task's ceiling, and while all workers are at it, `submit` waits and no task is begun.
    """

    def __init__(self, runtime_name: str, policy: RetryPolicy, destinations: Destinations) -> None:
        self._runtime_name = runtime_name
        self._policy = policy
        self._to = destinations
        self._uploads = Uploads()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="delivery")
        self._changed = threading.Condition()
        self._running: dict[Future[None], int] = {}

    def submit(self, lease: Lease, outcome: Outcome) -> "Future[None]":
        """Delivers a new outcome; waits while too many are under way."""
        lease.move(TaskState.DELIVERING)
        held_bytes = outcome.finished.held_bytes if outcome.finished else 0
        return self._start(lease, lambda: self._deliver(lease, outcome), held_bytes)

    def repeat(self, lease: Lease, record: TaskRecord) -> "Future[None]":
        """Announces once more a task that has ended before, and ends its message."""
        lease.move(TaskState.DELIVERING)
        return self._start(lease, lambda: self._announce_again(lease, record))

    def announce_begin(self, lease: Lease) -> None:
        """Publishes that a task was begun; at the first failure the notice is let go."""
        result = TaskResult(
            id=lease.task.metadata.id,
            uid=lease.uid,
            result=False,
            context=lease.task.metadata.context,
            event_id=uuid.uuid5(uuid.UUID(lease.uid), f"running-{lease.attempts}").hex,
            runtime=self._runtime_name,
            status=ResultStatus.RUNNING,
            attempts=lease.attempts,
        )
        self._pool.submit(self._publish_begin, result, lease.waiting.callback_url)

    def drain(self, seconds: float) -> bool:
        """Waits for all deliveries.

        Returns:
            Whether all ended in time.
        """
        with self._changed:
            running = set(self._running)
        done = not wait(running, timeout=seconds).not_done
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._uploads.close()
        return done

    def _publish_begin(self, result: TaskResult, callback_url: str | None) -> None:
        try:
            self._to.notifier.publish(result, callback_url)
        except AwsError as error:
            logger.warning("the begin of a task was not announced: %s", error)

    def _start(self, lease: Lease, act: Callable[[], None], held_bytes: int = 0) -> "Future[None]":
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(held_bytes))
            future = self._pool.submit(self._run, lease, act)
            self._running[future] = held_bytes
        future.add_done_callback(self._forget)
        return future

    def _has_room(self, held_bytes: int) -> bool:
        held = sum(self._running.values())
        fits = not held or held + held_bytes <= _MAX_HELD_BYTES
        return fits and len(self._running) < _WORKERS

    def _forget(self, future: "Future[None]") -> None:
        with self._changed:
            self._running.pop(future, None)
            self._changed.notify_all()

    def _run(self, lease: Lease, act: Callable[[], None]) -> None:
        try:
            act()
        except LostTaskError as error:
            logger.warning("%s", error, extra={"task_uid": lease.uid})
            lease.lose(ReturnReason.LOST)
        except TaskEndedError as ended:
            # Another agent, or the API, has ended the task since this one looked.
            record = ended.record
            self._run(lease, lambda: self._announce_again(lease, record))
        except TaskLeasedError as leased:
            lease.abandon(ReturnReason.LEASED, max(1, round(leased.seconds)))
        except Exception:
            # Not delivered in its time: its visibility timeout brings it back, to be done again.
            logger.exception("delivery failed", extra={"task_uid": lease.uid})
            if lease.state not in END_STATES:
                lease.lose(ReturnReason.DELIVERY_FAILED)

    def _deliver(self, lease: Lease, outcome: Outcome) -> None:
        time.sleep(HEAD_START_SECONDS)
        result = self._result(lease, outcome)
        try:
            result = self._stored(lease, outcome, result)
        except _RUN_ERRORS as error:
            decision = self._policy.decide(lease, error)
            if not decision.is_final:
                lease.abandon(decision.reason, decision.delay_seconds, counts=decision.counts)
                return
            outcome = replace(
                outcome,
                finished=None,
                failure=decision.failure,
                dead_letter=decision.dead_letter,
                answer=decision.answer,
                made=decision.made,
            )
            result = self._stored(lease, outcome, self._result(lease, outcome))
        lease.timeline.stored = time.monotonic()
        self._until_done(lease, lambda: self._finish(lease, outcome.status, result))
        callback_url = lease.waiting.callback_url
        self._until_done(lease, lambda: self._to.notifier.publish(result, callback_url))
        lease.timeline.announced = time.monotonic()
        self._end(lease, result, dead_letter=outcome.dead_letter)
        lease.report(result)

    def _finish(self, lease: Lease, status: TaskStatus, result: TaskResult) -> None:
        text = result.to_json()
        if lease.claim is None:
            self._to.claims.end_waiting(lease.waiting, status, result=text)
        else:
            self._to.claims.finish(lease.claim, status, result=text, usage=result.usage)

    def _result(self, lease: Lease, outcome: Outcome) -> TaskResult:
        """Returns the result as far as it is known before anything is stored."""
        metadata = lease.task.metadata
        return TaskResult(
            id=metadata.id,
            uid=lease.uid,
            result=outcome.status is TaskStatus.COMPLETED,
            context=metadata.context,
            event_id=uuid.uuid4().hex,
            runtime=self._runtime_name,
            status=ResultStatus(outcome.status),
            error=outcome.failure,
            timings=outcome.timings,
            attempts=lease.attempts,
            usage=self._to.pricing.priced(lease.usage),
        )

    def _stored(self, lease: Lease, outcome: Outcome, result: TaskResult) -> TaskResult:
        """Stores the runtime's pictures and answer; returns the result that names each file."""
        started = time.monotonic()
        metadata = lease.task.metadata
        outputs = self._to.outputs.begin(metadata.prefix, metadata.id, lease.output_scope)
        store = partial(self._uploads.store, outputs, partial(self._until_done, lease))
        if outcome.finished is not None:
            stored = store(outcome.finished.collect())
        else:
            stored = _store_what_there_is(store, outcome)
        seconds = round(time.monotonic() - started, 3)
        usage = result.usage.model_copy(update={"pictures": len(stored.picture_urls)})
        return result.model_copy(
            update={
                "image_url": stored.picture_urls,
                "output_url": stored.answer_url,
                "usage": usage,
                "timings": result.timings.model_copy(update={"upload_seconds": seconds}),
            }
        )

    def _announce_again(self, lease: Lease, record: TaskRecord) -> None:
        if record.announced_at is None:
            self._until_done(lease, lambda: self._to.notifier.publish_again(record))
        result = TaskResult.model_validate_json(record.result or "")
        # A crash may have come between the callback and the dead-letter queue.
        is_hopeless = result.error is not None and result.error.retryable
        self._end(lease, result, dead_letter=is_hopeless)
        self._to.metrics.finished(result, None)

    def _end(self, lease: Lease, result: TaskResult, *, dead_letter: bool) -> None:
        self._until_done(lease, lease.dead_letter if dead_letter else lease.complete)
        _log_result(lease, result)

    def _until_done(self, lease: Lease, act: Callable[[], _T]) -> _T:
        """Tries again while AWS does not answer, until the task's ceiling."""
        pause = _MIN_PAUSE_SECONDS
        refused_deadline = min(lease.deadline, time.monotonic() + _REFUSED_SECONDS)
        while True:
            try:
                return act()
            except AwsError as error:
                is_refused = isinstance(error, AwsRefusedError)
                if time.monotonic() + pause > (refused_deadline if is_refused else lease.deadline):
                    raise
                logger.warning("AWS call failed, trying again: %s", error)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrecy
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def _store_what_there_is(
    store: Callable[[Generation], StoredOutputs], outcome: Outcome
) -> StoredOutputs:
    """Stores what a failed task left; the failure itself is told whatever becomes of that."""
    if outcome.made is not None:
        try:
            made = outcome.made()
            return store(replace(made, files=_until_an_error(made.files)))
        except _RUN_ERRORS as error:
            logger.warning("what a failed task had made was not stored: %s", error)
    if outcome.answer is None:
        return StoredOutputs()
    return store(Generation(outcome.answer, iter(())))


def _until_an_error(files: Iterator[MadeFile]) -> Iterator[MadeFile]:
    try:
        yield from files
    except _RUN_ERRORS as error:
        logger.warning("not all files of a failed task were stored: %s", error)


def _log_result(lease: Lease, result: TaskResult) -> None:
    fields = {
        "task_id": result.id,
        "task_uid": result.uid,
        "trace_id": lease.waiting.trace_id,
        "runtime": result.runtime,
        "tasktype": lease.task.metadata.tasktype,
        "attempts": result.attempts,
        "receive_count": lease.message.receive_count,
        "pictures": len(result.image_url),
        "timings": result.timings.model_dump(),
    }
    if result.error is None:
        logger.info("task %s", result.status, extra=fields)
    else:
        logger.info("task failed", extra=fields | {"reason": result.error.message})
