"""What the agent counts, as lines from which CloudWatch takes metrics (docs/adr/0056)."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from easel_contract import metrics
from easel_contract.emf import metric_line
from easel_contract.metrics import BrokenReason, Dimension, Metric, ReturnReason
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import TaskType

_MINUTE_SECONDS = 60.0


@dataclass(frozen=True)
class TaskEnd:
    """What a task's result does not tell of its end.

    Attributes:
        tasktype: of the task.
        announce_seconds: finishing its record, and publishing its callback.
        end_to_end_seconds: from its acceptance on.
        idle_gap_seconds: before it; see `GpuTime.began`.
        model_switches: for it.
        trace_id: W3C's, where the task is traced.
    """

    tasktype: TaskType
    announce_seconds: float | None = None
    end_to_end_seconds: float | None = None
    idle_gap_seconds: float | None = None
    model_switches: int = 0
    trace_id: str | None = None


def write_to_stdout(line: str) -> None:
    """Writes a line in one piece; the log goes to standard error."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class MetricLines:
    """The lines of one agent."""

    def __init__(
        self, stack: str, runtime_name: str, write: Callable[[str], None] = write_to_stdout
    ) -> None:
        self._dimensions = {Dimension.STACK: stack, Dimension.RUNTIME: runtime_name}
        self._write = write

    def finished(self, result: TaskResult, end: TaskEnd) -> None:
        """A task has ended, and its result was announced."""
        timings, usage = result.timings, result.usage
        values: dict[Metric, float | None] = {
            metrics.QUEUE_WAIT: timings.queued_seconds,
            metrics.INPUT_FETCH: timings.inputs_seconds,
            metrics.INFERENCE: timings.generation_seconds,
            metrics.UPLOAD: timings.upload_seconds,
            metrics.ANNOUNCE: end.announce_seconds,
            metrics.END_TO_END: end.end_to_end_seconds,
            metrics.IDLE_GAP: end.idle_gap_seconds,
            metrics.TASKS_ENDED: 1,
            metrics.TASKS_FAILED: 1 if result.error else None,
            metrics.TASKS_CANCELLED: 1 if result.status is ResultStatus.CANCELLED else None,
            metrics.MODEL_SWITCHES: end.model_switches or None,
            metrics.PICTURES: usage.pictures or None,
            metrics.COST: usage.cost,
        }
        dimensions = {Dimension.TASK_TYPE: str(end.tasktype)}
        if result.error:
            dimensions[Dimension.REASON] = str(result.error.code)
        ids = {"task_uid": result.uid, "task_id": result.id, "trace_id": end.trace_id}
        self._send(values, dimensions, ids | {"status": result.status, "attempts": result.attempts})

    def returned(self, reason: ReturnReason, *, is_retry: bool) -> None:
        """A task was given back or let go.

        Args:
            reason: why.
            is_retry: whether a try was begun that counts.
        """
        retries = 1 if is_retry else None
        self._send(
            {metrics.TASKS_RETURNED: 1, metrics.TASK_RETRIES: retries},
            {Dimension.REASON: str(reason)},
        )

    def dead_lettered(self) -> None:
        """A message was moved to the dead-letter queue."""
        self._send({metrics.TASKS_DEAD_LETTERED: 1})

    def gave_up(self, reason: BrokenReason) -> None:
        """The runtime was found broken."""
        self._send({metrics.RUNTIMES_GIVEN_UP: 1}, {Dimension.REASON: str(reason)})

    def busy(self, percent: float) -> None:
        """The share of the last minute in which the runtime had work."""
        self._send({metrics.GPU_BUSY: round(percent, 2)})

    def _send(
        self,
        values: dict[Metric, float | None],
        dimensions: dict[Dimension, str] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> None:
        self._write(metric_line(values, self._dimensions | (dimensions or {}), properties))


def every_minute(report: Callable[[], None], seconds: float = _MINUTE_SECONDS) -> threading.Event:
    """Calls something every minute, in a thread of its own.

    Returns:
        Set it to end the thread.
    """
    stopped = threading.Event()

    def work() -> None:
        while not stopped.wait(seconds):
            report()

    threading.Thread(target=work, name="minute-report", daemon=True).start()
    return stopped
