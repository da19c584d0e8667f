"""How the last task went, as its record tells."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from easel_contract.record import SHARED_SCOPE, TaskRecord, TaskStatus
from easel_contract.result import TaskResult
from easel_doctor.finding import Finding, Problem, fail, found, warn
from easel_doctor.subject import Subject
from easel_records.reading import TaskFilter, TaskReading
from easel_records.table import TaskTable

_LONG = timedelta(minutes=15)
"""Over which a task that waits is worth a look."""


def look_at_last_task(
    subject: Subject, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Finding:
    """Reads the newest record of all tenants."""
    table = str(subject.outputs["records_table"])
    reading = TaskReading(TaskTable(subject.aws.client("dynamodb"), table))
    newest = [
        record
        for scope in _scopes(subject)
        for record in reading.page(scope, TaskFilter(), limit=1, before=None).records
    ]
    last = max(newest, key=lambda record: record.created_at, default=None)
    if last is None:
        return found("there was none yet, or its record is gone (task_retention_days)")
    age = now() - last.created_at
    summary = f"{last.id} for {last.runtime}: {last.status}, sent {_words(age)} ago"
    return found(summary, _problems(subject, last, now()))


def _scopes(subject: Subject) -> tuple[str, ...]:
    """Where requests are signed, anybody may be a tenant: known is who asks here."""
    scopes = subject.settings.scopes
    if not subject.settings.signs_requests or SHARED_SCOPE in scopes:
        return scopes
    # As easel_http.callers: an assumed role without its session's name.
    arn = subject.caller.arn
    return (*scopes, arn.rpartition("/")[0] if ":assumed-role/" in arn else arn)


def _problems(subject: Subject, last: TaskRecord, now: datetime) -> list[Problem]:
    show = f".venv/bin/easel tasks show {last.uid} --env {subject.name}"
    if last.status is TaskStatus.FAILED:
        return [warn(f"task {last.id} failed: {_error(last)}", show)]
    if last.status is TaskStatus.QUEUED and now - last.created_at > _LONG:
        text = f"task {last.id} has waited {_words(now - last.created_at)}"
        return [warn(text, f"{show}; look at queues, pods and nodes here")]
    if last.status is TaskStatus.RUNNING and last.lease_until and last.lease_until < now - _LONG:
        text = f"task {last.id} is running, and its agent has been silent for "
        return [fail(f"{text}{_words(now - last.lease_until)}", f"{show}; look at pods here")]
    return []


def _error(record: TaskRecord) -> str:
    try:
        error = TaskResult.model_validate_json(record.result or "").error
    except ValidationError:
        error = None
    return f"{error.code}: {error.message}" if error else "no reason is recorded"


def _words(age: timedelta) -> str:
    seconds = max(0, age.total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
