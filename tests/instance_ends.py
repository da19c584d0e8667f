"""When the pods of the table in docs/architecture/03-chart.md hear SIGTERM and are killed.

``tests/faults/test_instances_end.py`` has the agent's process end so; ``tests/cluster`` has a
cluster of simulated controllers send it so to the chart's own manifests.
"""

from typing import NamedTuple

TASKS = (5.0, 60.0, 300.0)
"""Seconds that the tasks of the table take."""

POD_GRACE_SECONDS = 720.0
"""From SIGTERM to SIGKILL by the chart's defaults."""

AGENT_GRACE_SECONDS = 700.0
"""Of it, the agent's own: it ends before it is killed."""

SPOT_SECONDS = 120.0
"""From a Spot notice to the end of the instance."""

PRESSURE_SECONDS = 1.0
"""From SIGTERM to SIGKILL when the kubelet has no memory or disk left."""


class End(NamedTuple):
    """How a pod ends in one row of the table."""

    sigterm_within: float
    """Seconds from the cause to SIGTERM, at most."""
    killed_after: float
    """Seconds from SIGTERM until it is killed, whatever it works on."""

    def finishes(self, task: float) -> bool:
        """Whether a task of so many seconds that has just begun is finished."""
        return task < self.killed_after


ENDS = {
    "scale-in": End(1, POD_GRACE_SECONDS),
    "drift": End(15, POD_GRACE_SECONDS),
    "expiry": End(1, POD_GRACE_SECONDS),
    "kubectl drain": End(1, POD_GRACE_SECONDS),
    "Spot interruption": End(1, SPOT_SECONDS),
    "node pressure": End(1, PRESSURE_SECONDS),
}
