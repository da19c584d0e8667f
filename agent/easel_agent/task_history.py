"""An agent's memory of the tasks that ran."""

from dataclasses import dataclass

from easel_agent.device_history import DeviceHistory
from easel_agent.metrics import Metrics
from easel_agent.prefetch_policy import PrefetchPolicy


@dataclass(frozen=True)
class TaskHistory:
    """The agent's memory of the tasks that ran.

    Attributes:
        policy: their durations, which say when to fetch the next one.
        metrics: their numbers and seconds.
        device: failures of the device.
    """

    policy: PrefetchPolicy
    metrics: Metrics
    device: DeviceHistory
