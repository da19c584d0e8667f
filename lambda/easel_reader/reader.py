"""Answers the questions of the API that tells of tasks and runtimes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.tasks_api import (
    MANY,
    MAX_POSITION,
    Count,
    RuntimeList,
    RuntimeView,
    TaskList,
)
from easel_contract.uid import is_uid
from easel_http.callers import Caller
from easel_http.settings import RuntimeSettings
from easel_reader.cancellation import Cancellation
from easel_reader.presigning import Presigner
from easel_reader.queries import list_query, no_such_task, presign_seconds, task_name
from easel_reader.views import plain, view_of
from easel_records.reading import TaskReading

Answer = tuple[BaseModel, HTTPStatus]


class Reader:
    """Reads for callers what is theirs to see."""

    def __init__(
        self,
        reading: TaskReading,
        cancellation: Cancellation,
        presigner: Presigner,
        *,
        bucket: str,
        runtimes: Mapping[str, RuntimeSettings],
    ) -> None:
        self._reading = reading
        self._cancellation = cancellation
        self._presigner = presigner
        self._bucket = bucket
        self._runtimes = dict(sorted(runtimes.items()))

    def tasks(self, event: Mapping[str, Any], caller: Caller) -> Answer:
        """Answers `GET /v1alpha2/tasks`."""
        query = list_query(event)
        page = self._reading.page(
            caller.scope, query.wanted, limit=query.limit, before=query.cursor
        )
        # A scope is written when a task is accepted: the stack may have shared its tasks then.
        seen = [record for record in page.records if caller.may_see(record)]
        views = [view_of(record, self._bucket) for record in seen]
        return TaskList(tasks=views, cursor=page.cursor), HTTPStatus.OK

    def task(self, event: Mapping[str, Any], caller: Caller) -> Answer:
        """Answers `GET /v1alpha2/tasks/{task}`."""
        seconds = presign_seconds(event)
        record = self._find(task_name(event), caller)
        show = plain if seconds is None else partial(self._presigner.signed, seconds=seconds)
        position = self._position(record)
        return view_of(record, self._bucket, position=position, show=show), HTTPStatus.OK

    def cancel(self, event: Mapping[str, Any], caller: Caller) -> Answer:
        """Answers `POST /v1alpha2/tasks/{task}/cancel`."""
        record, status = self._cancellation.cancel(self._find(task_name(event), caller))
        return view_of(record, self._bucket), status

    def runtimes(self, _event: Mapping[str, Any], _caller: Caller) -> Answer:
        """Answers `GET /v1alpha2/runtimes`; numbers are of all tenants' tasks."""
        views = [self._runtime(name, runtime) for name, runtime in self._runtimes.items()]
        return RuntimeList(runtimes=views), HTTPStatus.OK

    def _find(self, name: str, caller: Caller) -> TaskRecord:
        record = self._reading.find(name) if is_uid(name) else None
        if record is None or not caller.may_see(record):
            # An id may have the form of a uid, and another tenant's uid is only a name here.
            record = self._reading.latest(caller.scope, name)
        if record is None or not caller.may_see(record):
            raise no_such_task()
        return record

    def _position(self, record: TaskRecord) -> Count | None:
        if record.status is not TaskStatus.QUEUED:
            return None
        before = self._reading.count_active(
            TaskStatus.QUEUED, record.runtime, most=MAX_POSITION, before=record.uid
        )
        return _count(before + 1)

    def _runtime(self, name: str, runtime: RuntimeSettings) -> RuntimeView:
        waiting, running = (
            _count(self._reading.count_active(status, name, most=MAX_POSITION + 1))
            for status in (TaskStatus.QUEUED, TaskStatus.RUNNING)
        )
        oldest = self._reading.oldest_waiting(name)
        age = None if oldest is None else (datetime.now(UTC) - oldest).total_seconds()
        return RuntimeView(
            name=name,
            type=runtime.type,
            sd_model_checkpoint=runtime.model_filename,
            dynamic_model=runtime.dynamic_model,
            tasks_waiting=waiting,
            tasks_running=running,
            oldest_waiting_seconds=None if age is None else max(0.0, round(age, 1)),
        )


def _count(number: int) -> Count:
    return number if number <= MAX_POSITION else MANY
