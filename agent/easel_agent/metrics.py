"""What the agent counts, in Prometheus' form.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for counters.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from easel_contract.metrics import BrokenReason, ReturnReason
from easel_contract.result import TaskResult

_GENERATION_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600)


class Metrics:
    """The metrics of one agent."""

    def __init__(self, runtime_name: str) -> None:
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

    def began(self) -> None:
        """The runtime has begun a task."""
        self._busy.labels(self._runtime_name).set(1)

    def ended(self, seconds: float) -> None:
        """The runtime has ended a task."""
        self._busy.labels(self._runtime_name).set(0)
        self._generation.labels(self._runtime_name).observe(seconds)

    def finished(self, result: TaskResult) -> None:
        """A task's final result was announced."""
        code = result.error.code if result.error else ""
        self._finished.labels(self._runtime_name, result.status, code).inc()

    def returned(self, reason: ReturnReason) -> None:
        """A task was given back."""
        self._returned.labels(self._runtime_name, reason).inc()

    def gave_up(self, reason: BrokenReason) -> None:
        """The runtime was found broken."""
        self._given_up.labels(self._runtime_name, reason).inc()

    def render(self) -> bytes:
        """All metrics as text."""
        return generate_latest(self.registry)
