"""The agent's side of a record: claim, renew, and the ends of a try.

A claim has a name of its own (`lease_owner`), and every later write of the agent names it: an agent
that was frozen beyond its lease, while another took the task over, can write nothing any more.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from easel_contract.record import (
    ABANDON,
    CANCEL_WAITING,
    CLAIM,
    ENDINGS,
    REFUSE,
    Progress,
    TaskRecord,
    TaskStatus,
    Transition,
    active_of,
    attribute,
)
from easel_contract.usage import Usage
from easel_records.expressions import Update
from easel_records.table import ConditionFailedError, TaskTable

_UNTIL = "lease_until"


class LeaseLostError(Exception):
    """Another agent has the task, or the task has ended.

    Attributes:
        record: as it is; None where there is none.
    """

    def __init__(self, record: TaskRecord | None) -> None:
        super().__init__(f"the lease is lost: the task is {record.status if record else 'gone'}")
        self.record = record


class AttemptsExhaustedError(Exception):
    """The task was begun as often as it may be, and no agent lived to say how it ended.

    Attributes:
        lease: of the agent that found out; `finish` ends the task.
    """

    def __init__(self, lease: "TaskLease") -> None:
        super().__init__(f"the task was begun {lease.record.attempts} times and never ended")
        self.lease = lease


class TaskEndedError(Exception):
    """The task has ended already.

    Attributes:
        record: with its result.
    """

    def __init__(self, record: TaskRecord) -> None:
        super().__init__(f"the task is {record.status}")
        self.record = record


class TaskLeasedError(Exception):
    """Another agent works on the task.

    Attributes:
        seconds: until its lease expires.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"another agent has the task for {seconds:.0f} s")
        self.seconds = seconds


def new_owner() -> str:
    """Returns a name for a claim, which no other has."""
    return secrets.token_hex(8)


@dataclass(frozen=True)
class TaskLease:
    """A claimed task.

    Attributes:
        owner: name of the claim.
        record: as the claim, or the last renewal, left it.
    """

    owner: str
    record: TaskRecord

    @property
    def uid(self) -> str:
        """Of the task."""
        return self.record.uid


