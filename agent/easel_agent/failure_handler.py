"""Ends runs that brought no pictures: gives the task back, fails, cancels or dead-letters it."""

import logging
import uuid

from easel_agent.delivery import Delivery, Outcome
from easel_agent.errors import AwsError, AwsRefusedError, CancelledTaskError, LostTaskError
from easel_agent.lease import Lease
from easel_agent.notify import Notifier
from easel_agent.retry_policy import RetryPolicy
from easel_contract.envelope import UnreadableTaskError
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.metrics import ReturnReason
from easel_contract.result import ResultStatus, TaskResult, Timings
from easel_records.leases import AttemptsExhaustedError, TaskEndedError, TaskLeasedError

logger = logging.getLogger(__name__)


class FailureHandler:
    """Carries out what the retry policy decides."""

    def __init__(
        self, runtime_name: str, policy: RetryPolicy, delivery: Delivery, notifier: Notifier
    ) -> None:
        self._runtime_name = runtime_name
        self._policy = policy
        self._delivery = delivery
        self._notifier = notifier

    def handle(self, lease: Lease, error: Exception, timings: Timings | None = None) -> None:
        """Ends a lease with an error.

        Args:
            lease: in a state before DELIVERING, its task read.
            error: what ended the run, or what stood against the claim.
            timings: as far as they are known.
        """
        known = timings or Timings()
        if isinstance(error, LostTaskError):
            lease.lose(ReturnReason.LOST)
        elif isinstance(error, TaskEndedError):
            self._delivery.repeat(lease, error.record)
        elif isinstance(error, TaskLeasedError):
            lease.abandon(ReturnReason.LEASED, max(1, round(error.seconds)))
        elif isinstance(error, CancelledTaskError):
            self._delivery.submit(lease, Outcome(known))
        elif isinstance(error, AttemptsExhaustedError):
            # Agents died with it as often as it may be tried: it may be the reason.
            failure = TaskError(code=TaskErrorCode.INTERNAL, message=str(error), retryable=True)
            self._delivery.submit(lease, Outcome(known, failure=failure, dead_letter=True))
        else:
            self._decide(lease, error, known)

    def dead_letter_unreadable(self, lease: Lease, error: UnreadableTaskError) -> None:
        """Moves a message that is no task to the dead-letter queue.

        Its sender is told before, where the sender is known and the topic takes what is to be told.
        """
        message_id = lease.message.message_id
        logger.error("message is no task: %s", error, extra={"message_id": message_id})
        try:
            if error.task_id is not None:
                self._tell_sender(self._unreadable_result(lease, error))
            lease.dead_letter()
        except AwsError as problem:
            logger.warning("a message could not be dead-lettered: %s", problem)
            lease.lose(ReturnReason.AWS)

    def _tell_sender(self, result: TaskResult) -> None:
        try:
            self._notifier.publish(result)
        except AwsRefusedError as problem:
            # It would refuse every other time, and the message would come back for ever.
            logger.warning("the sender of a message that is no task was not told: %s", problem)

    def _decide(self, lease: Lease, error: Exception, timings: Timings) -> None:
        decision = self._policy.decide(lease, error)
        if not decision.is_final:
            lease.abandon(decision.reason, decision.delay_seconds, counts=decision.counts)
            return
        outcome = Outcome(
            timings,
            failure=decision.failure,
            dead_letter=decision.dead_letter,
            answer=decision.answer,
            made=decision.made,
        )
        self._delivery.submit(lease, outcome)

    def _unreadable_result(self, lease: Lease, error: UnreadableTaskError) -> TaskResult:
        failure = TaskError(code=TaskErrorCode.INVALID_TASK, message=str(error))
        return TaskResult(
            id=error.task_id or "",
            result=False,
            context=error.context,
            event_id=uuid.uuid5(uuid.NAMESPACE_OID, lease.message.message_id).hex,
            runtime=self._runtime_name,
            status=ResultStatus.FAILED,
            error=failure,
        )
