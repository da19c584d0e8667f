"""Sees finished tasks out: pictures to S3, the record, the callback, the message's end."""

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.errors import RejectedTaskError
from easel_agent.heartbeat import Heartbeat
from easel_agent.lifecycle import TaskRun, TaskState
from easel_agent.metrics import Metrics
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.queue import TaskQueue
from easel_agent.records import ResultRecord, ResultRecords
from easel_agent.runtimes.base import Generation
from easel_contract.errors import TaskError
from easel_contract.result import ResultStatus, TaskResult, Timings

logger = logging.getLogger(__name__)

_WORKERS = 6
_MIN_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.5, 10.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Outcome:
    """How a task's run ended.

    Attributes:
        fingerprint: of the request, for its record; None where there can be none.
        timings: as far as they are known.
        generation: what the runtime made; None of a failed task.
        error: why it failed; None of a completed one.
        bury: whether the message goes to the dead-letter queue.
    """

    fingerprint: str | None
    timings: Timings
    generation: Generation | None = None
    error: TaskError | None = None
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
        queue: TaskQueue,
        heartbeat: Heartbeat,
        outputs: OutputStore,
        records: ResultRecords,
        notifier: Notifier,
        metrics: Metrics,
    ) -> None:
        self._runtime_name = runtime_name
        self._queue = queue
        self._heartbeat = heartbeat
        self._outputs = outputs
        self._records = records
        self._notifier = notifier
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="delivery")
        self._free = threading.BoundedSemaphore(_WORKERS)
        self._running: set[Future[None]] = set()
        self._lock = threading.Lock()

    def submit(self, run: TaskRun, outcome: Outcome) -> "Future[None]":
        """Delivers a new outcome; waits while too many are under way."""
        run.move(TaskState.DELIVERING)
        return self._start(run, lambda: self._deliver(run, outcome))

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
        with self._lock:
            running = set(self._running)
        done = not wait(running, timeout=seconds).not_done
        self._pool.shutdown(wait=False, cancel_futures=True)
        return done

    def _start(self, run: TaskRun, act: Callable[[], None]) -> "Future[None]":
        self._free.acquire()
        future = self._pool.submit(self._run, run, act)
        with self._lock:
            self._running.add(future)
        future.add_done_callback(self._forget)
        return future

    def _forget(self, future: "Future[None]") -> None:
        with self._lock:
            self._running.discard(future)
        self._free.release()

    def _run(self, run: TaskRun, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            # Not delivered in its time: visible again, and done again.
            logger.exception("delivery failed", extra={"task_id": run.task.metadata.id})
            run.move(TaskState.RETURNED)
            self._metrics.returned("delivery failed")
        finally:
            self._heartbeat.release(run.message)

    def _deliver(self, run: TaskRun, outcome: Outcome) -> None:
        started = time.monotonic()
        stored = None
        metadata = run.task.metadata
        if outcome.generation is not None:
            generation = outcome.generation
            stored = self._until_done(
                run,
                lambda: self._outputs.store(
                    metadata.prefix, metadata.id, generation.pictures, generation.answer
                ),
            )
        upload_seconds = round(time.monotonic() - started, 3) if stored else None
        result = TaskResult(
            id=metadata.id,
            result=outcome.error is None,
            image_url=stored.picture_urls if stored else [],
            output_url=stored.answer_url if stored else None,
            context=metadata.context,
            event_id=uuid.uuid4().hex,
            runtime=self._runtime_name,
            status=ResultStatus.FAILED if outcome.error else ResultStatus.COMPLETED,
            error=outcome.error,
            timings=outcome.timings.model_copy(update={"upload_seconds": upload_seconds}),
        )
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
            failed = _failed(result, error.error)
            self._announce_unrecorded(run, failed, bury=False)
            return
        self._announce(run, record, bury=outcome.bury)

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
        """Tries again while AWS refuses, until the task's ceiling."""
        pause = _MIN_PAUSE_SECONDS
        while True:
            try:
                return act()
            except (BotoCoreError, ClientError) as error:
                if time.monotonic() + pause > run.deadline:
                    raise
                logger.warning("AWS call failed, trying again: %s", error)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrecy
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def _failed(result: TaskResult, error: TaskError) -> TaskResult:
    return TaskResult(
        id=result.id,
        result=False,
        context=result.context,
        runtime=result.runtime,
        status=ResultStatus.FAILED,
        error=error,
    )


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