class TaskLeases:
    """Claims tasks for one agent and writes how they go on."""

    def __init__(
        self,
        table: TaskTable,
        *,
        lease_seconds: float,
        max_attempts: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Writes nothing yet.

        Args:
            table: of the stack.
            lease_seconds: how long a task stays claimed after the last renewal.
            max_attempts: how often a task may be begun.
            now: the time of day, with a time zone.
        """
        self._table = table
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts
        self._now = now

    def claim(self, waiting: TaskRecord, owner: str | None = None) -> TaskLease:
        """Begins a task: one more attempt, and nobody else's until the lease expires.

        Args:
            waiting: what the record is where there is none yet: of a task that was published by
                hand.
            owner: name of the claim; a new one where None. A claim that is made again under its
                name, as no answer came to it, is one claim.

        Raises:
            TaskLeasedError: another agent has the task.
            TaskEndedError: the task has ended.
            AttemptsExhaustedError: it was begun too often; the lease in it is the caller's.
        """
        owner, now = owner or new_owner(), self._now()
        try:
            return self._begin(waiting, owner, now)
        except ConditionFailedError as failed:
            record = failed.record
        if record is None:
            self._add(waiting)
            return self._retry_claim(waiting, owner, now)
        self._check_free(record, now)
        # Not waiting, not leased, not ended: begun too often. Under another name: made again, the
        # claim of a task that may not be begun must not be taken for one of a task that was.
        raise AttemptsExhaustedError(self._take_over(record, new_owner(), now))

    def renew(
        self, lease: TaskLease, *, progress: Progress | None, gpu_seconds: float
    ) -> TaskLease:
        """Keeps the claim on a task, notes progress, and returns others' changes of the record.

        Args:
            lease: the agent's.
            progress: of the runtime, where it tells.
            gpu_seconds: that the task has taken, this try included: not lost with the agent.

        Raises:
            LeaseLostError: the task is another agent's by now, or has ended.
        """
        usage = lease.record.usage.model_copy(update={"gpu_seconds": round(gpu_seconds, 3)})
        update = self._held(lease).set(lease_until=self._until(self._now()), usage=usage)
        if progress is not None:
            update.set(progress=progress)
        return replace(lease, record=self._write(lease, update))

    def abandon(self, lease: TaskLease, *, counts: bool, usage: Usage) -> TaskRecord:
        """Gives a task back.

        Args:
            lease: the agent's.
            counts: whether the try counts; false where the agent is the reason.
            usage: of all tries.

        Raises:
            LeaseLostError: the task is another agent's by now, or has ended.
        """
        record = lease.record
        update = self._held(lease)
        update.set(status=ABANDON.target, usage=usage)
        update.set_raw("active", {"S": active_of(ABANDON.target, record.runtime)})
        update.remove("lease_owner", _UNTIL, "progress", "started_at")
        if not counts:
            update.set(attempts=max(0, record.attempts - 1))
        return self._write(lease, update)

    def finish(
        self, lease: TaskLease, status: TaskStatus, *, result: str, usage: Usage
    ) -> TaskRecord:
        """Ends a task.

        Args:
            lease: the agent's.
            status: completed, failed or cancelled.
            result: the callback, as it is to be published.
            usage: of all tries.

        Raises:
            LeaseLostError: the task is another agent's by now, or has ended otherwise. Where it
                was ended by this very call before, whose answer got lost, nothing is raised.
        """
        update = self._end(self._held(lease), ENDINGS[status], result, usage)
        try:
            return self._write(lease, update)
        except LeaseLostError as lost:
            if lost.record is not None and lost.record.result == result:
                return lost.record
            raise

    def refuse(self, waiting: TaskRecord, *, result: str) -> TaskRecord:
        """Fails a task that cannot be begun.

        Args:
            waiting: what the record is where there is none yet.
            result: the callback, as it is to be published.

        Raises:
            TaskLeasedError, TaskEndedError: as `claim`.
        """
        return self._end_waiting(waiting, REFUSE, result)

    def cancel_waiting(self, waiting: TaskRecord, *, result: str) -> TaskRecord:
        """Cancels a task that no agent has.

        Raises:
            TaskLeasedError, TaskEndedError: as `claim`.
        """
        return self._end_waiting(waiting, CANCEL_WAITING, result)

    def _begin(self, record: TaskRecord, owner: str, now: datetime) -> TaskLease:
        update = self._taken(record, owner, now).add("attempts", 1)
        update.where("#attempts < :limit", limit={"N": str(self._max_attempts)})
        return self._claimed(record.uid, owner, update)

    def _claimed(self, uid: str, owner: str, update: Update) -> TaskLease:
        try:
            return TaskLease(owner, self._table.update(uid, update))
        except ConditionFailedError as failed:
            if failed.record is None or failed.record.lease_owner != owner:
                raise
            written = TaskLease(owner, failed.record)
        # By a call whose answer was lost; the SDK repeats such calls as well. Perhaps long ago.
        again = self._held(written).set(lease_until=self._until(self._now()))
        try:
            return replace(written, record=self._write(written, again))
        except LeaseLostError as lost:
            raise ConditionFailedError(lost.record) from lost

    def _retry_claim(self, waiting: TaskRecord, owner: str, now: datetime) -> TaskLease:
        try:
            return self._begin(waiting, owner, now)
        except ConditionFailedError as failed:
            if failed.record is None:  # removed by hand in this moment
                raise TaskLeasedError(self._lease_seconds) from failed
            self._check_free(failed.record, now)
            raise TaskLeasedError(self._lease_seconds) from failed

    def _take_over(self, record: TaskRecord, owner: str, now: datetime) -> TaskLease:
        try:
            return self._claimed(record.uid, owner, self._taken(record, owner, now))
        except ConditionFailedError as failed:
            if failed.record is not None:
                self._check_free(failed.record, now)
            raise TaskLeasedError(self._lease_seconds) from failed

    def _taken(self, record: TaskRecord, owner: str, now: datetime) -> Update:
        update = Update().set(
            status=CLAIM.target, lease_owner=owner, lease_until=self._until(now), started_at=now
        )
        update.set_raw("active", {"S": active_of(CLAIM.target, record.runtime)})
        update.where(
            "attribute_not_exists(#lease_owner) OR #lease_owner <> :owner", owner={"S": owner}
        )
        return self._free(update, now)

    def _free(self, update: Update, now: datetime) -> Update:
        """Adds the condition that the task waits, or that its last agent's lease has expired."""
        return update.where(
            "#status = :queued OR (#status = :running AND #lease_until < :now)",
            queued={"S": str(TaskStatus.QUEUED)},
            running={"S": str(TaskStatus.RUNNING)},
            now=attribute(_UNTIL, now),
        )

    def _check_free(self, record: TaskRecord, now: datetime) -> None:
        if record.has_ended:
            raise TaskEndedError(record)
        if record.status is TaskStatus.RUNNING and record.lease_until is not None:
            left = (record.lease_until - now).total_seconds()
            if left > 0:
                raise TaskLeasedError(left)

    def _end_waiting(self, waiting: TaskRecord, transition: Transition, result: str) -> TaskRecord:
        now = self._now()
        for is_new in (False, True):
            if is_new:
                self._add(waiting)
            update = self._end(self._free(Update(), now), transition, result, None)
            try:
                return self._table.update(waiting.uid, update)
            except ConditionFailedError as failed:
                if failed.record is not None:
                    self._check_free(failed.record, now)
        # Another agent was at it in this very moment.
        raise TaskLeasedError(self._lease_seconds)

    def _end(
        self, update: Update, transition: Transition, result: str, usage: Usage | None
    ) -> Update:
        update.set(status=transition.target, result=result, finished_at=self._now())
        if usage is not None:
            update.set(usage=usage)
        return update.remove("active", "lease_owner", _UNTIL, "progress")

    def _held(self, lease: TaskLease) -> Update:
        return (
            Update()
            .where_status({TaskStatus.RUNNING})
            .where("#lease_owner = :owner", owner={"S": lease.owner})
        )

    def _write(self, lease: TaskLease, update: Update) -> TaskRecord:
        try:
            return self._table.update(lease.uid, update)
        except ConditionFailedError as failed:
            raise LeaseLostError(failed.record) from failed

    def _add(self, waiting: TaskRecord) -> None:
        try:
            self._table.put_new(waiting)
        except ConditionFailedError:
            return

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._lease_seconds)
