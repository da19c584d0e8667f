"""Sees finished tasks out: pictures to S3, the record, the callback, the message's end."""

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.errors import (
    InterruptedTaskError,
    RejectedTaskError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.heartbeat import Heartbeat
from easel_agent.judgement import Judge
from easel_agent.lifecycle import TaskRun, TaskState
from easel_agent.metrics import Metrics
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.queue import TaskQueue
from easel_agent.records import ResultRecord, ResultRecords
from easel_agent.returning import Returning
from easel_agent.runtimes.base import Finished
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult, Timings

logger = logging.getLogger(__name__)

_WORKERS = 8
_MAX_HELD_BYTES = 16 * 1024 * 1024
"""Of answers that wait for their delivery or are at it; a single larger one is let through."""
HEAD_START_SECONDS = 0.004
"""What everything else leaves to the thread that owns the runtime when a job has ended: reading
the answer at once would take Python's lock from it, and the GPU would wait."""
_MIN_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.5, 10.0
_OWN_FAULT_SECONDS = 60.0
_MAX_RESULT_BYTES = 240 * 1024
"""SNS takes 256 KiB, attributes included."""
_RUN_ERRORS = (RejectedTaskError, TransientError, RuntimeDeadError, InterruptedTaskError)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Outcome:
    """How a task's run ended.

    Attributes:
        fingerprint: of the request, for its record; None where there can be none.
        timings: as far as they are known.
        finished: the runtime's job; None of a failed task.
        failure: why it failed; None of a completed one.
        bury: whether the message of a failed task goes to the dead-letter queue.
    """

    fingerprint: str | None
    timings: Timings
    finished: Finished | None = None
    failure: TaskError | None = None
    bury: bool = False


class Delivery:
    """Delivers in the background, a bounded number of tasks at once.

    The GPU's work is not thrown away because S3 or SNS is down: a delivery is tried again until
    the task's ceiling, and while all workers are at it, `submit` waits and no task is begun.
    """

    def __init__(
        self,
        runtime_name: str,
        *,
        judge: Judge,
        queue: TaskQueue,
        heartbeat: Heartbeat,
        returning: Returning,
        outputs: OutputStore,
        records: ResultRecords,
        notifier: Notifier,
        metrics: Metrics,
    ) -> None:
        self._runtime_name = runtime_name
        self._judge = judge
        self._returning = returning
        self._queue = queue
        self._heartbeat = heartbeat
        self._outputs = outputs
        self._records = records
        self._notifier = notifier
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="delivery")
        self._changed = threading.Condition()
        self._running: dict[Future[None], int] = {}

    def submit(self, run: TaskRun, outcome: Outcome) -> "Future[None]":
        """Delivers a new outcome; waits while too many are under way."""
        run.move(TaskState.DELIVERING)
        held_bytes = outcome.finished.held_bytes if outcome.finished else 0
        return self._start(run, lambda: self._deliver(run, outcome), held_bytes)

    def repeat(
        self, run: TaskRun, record: ResultRecord, *, even_if_announced: bool
    ) -> "Future[None]":
        """Sees a task out whose result an earlier delivery recorded."""
        run.move(TaskState.DELIVERING)
        if even_if_announced:
            record = record.model_copy(update={"announced": False})
        return self._start(run, lambda: self._announce(run, record, bury=False))

    def drain(self, seconds: float) -> bool:
        """Waits for all deliveries.

        Returns:
            Whether all ended in time.
        """
        with self._changed:
            running = set(self._running)
        done = not wait(running, timeout=seconds).not_done
        self._pool.shutdown(wait=False, cancel_futures=True)
        return done

    def _start(self, run: TaskRun, act: Callable[[], None], held_bytes: int = 0) -> "Future[None]":
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(held_bytes))
            future = self._pool.submit(self._run, run, act)
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

    def _run(self, run: TaskRun, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            # Not delivered in its time: its visibility timeout brings it back, to be done again.
            logger.exception("delivery failed", extra={"task_id": run.task.metadata.id})
            run.move(TaskState.RETURNED)
            self._metrics.returned("delivery failed")
        finally:
            self._heartbeat.release(run.message)

    def _deliver(self, run: TaskRun, outcome: Outcome) -> None:
        time.sleep(HEAD_START_SECONDS)
        result = self._result(run, outcome)
        if outcome.finished is not None:
            try:
                result = self._store(run, outcome.finished, result)
            except _RUN_ERRORS as error:
                verdict = self._judge.judge(run.message, error)
                if not verdict.is_final:
                    self._returning.give_back(run, verdict.reason, verdict.delay_seconds)
                    return
                outcome = replace(outcome, failure=verdict.failure, bury=verdict.bury)
                result = self._result(run, outcome)
        if outcome.fingerprint is None:
            self._announce_unrecorded(run, result, bury=outcome.bury)
            return
        record = ResultRecord(
            fingerprint=outcome.fingerprint, created_at=run.task.created_at, result=result
        )
        try:
            record = self._until_done(run, lambda: self._records.claim(record))
        except RejectedTaskError as error:
            # The id was taken by another request while this one ran.
            failed = self._result(run, replace(outcome, failure=error.error))
            self._announce_unrecorded(run, failed, bury=False)
            return
        self._announce(run, record, bury=outcome.bury)

    def _result(self, run: TaskRun, outcome: Outcome) -> TaskResult:
        """The result as far as it is known before anything is stored."""
        metadata = run.task.metadata
        return TaskResult(
            id=metadata.id,
            result=outcome.failure is None,
            context=metadata.context,
            event_id=uuid.uuid4().hex,
            runtime=self._runtime_name,
            status=ResultStatus.FAILED if outcome.failure else ResultStatus.COMPLETED,
            error=outcome.failure,
            timings=outcome.timings,
        )

    def _store(self, run: TaskRun, finished: Finished, result: TaskResult) -> TaskResult:
        """Stores what the runtime made, one picture after the other."""
        started = time.monotonic()
        metadata = run.task.metadata
        outputs = self._outputs.begin(metadata.prefix, metadata.id)
        generation = finished.collect()
        answer_url = self._until_done(run, partial(outputs.store_answer, generation.answer))
        pictures = generation.pictures
        del generation  # the answer holds all pictures once more
        for picture in pictures:
            self._until_done(run, partial(outputs.store_picture, picture))
        seconds = round(time.monotonic() - started, 3)
        stored = result.model_copy(
            update={
                "image_url": outputs.picture_urls,
                "output_url": answer_url,
                "timings": result.timings.model_copy(update={"upload_seconds": seconds}),
            }
        )
        if len(stored.to_json().encode()) > _MAX_RESULT_BYTES:
            # SNS would refuse it at every try, and nobody would hear of the task.
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_FAILED,
                f"the list of {len(outputs.picture_urls)} outputs does not fit into a callback; "
                f"they lie beside {answer_url}",
            )
        return stored

    def _announce(self, run: TaskRun, record: ResultRecord, *, bury: bool) -> None:
        if not record.announced:
            self._until_done(run, lambda: self._notifier.publish(record.result))
            self._until_done(run, lambda: self._records.mark_announced(record))
        self._end(run, record.result, bury=bury)

    def _announce_unrecorded(self, run: TaskRun, result: TaskResult, *, bury: bool) -> None:
        # Nothing remembers it: an id that follows from the message makes repeats alike.
        event_id = uuid.uuid5(uuid.NAMESPACE_OID, run.message.message_id).hex
        repeatable = result.model_copy(update={"event_id": event_id, "timings": Timings()})
        self._until_done(run, lambda: self._notifier.publish(repeatable))
        self._end(run, repeatable, bury=bury)

    def _end(self, run: TaskRun, result: TaskResult, *, bury: bool) -> None:
        if bury:
            self._until_done(run, lambda: self._queue.bury(run.message))
        else:
            self._until_done(run, lambda: self._queue.delete(run.message))
        run.move(TaskState.BURIED if bury else TaskState.DONE)
        self._metrics.finished(result)
        _log_result(run, result)

    def _until_done(self, run: TaskRun, act: Callable[[], _T]) -> _T:
        """Tries again while AWS refuses, until the task's ceiling.

        What AWS calls our fault, such as a missing right, is tried for a minute only.
        """
        pause = _MIN_PAUSE_SECONDS
        own_fault_deadline = min(run.deadline, time.monotonic() + _OWN_FAULT_SECONDS)
        while True:
            try:
                return act()
            except (BotoCoreError, ClientError) as error:
                deadline = own_fault_deadline if _is_own_fault(error) else run.deadline
                if time.monotonic() + pause > deadline:
                    raise
                logger.warning("AWS call failed, trying again: %s", error)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrecy
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def _is_own_fault(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error.response["Error"]["Code"]
    is_ours = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_ours and "throttl" not in code.lower() and status != HTTPStatus.TOO_MANY_REQUESTS


def _log_result(run: TaskRun, result: TaskResult) -> None:
    fields = {
        "task_id": result.id,
        "tasktype": run.task.metadata.tasktype,
        "receive_count": run.message.receive_count,
        "pictures": len(result.image_url),
        "timings": result.timings.model_dump(),
    }
    if result.error is None:
        logger.info("task completed", extra=fields)
    else:
        logger.info("task failed", extra=fields | {"reason": result.error.message})
