"""What becomes of a task that did not go well: the one place that decides."""

import logging
import random
import uuid

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.delivery import Delivery, Outcome
from easel_agent.errors import (
    InterruptedTaskError,
    RejectedTaskError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.heartbeat import Heartbeat
from easel_agent.lifecycle import TaskRun, TaskState
from easel_agent.metrics import Metrics
from easel_agent.notify import Notifier
from easel_agent.queue import TaskQueue
from easel_agent.settings import AgentSettings
from easel_contract.envelope import UnreadableTaskError
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult, Timings

logger = logging.getLogger(__name__)

_MAX_BACK_OFF_SECONDS = 300


class Settlement:
    """Decides by the kind of the error, and by whether this was the last try."""

    def __init__(
        self,
        settings: AgentSettings,
        *,
        queue: TaskQueue,
        heartbeat: Heartbeat,
        delivery: Delivery,
        notifier: Notifier,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._heartbeat = heartbeat
        self._delivery = delivery
        self._notifier = notifier
        self._metrics = metrics

    def settle(
        self,
        run: TaskRun,
        error: Exception,
        *,
        fingerprint: str | None = None,
        timings: Timings | None = None,
    ) -> None:
        """Ends a run with an error.

        Args:
            run: in any state before DELIVERING, its task read.
            error: what ended it.
            fingerprint: for the record of its failure; None where the content was not read.
            timings: as far as they are known.
        """
        failure, reason, delay = self._judge(run, error)
        is_last = run.message.receive_count >= self._settings.max_receive_count
        if isinstance(error, RejectedTaskError) or is_last:
            bury = not isinstance(error, RejectedTaskError)
            if failure.code is TaskErrorCode.ID_REUSED:
                fingerprint = None  # the record under this id is another request's
            self._begin_delivery(run)
            self._delivery.submit(
                run,
                Outcome(fingerprint, timings or Timings(), error=failure, bury=bury),
            )
            return
        self.give_back(run, reason, delay)

    def give_back(self, run: TaskRun, reason: str, delay_seconds: int = 0) -> None:
        """Returns a task to the queue, visible at once or after a delay.

        Where even that fails, its visibility timeout brings it back.
        """
        self._heartbeat.release(run.message)
        try:
            self._queue.give_back(run.message, delay_seconds)
        except (BotoCoreError, ClientError) as error:
            logger.warning("a task could not be given back: %s", error)
        run.move(TaskState.RETURNED)
        self._metrics.returned(reason)
        logger.info(
            "task given back",
            extra={
                "message_id": run.message.message_id,
                "reason": reason,
                "delay_seconds": delay_seconds,
                "receive_count": run.message.receive_count,
            },
        )

    def bury_unreadable(self, run: TaskRun, error: UnreadableTaskError) -> None:
        """Tells the sender of a message that is no task, where he is known, and buries it."""
        logger.error("message is no task: %s", error, extra={"message_id": run.message.message_id})
        try:
            if error.task_id is not None:
                self._notifier.publish(self._unreadable_result(run, error))
            self._queue.bury(run.message)
        except (BotoCoreError, ClientError) as problem:
            logger.warning("a message could not be buried: %s", problem)
            run.move(TaskState.RETURNED)
        else:
            run.move(TaskState.BURIED)
        finally:
            self._heartbeat.release(run.message)

    def _judge(self, run: TaskRun, error: Exception) -> tuple[TaskError, str, int]:
        """The failure to announce if this was the last try, and else why and when to try again."""
        back_off = self._back_off_seconds(run.message.receive_count)
        if isinstance(error, RejectedTaskError):
            return error.error, "rejected", 0
        if isinstance(error, TransientError):
            return error.error, "transient", back_off
        if isinstance(error, RuntimeDeadError):
            return _given_up(f"the runtime died: {error}"), "runtime dead", 0
        if isinstance(error, InterruptedTaskError):
            return _given_up(f"stopped too often: {error}"), "interrupted", 0
        if isinstance(error, BotoCoreError | ClientError):
            return _given_up(f"AWS did not answer: {error}"), "aws", back_off
        logger.error("unexpected error", exc_info=error)
        return _given_up(f"unexpected {type(error).__name__}"), "unexpected", back_off

    def _back_off_seconds(self, receive_count: int) -> int:
        # Full jitter: tasks that failed together do not come back together.
        limit = self._settings.back_off_seconds * 2 ** (receive_count - 1)
        return random.randint(1, max(1, min(limit, _MAX_BACK_OFF_SECONDS)))  # noqa: S311

    def _begin_delivery(self, run: TaskRun) -> None:
        # A task that fails while it waits for the runtime has not run.
        if run.state is TaskState.READY:
            run.move(TaskState.RUNNING)

    def _unreadable_result(self, run: TaskRun, error: UnreadableTaskError) -> TaskResult:
        failure = TaskError(code=TaskErrorCode.INVALID_TASK, message=str(error)[:2000])
        return TaskResult(
            id=error.task_id or "",
            result=False,
            context=error.context,
            event_id=uuid.uuid5(uuid.NAMESPACE_OID, run.message.message_id).hex,
            runtime=self._settings.runtime_name,
            status=ResultStatus.FAILED,
            error=failure,
        )


def _given_up(message: str) -> TaskError:
    return TaskError(code=TaskErrorCode.INTERNAL, message=message[:2000], retryable=True)
