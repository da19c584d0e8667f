"""Tasks and requests of a load, made up for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from easel_contract.record import TaskStatus
from easel_contract.result import Timings
from easel_contract.task import TaskType
from easel_contract.tasks_api import TaskView
from easel_contract.usage import Usage
from easel_load.plan import Sent

BEGIN = datetime(2026, 11, 28, 8, tzinfo=UTC)


def request(number: int, at: float, **more: Any) -> Sent:
    """A request that became a task, so many seconds after the begin."""
    fields = {
        "at": BEGIN.timestamp() + at,
        "seconds": 0.1,
        "status": 200,
        "uid": f"uid-{number}",
        "runtime": "sdruntime",
        "tasktype": TaskType.TEXT_TO_IMAGE,
        "tenant": "default",
    }
    return Sent.model_validate(fields | more)


def refusal(at: float, status: int, code: str = "", *, says_when: bool = True) -> Sent:
    """A request that did not become a task."""
    return request(0, at, status=status, uid=None, error=code, says_when=says_when)


def task(
    number: int, *, created: float, started: float | None, ended: float | None, **more: Any
) -> TaskView:
    """A task of `request`; times in seconds after the begin; half a second is its upload."""
    upload = 0.5
    generation = None if started is None or ended is None else ended - started - upload
    fields = {
        "uid": f"uid-{number}",
        "id": f"load-{number}",
        "runtime": "sdruntime",
        "tasktype": TaskType.TEXT_TO_IMAGE,
        "status": TaskStatus.QUEUED if ended is None else TaskStatus.COMPLETED,
        "attempts": 0 if started is None else 1,
        "created_at": BEGIN + timedelta(seconds=created),
        "started_at": None if started is None else BEGIN + timedelta(seconds=started),
        "finished_at": None if ended is None else BEGIN + timedelta(seconds=ended),
        "output_location": "s3://bucket/load",
        "timings": Timings(
            queued_seconds=(started or created) - created,
            inputs_seconds=0.0,
            generation_seconds=generation,
            upload_seconds=upload,
        ),
        "usage": Usage(gpu_seconds=generation or 0.0),
    }
    return TaskView.model_validate(fields | more)


def load_of_line(
    rate: float, seconds: int, servers: int, service: float
) -> tuple[list[Sent], dict[str, TaskView]]:
    """A load with even arrivals before servers with one line, worked out by hand."""
    free = [0.0] * servers
    sent, tasks = [], {}
    for number in range(round(rate * seconds)):
        at = number / rate
        server = min(range(servers), key=free.__getitem__)
        begin = max(at, free[server])
        free[server] = begin + service
        sent.append(request(number, at))
        made = task(number, created=at, started=begin, ended=begin + service + 0.5)
        tasks[made.uid] = made
    return sent, tasks
