"""Ends runs that did not get as far as a delivery."""

import logging
import uuid

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.delivery import Delivery, Outcome
from easel_agent.heartbeat import Heartbeat
from easel_agent.judgement import Judge
from easel_agent.lifecycle import TaskRun, TaskState
from easel_agent.notify import Notifier
from easel_agent.queue import TaskQueue
from easel_agent.returning import Returning
from easel_contract.envelope import UnreadableTaskError
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult, Timings

logger = logging.getLogger(__name__)


class Settlement:
    """Carries out what the judge decides."""

    def __init__(
        self,
        runtime_name: str,
        *,
        judge: Judge,
        queue: TaskQueue,
        heartbeat: Heartbeat,
        delivery: Delivery,
        returning: Returning,
        notifier: Notifier,
    ) -> None:
        self._runtime_name = runtime_name
        self._judge = judge
        self._queue = queue
        self._heartbeat = heartbeat
        self._delivery = delivery
        self._returning = returning
        self._notifier = notifier

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
            run: in a state before DELIVERING, its task read.
            error: what ended it.
            fingerprint: for the record of its failure; None where the content was not read.
            timings: as far as they are known.
        """
        verdict = self._judge.judge(run.message, error)
        if not verdict.is_final:
            self._returning.give_back(run, verdict.reason, verdict.delay_seconds)
            return
        if verdict.failure.code is TaskErrorCode.ID_REUSED:
            fingerprint = None  # the record under this id is another request's
        self._delivery.submit(
            run,
            Outcome(fingerprint, timings or Timings(), failure=verdict.failure, bury=verdict.bury),
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

    def _unreadable_result(self, run: TaskRun, error: UnreadableTaskError) -> TaskResult:
        failure = TaskError(code=TaskErrorCode.INVALID_TASK, message=str(error)[:2000])
        return TaskResult(
            id=error.task_id or "",
            result=False,
            context=error.context,
            event_id=uuid.uuid5(uuid.NAMESPACE_OID, run.message.message_id).hex,
            runtime=self._runtime_name,
            status=ResultStatus.FAILED,
            error=failure,
        )
