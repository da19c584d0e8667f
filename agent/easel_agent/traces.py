"""What the agent has to say of tasks to whoever traces them; nobody, unless it is configured."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from easel_agent.lease import Lease
    from easel_contract.metrics import ReturnReason
    from easel_contract.result import TaskResult


class Traces(Protocol):
    """Called when a delivery of a task has ended, off the runtime's way; never raises."""

    def ended(self, lease: "Lease", result: "TaskResult") -> None:
        """A task has ended, and its result was announced."""

    def returned(self, lease: "Lease", reason: "ReturnReason", *, counts: bool) -> None:
        """A task that was begun was given back, at a try that counts or does not."""

    def close(self, seconds: float) -> None:
        """Sends what has not been sent, for so long at most."""


class NoTraces:
    """Where no collector is configured."""

    def ended(self, lease: "Lease", result: "TaskResult") -> None:
        """Does nothing."""

    def returned(self, lease: "Lease", reason: "ReturnReason", *, counts: bool) -> None:
        """Does nothing."""

    def close(self, seconds: float) -> None:
        """Does nothing."""


_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""OpenTelemetry's own variables: https://opentelemetry.io/docs/specs/otel/protocol/exporter/"""


def make_traces(environment: Mapping[str, str], stack: str, runtime_name: str) -> Traces:
    """Returns who is told of tasks: a collector's client, where the environment names a collector.

    Without one nothing of OpenTelemetry is imported.
    """
    if not any(environment.get(name) for name in _ENDPOINTS):
        return NoTraces()
    from easel_agent.otlp_traces import OtlpTraces  # noqa: PLC0415 - see above

    return OtlpTraces(stack, runtime_name)
