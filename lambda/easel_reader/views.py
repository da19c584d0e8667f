"""A record, as the API shows it."""

from collections.abc import Callable

from pydantic import ValidationError

from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import TaskResult
from easel_contract.storage import TaskLocation
from easel_contract.tasks_api import Count, StoredObject, TaskView

Show = Callable[[str], StoredObject]
"""Makes an S3 URI an object of the answer, with a link where one is asked for."""


def plain(uri: str) -> StoredObject:
    """Returns an object without a link."""
    return StoredObject(uri=uri)


def view_of(
    record: TaskRecord, bucket: str, *, position: Count | None = None, show: Show = plain
) -> TaskView:
    """Returns how a task stands.

    Args:
        record: of the task.
        bucket: the output bucket's name.
        position: in its queue, where the task waits.
        show: how pictures and answer are shown.
    """
    result = _result_of(record)
    image_urls = result.image_url if result else []
    output_url = result.output_url if result else None
    return TaskView(
        uid=record.uid,
        id=record.id,
        runtime=record.runtime,
        tasktype=record.tasktype,
        status=record.status,
        attempts=record.attempts,
        position=position,
        progress=record.progress if record.status is TaskStatus.RUNNING else None,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        deadline_at=record.deadline_at,
        cancel_requested_at=record.cancel_requested_at,
        output_location=TaskLocation(bucket, record.prefix, record.id).uri,
        image_url=image_urls,
        output_url=output_url,
        pictures=[show(uri) for uri in image_urls],
        answer=None if output_url is None else show(output_url),
        error=result.error if result else None,
        timings=result.timings if result else None,
        usage=record.usage,
        trace_id=record.trace_id,
    )


def _result_of(record: TaskRecord) -> TaskResult | None:
    if record.result is None:
        return None
    try:
        return TaskResult.model_validate_json(record.result)
    except ValidationError:
        return None  # of another version of easel: the record tells the rest
