"""An operator's second chance for a task that failed: `easel dlq redrive`."""

from easel_contract.record import REOPEN, TaskRecord, active_of
from easel_contract.usage import Usage
from easel_records.expressions import Update
from easel_records.table import ConditionFailedError, TaskTable


def reopen_failed_task(table: TaskTable, record: TaskRecord) -> bool:
    """Makes a failed task wait again, with all its tries.

    Args:
        table: of the stack.
        record: of the task; only its uid and its runtime are used.

    Returns:
        Whether the task had failed; any other is left as it is.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: DynamoDB did not answer.
    """
    update = Update().where_status(REOPEN.sources)
    update.set(status=REOPEN.target, attempts=0, usage=Usage())
    update.set_raw("active", {"S": active_of(REOPEN.target, record.runtime)})
    # A deadline that has passed, or a cancellation, would end the task at once again.
    update.remove("result", "finished_at", "started_at", "deadline_at", "cancel_requested_at")
    try:
        table.update(record.uid, update)
    except ConditionFailedError:
        return False
    return True
