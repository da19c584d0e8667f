"""The same figures of a local stack, which has no CloudWatch: from its API and its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles

from easel_cli.api_client import ApiClient
from easel_cli.dashboard.figures import Row
from easel_cli.submit import RefusedError
from easel_cli.tasks import TasksApi
from easel_contract.record import END_STATUSES, TaskStatus
from easel_contract.tasks_api import RuntimeList, TaskView

_RUNTIMES = "v1alpha2/runtimes"
_MOST_TASKS = 1000
"""Of the last hour that are read; the newest."""
_PERCENTILES = (50, 95, 99)
_PHASES = {
    "waiting": "queued_seconds",
    "inputs": "inputs_seconds",
    "inference": "generation_seconds",
    "upload": "upload_seconds",
}


def rows_of_api(api: ApiClient) -> list[Row]:
    """Asks the API how runtimes and the tasks of the last hour stand.

    Raises:
        RefusedError: the API did not take a request.
    """
    answer = api.get(_RUNTIMES, {})
    if not answer.ok:
        raise RefusedError(answer)
    runtimes = RuntimeList.model_validate_json(answer.content)
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    asked = {"since": since.replace("+00:00", "Z")}
    tasks = list(TasksApi(api).pages(asked, _MOST_TASKS))
    return [*_figures(tasks), *_queues(runtimes), *_times(tasks)]


def _figures(tasks: Sequence[TaskView]) -> Iterator[Row]:
    failed = sum(task.status is TaskStatus.FAILED for task in tasks)
    costs = [task.usage.cost for task in tasks if task.usage.cost is not None]
    yield Row("Tasks accepted, 1 h", "", (float(len(tasks)),))
    yield Row("Tasks failed, 1 h", "", (float(failed),))
    yield Row("GPU cost, 1 h", "", (sum(costs),) if costs else ())


def _queues(runtimes: RuntimeList) -> Iterator[Row]:
    for one in runtimes.runtimes:
        oldest = one.oldest_waiting_seconds
        yield Row("Age of the oldest task", one.name, () if oldest is None else (oldest,))
    for one in runtimes.runtimes:
        for label, count in (("waiting", one.tasks_waiting), ("in work", one.tasks_running)):
            # "100+" where more were not counted.
            number = float(str(count).rstrip("+"))
            yield Row("Tasks waiting, and in work", f"{one.name} {label}", (number,))


def _times(tasks: Sequence[TaskView]) -> Iterator[Row]:
    ended = [task for task in tasks if task.status in END_STATUSES and task.finished_at]
    by_runtime: dict[str, list[TaskView]] = {}
    for task in ended:
        by_runtime.setdefault(task.runtime, []).append(task)
    for name, of_runtime in sorted(by_runtime.items()):
        seconds = [
            (task.finished_at - task.created_at).total_seconds()
            for task in of_runtime
            if task.finished_at
        ]
        for percent in _PERCENTILES:
            yield Row("Acceptance to callback", f"{name} p{percent}", (_at(seconds, percent),))
        for label, field in _PHASES.items():
            times = [
                value
                for task in of_runtime
                if task.timings and (value := getattr(task.timings, field)) is not None
            ]
            if times:
                mean = sum(times) / len(times)
                yield Row("Where the time goes, mean", f"{name} {label}", (mean,))


def _at(values: Iterable[float], percent: int) -> float:
    ordered = sorted(values)
    if len(ordered) == 1:
        return ordered[0]
    return quantiles(ordered, n=100, method="inclusive")[percent - 1]
