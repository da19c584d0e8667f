"""Takes tasks from the queue, one at a time, and sees each through to its callback."""

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.errors import (
    InterruptedTaskError,
    RejectedTaskError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.heartbeat import Heartbeat
from easel_agent.inputs import InputLoader
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.queue import QueueMessage, TaskQueue
from easel_agent.runtimes.base import Runtime
from easel_agent.settings import AgentSettings
from easel_contract.envelope import UnreadableTaskError, decode_task
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult, Timings
from easel_contract.task import TaskMessage, check_task_type

logger = logging.getLogger(__name__)

_READY_POLL_SECONDS = 1.0
_AWS_PAUSE_SECONDS = 2.0
_BACK_OFF_SECONDS = 5
_MAX_BACK_OFF_SECONDS = 300
_CEILING_MARGIN_SECONDS = 300
"""Beyond the runtime's time-out: fetching inputs, storing pictures, publishing."""


class Worker:
    """The life of a task, from its message to its result.

    One task at a time, as the runtimes do them. Whatever happens to a task, the worker goes on.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        queue: TaskQueue,
        runtime: Runtime,
        inputs: InputLoader,
        outputs: OutputStore,
        notifier: Notifier,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._runtime = runtime
        self._inputs = inputs
        self._outputs = outputs
        self._notifier = notifier
        # Three beats per timeout: one may fail and the message is still ours.
        self._heartbeat = Heartbeat(queue, settings.visibility_timeout_seconds / 3)
        self._stopping = threading.Event()
        self._was_ready = False

    def stop(self) -> None:
        """Asks `run` to return: the running task is finished, no other is begun."""
        self._stopping.set()

    def run(self) -> None:
        """Takes tasks until `stop` is called."""
        self._heartbeat.start()
        try:
            while not self._stopping.is_set():
                # A message taken for a runtime that is not there would only be given back.
                if self._is_runtime_ready():
                    self._take_one()
                else:
                    self._stopping.wait(_READY_POLL_SECONDS)
        finally:
            # After the last task: its message must stay ours until it is deleted.
            self._heartbeat.stop()

    def _is_runtime_ready(self) -> bool:
        was_ready, self._was_ready = self._was_ready, self._runtime.is_ready()
        if self._was_ready and not was_ready:
            logger.info("runtime is ready")
            if self._settings.warm_up:
                try:
                    self._runtime.warm_up()
                except RuntimeDeadError as error:
                    logger.warning("runtime went away while warming up: %s", error)
                    self._was_ready = False
        return self._was_ready

    def _take_one(self) -> None:
        try:
            message = self._queue.receive(self._settings.receive_wait_seconds)
        except (BotoCoreError, ClientError) as error:
            logger.warning("no message received: %s", error)
            self._stopping.wait(_AWS_PAUSE_SECONDS)
            return
        if message is None:
            return
        if self._stopping.is_set():
            self._settle(self._queue.give_back, message)
            return
        ceiling = self._settings.task_timeout_seconds + _CEILING_MARGIN_SECONDS
        with self._heartbeat.holding(message, ceiling):
            self._see_through(message)

    def _see_through(self, message: QueueMessage) -> None:
        try:
            task = decode_task(message.body)
        except UnreadableTaskError as error:
            self._settle(self._bury_unreadable, message, error)
            return
        try:
            self._complete(message, task)
        except RejectedTaskError as error:
            self._settle(self._reject, message, task, error.error)
        except (RuntimeDeadError, InterruptedTaskError) as error:
            self._was_ready = False
            self._log(logging.WARNING, "task given back", message, task, reason=str(error))
            self._settle(self._queue.give_back, message)
        except TransientError as error:
            self._settle(self._retry, message, task, error.error)
        except (BotoCoreError, ClientError) as error:
            failure = TaskError(code=TaskErrorCode.INTERNAL, message=str(error), retryable=True)
            self._settle(self._retry, message, task, failure)
        except Exception as error:  # a fault of ours must not end the worker
            logger.exception("unexpected error", extra={"task_id": task.metadata.id})
            failure = TaskError(
                code=TaskErrorCode.INTERNAL, message=type(error).__name__, retryable=True
            )
            self._settle(self._retry, message, task, failure)

    def _complete(self, message: QueueMessage, task: TaskMessage) -> None:
        metadata = task.metadata
        try:
            check_task_type(metadata.tasktype, self._settings.runtime_type)
        except ValueError as error:
            raise RejectedTaskError(TaskErrorCode.UNSUPPORTED_TASK, str(error)) from error
        started = time.monotonic()
        content = self._runtime.place_inputs(self._inputs.content_of(task), self._inputs.fetch)
        loaded = time.monotonic()
        generation = self._runtime.generate(metadata.tasktype, content)
        generated = time.monotonic()
        stored = self._outputs.store(
            metadata.prefix, metadata.id, generation.pictures, generation.answer
        )
        timings = Timings(
            queued_seconds=_queued_seconds(task, time.monotonic() - started),
            inputs_seconds=round(loaded - started, 3),
            generation_seconds=round(generated - loaded, 3),
            upload_seconds=round(time.monotonic() - generated, 3),
        )
        self._notifier.publish(
            TaskResult(
                id=metadata.id,
                result=True,
                image_url=stored.picture_urls,
                output_url=stored.answer_url,
                context=metadata.context,
                runtime=self._settings.runtime_name,
                status=ResultStatus.COMPLETED,
                timings=timings,
            )
        )
        self._queue.delete(message)
        pictures = len(stored.picture_urls)
        self._log(
            logging.INFO,
            "task completed",
            message,
            task,
            pictures=pictures,
            timings=timings.model_dump(),
        )

    def _reject(self, message: QueueMessage, task: TaskMessage, error: TaskError) -> None:
        self._log(logging.INFO, "task failed", message, task, reason=error.message)
        self._publish_failure(task.metadata.id, task.metadata.context, error)
        self._queue.delete(message)

    def _retry(self, message: QueueMessage, task: TaskMessage, error: TaskError) -> None:
        if message.receive_count >= self._settings.max_receive_count:
            self._log(logging.ERROR, "task failed for good", message, task, reason=error.message)
            self._publish_failure(task.metadata.id, task.metadata.context, error)
            self._queue.bury(message)
            return
        delay = _back_off_seconds(message.receive_count)
        self._log(
            logging.WARNING, "task tried again", message, task, reason=error.message, delay=delay
        )
        self._queue.give_back(message, delay)

    def _bury_unreadable(self, message: QueueMessage, error: UnreadableTaskError) -> None:
        logger.error("message is no task: %s", error, extra={"message_id": message.message_id})
        if error.task_id is not None:
            failure = TaskError(code=TaskErrorCode.INVALID_TASK, message=str(error))
            self._publish_failure(error.task_id, error.context, failure)
        self._queue.bury(message)

    def _publish_failure(self, task_id: str, context: object, error: TaskError) -> None:
        self._notifier.publish(
            TaskResult.model_validate(
                {
                    "id": task_id,
                    "result": False,
                    "context": context,
                    "runtime": self._settings.runtime_name,
                    "status": ResultStatus.FAILED,
                    "error": error,
                }
            )
        )

    def _settle(self, action: Callable[..., None], *arguments: object) -> None:
        # What cannot be settled now comes back when its visibility timeout is over.
        try:
            action(*arguments)
        except (BotoCoreError, ClientError) as error:
            logger.warning("a message could not be settled: %s", error)

    def _log(
        self, level: int, event: str, message: QueueMessage, task: TaskMessage, **fields: object
    ) -> None:
        known = {
            "task_id": task.metadata.id,
            "tasktype": task.metadata.tasktype,
            "receive_count": message.receive_count,
        }
        logger.log(level, event, extra=known | fields)


def _back_off_seconds(receive_count: int) -> int:
    # Full jitter: tasks that failed together do not come back together.
    limit = min(_MAX_BACK_OFF_SECONDS, _BACK_OFF_SECONDS * 2 ** (receive_count - 1))
    return random.randint(1, limit)  # noqa: S311 - not for secrecy


def _queued_seconds(task: TaskMessage, since_taken_seconds: float) -> float | None:
    if task.created_at is None or task.created_at.tzinfo is None:
        return None
    age = (datetime.now(UTC) - task.created_at).total_seconds() - since_taken_seconds
    return max(0.0, round(age, 3))
