"""The agent's claims on the records of tasks; see `easel_records.leases`."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from easel_agent.aws import aws_call
from easel_agent.errors import AwsUnavailableError, LostTaskError, RejectedTaskError
from easel_agent.queue import QueueMessage
from easel_agent.settings import AgentSettings
from easel_contract.errors import TaskErrorCode
from easel_contract.record import DIRECT_TENANT, SHARED_SCOPE, Progress, TaskRecord, TaskStatus
from easel_contract.task import TaskMessage
from easel_contract.uid import uid_of_message
from easel_contract.usage import Usage
from easel_records.idempotency import (
    IdempotencyKeys,
    KeyInUseError,
    KeyReusedError,
    fingerprint_of,
)
from easel_records.leases import LeaseLostError, TaskLease, TaskLeases
from easel_records.table import TaskTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Claims:
    """Records of tasks, as this agent claims and writes them.

    All methods raise `AwsError` where DynamoDB does not answer.
    """

    def __init__(self, dynamodb: "DynamoDBClient", settings: AgentSettings) -> None:
        self._retention = timedelta(days=settings.task_retention_days)
        self._leases = TaskLeases(
            TaskTable(dynamodb, settings.records_table),
            lease_seconds=settings.lease_seconds,
            max_attempts=settings.max_attempts,
        )
        # Nothing is accepted here that could break off: a repeat goes on at once.
        self._keys = IdempotencyKeys(dynamodb, settings.records_table, lock_seconds=0)

    def waiting_record(self, message: QueueMessage, task: TaskMessage) -> TaskRecord:
        """Returns the record of a waiting task, whether or not the table has one yet.

        A message that the intake published names its task. One that was published by hand gets a
        uid of its own, the same at every delivery, or that of the first message with its
        idempotency key.

        Raises:
            RejectedTaskError: the idempotency key stands for another request.
        """
        uid = task.uid or uid_of_message(message.message_id, message.sent_at)
        tenant = task.tenant or DIRECT_TENANT
        if task.uid is None and task.metadata.idempotency_key is not None:
            uid = self._uid_of_key(task, tenant, uid)
        expires_at = (datetime.now(UTC) + self._retention).replace(microsecond=0)
        scope = tenant if task.tenant else SHARED_SCOPE
        return TaskRecord.accepted(task, uid=uid, tenant=tenant, scope=scope, expires_at=expires_at)

    def claim(self, waiting: TaskRecord, owner: str) -> TaskLease:
        """Begins a task; see `TaskLeases.claim`."""
        with aws_call():
            return self._leases.claim(waiting, owner)

    def renew(
        self, lease: TaskLease, *, progress: Progress | None, gpu_seconds: float
    ) -> TaskLease:
        """Keeps the claim on a task and returns others' changes of the task's record.

        Raises:
            LostTaskError: another agent has the task by now.
        """
        with aws_call():
            try:
                return self._leases.renew(lease, progress=progress, gpu_seconds=gpu_seconds)
            except LeaseLostError as error:
                raise LostTaskError(str(error)) from error

    def abandon(self, lease: TaskLease, *, counts: bool, usage: Usage) -> None:
        """Gives a task back; one that is another agent's by now is left alone."""
        with aws_call():
            try:
                self._leases.abandon(lease, counts=counts, usage=usage)
            except LeaseLostError:
                return

    def finish(self, lease: TaskLease, status: TaskStatus, *, result: str, usage: Usage) -> None:
        """Ends a task.

        Raises:
            LostTaskError: another agent has the task by now.
        """
        with aws_call():
            try:
                self._leases.finish(lease, status, result=result, usage=usage)
            except LeaseLostError as error:
                raise LostTaskError(str(error)) from error

    def end_waiting(self, waiting: TaskRecord, status: TaskStatus, *, result: str) -> None:
        """Ends a task that was not begun: failed or cancelled; see `TaskLeases.refuse`."""
        end = self._leases.refuse if status is TaskStatus.FAILED else self._leases.cancel_waiting
        with aws_call():
            end(waiting, result=result)

    def _uid_of_key(self, task: TaskMessage, tenant: str, uid: str) -> str:
        metadata = task.metadata
        asked: dict[str, Any] = task.model_dump(mode="json")
        fingerprint = fingerprint_of(
            {"metadata": asked["metadata"], "content": task.content or task.content_ref}
        )
        with aws_call():
            try:
                return self._keys.reserve(
                    tenant, metadata.idempotency_key or "", fingerprint, uid
                ).uid
            except KeyReusedError as error:
                raise RejectedTaskError(
                    TaskErrorCode.IDEMPOTENCY_KEY_REUSED,
                    "the idempotency key was used in the last 24 hours for another request",
                ) from error
            except KeyInUseError as error:
                raise AwsUnavailableError("another agent looks at the same key") from error
