"""The threads beside the one that owns the runtime, and the order in which they start and end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from easel_agent.claim_keeper import ClaimKeeper
from easel_agent.claiming import Claiming
from easel_agent.delivery import Delivery
from easel_agent.heartbeat import Heartbeat
from easel_agent.model_mount import ModelMount
from easel_agent.prefetcher import Prefetcher
from easel_agent.runtime_monitor import RuntimeMonitor

logger = logging.getLogger(__name__)

_RECEIVE_END_SECONDS = 30
"""A long poll that is under way ends by itself."""
_DRAIN_SECONDS = 60
"""For the deliveries that a stop leaves."""


@dataclass(frozen=True)
class BackgroundWork:
    """All threads but the worker's.

    Attributes:
        heartbeat: keeps messages ours.
        keeper: keeps claims ours.
        monitor: watches the runtime.
        claiming: claims tasks, from the prefetcher's threads.
        prefetcher: receives and prepares.
        delivery: delivers.
        mount: watches the model bucket's mount; None where the agent is not told of one.
    """

    heartbeat: Heartbeat
    keeper: ClaimKeeper
    monitor: RuntimeMonitor
    claiming: Claiming
    prefetcher: Prefetcher
    delivery: Delivery
    mount: ModelMount | None = None

    def start(self, mount_lost: Callable[[str], None]) -> None:
        """Starts all threads.

        Args:
            mount_lost: is told, once, why the models cannot be read any more.
        """
        self.heartbeat.start()
        self.keeper.start()
        self.monitor.start()
        self.prefetcher.start()
        if self.mount is not None:
            self.mount.start(mount_lost)

    def receive_no_more(self) -> None:
        """Gives back what has not begun; does not wait."""
        self.claiming.stop()
        self.prefetcher.stop()

    def stop(self) -> None:
        """Ends all threads; waits for what is under way."""
        if self.mount is not None:
            self.mount.stop()
        self.receive_no_more()
        self.prefetcher.join(_RECEIVE_END_SECONDS)
        if not self.delivery.drain(_DRAIN_SECONDS):
            logger.warning("not everything was delivered in %d s", _DRAIN_SECONDS)
        self.monitor.stop()
        # The heartbeats last: until then every message and every claim that is held stays ours.
        self.keeper.stop()
        self.heartbeat.stop()
