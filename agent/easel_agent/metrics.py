"""What the agent counts: in Prometheus' form, and line by line for CloudWatch.

Prometheus' names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for
counters.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from easel_agent.gpu_time import GpuTime
from easel_agent.metric_lines import MetricLines, TaskEnd
from easel_contract.metrics import BrokenReason, ReturnReason
from easel_contract.result import TaskResult

_GENERATION_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600)


class Metrics:
    """The metrics of one agent."""

    def __init__(self, runtime_name: str, lines: MetricLines | None = None) -> None:
        """Counts nothing yet.

        Args:
            runtime_name: the label `runtime`.
            lines: for CloudWatch; None where nobody reads them.
        """
        self._lines = lines
        self._gpu = GpuTime()
        self.registry = CollectorRegistry()
        self._finished = Counter(
            "easel_tasks_finished",
            "Tasks that ended",
            ["runtime", "status", "code"],
            registry=self.registry,
        )
        self._returned = Counter(
            "easel_tasks_returned",
            "Tasks given back to the queue",
            ["runtime", "reason"],
            registry=self.registry,
        )
        self._generation = Histogram(
            "easel_generation_seconds",
            "Time that the runtime took for a task",
            ["runtime"],
            buckets=_GENERATION_BUCKETS,
            registry=self.registry,
        )
        self._busy = Gauge(
            "easel_runtime_busy", "1 while the runtime works", ["runtime"], registry=self.registry
        )
        self._given_up = Counter(
            "easel_runtime_given_up",
            "Runtimes that were found broken",
            ["runtime", "reason"],
            registry=self.registry,
        )
        self._runtime_name = runtime_name
        self._busy.labels(runtime_name).set(0)

    def began(self, received_at: float) -> float | None:
        """The runtime gets a task; see `GpuTime.began`."""
        self._busy.labels(self._runtime_name).set(1)
        return self._gpu.began(received_at)

    def ended(self, seconds: float) -> None:
        """The runtime has ended a task."""
        self._gpu.ended()
        self._busy.labels(self._runtime_name).set(0)
        self._generation.labels(self._runtime_name).observe(seconds)

    def finished(self, result: TaskResult, end: TaskEnd | None) -> None:
        """A task's final result was announced.

        Args:
            result: of the task.
            end: what else is known of it; None of a task that had ended before.
        """
        if self._lines is not None and end is not None:
            self._lines.finished(result, end)
        code = result.error.code if result.error else ""
        self._finished.labels(self._runtime_name, result.status, code).inc()

    def returned(self, reason: ReturnReason, *, is_retry: bool = False) -> None:
        """A task was given back or let go; see `MetricLines.returned`."""
        if self._lines is not None:
            self._lines.returned(reason, is_retry=is_retry)
        self._returned.labels(self._runtime_name, reason).inc()

    def gave_up(self, reason: BrokenReason) -> None:
        """The runtime was found broken."""
        if self._lines is not None:
            self._lines.gave_up(reason)
        self._given_up.labels(self._runtime_name, reason).inc()

    def dead_lettered(self) -> None:
        """A message was moved to the dead-letter queue."""
        if self._lines is not None:
            self._lines.dead_lettered()

    def report_minute(self) -> None:
        """To be called every minute."""
        percent = self._gpu.busy_share()
        if self._lines is not None:
            self._lines.busy(percent)

    def render(self) -> bytes:
        """All metrics as text."""
        return generate_latest(self.registry)
