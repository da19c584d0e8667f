"""Records of new tasks: written by the intake before a task is published."""

from easel_contract.record import TaskRecord, TaskStatus
from easel_records.table import ConditionFailedError, TaskTable


class AcceptedTasks:
    """Makes records, and takes them back where the task could not be published."""

    def __init__(self, table: TaskTable) -> None:
        self._table = table

    def add(self, record: TaskRecord) -> None:
        """Writes the record of a task that is about to be published.

        A record that is there already is left alone: an earlier try with the same idempotency
        key got as far as this.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: DynamoDB did not
                take the record.
        """
        try:
            self._table.put_new(record)
        except ConditionFailedError:
            return

    def discard(self, uid: str) -> None:
        """Deletes the record of a task that was not published and that no agent has begun.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: DynamoDB did not
                answer; the record then waits until it expires.
        """
        names = {"#status": "status", "#attempts": "attempts"}
        values = {":queued": {"S": str(TaskStatus.QUEUED)}, ":none": {"N": "0"}}
        condition = "#status = :queued AND #attempts = :none"
        try:
            self._table.delete(uid, condition, names, values)
        except ConditionFailedError:
            return
