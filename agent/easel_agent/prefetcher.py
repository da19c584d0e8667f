"""Takes tasks from the queue ahead of the runtime: one is ready while another runs."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from easel_agent.claiming import Claiming
from easel_agent.delivery import HEAD_START_SECONDS
from easel_agent.errors import AwsError
from easel_agent.lease import Lease, LeaseHolder
from easel_agent.prefetch_policy import PrefetchPolicy
from easel_agent.preparation import Preparation, PreparedTask
from easel_agent.probes import settle_probe
from easel_agent.queue import QueueMessage
from easel_agent.runtime_monitor import RuntimeMonitor
from easel_agent.settings import AgentSettings
from easel_contract.metrics import ReturnReason

logger = logging.getLogger(__name__)

_AWS_PAUSE_SECONDS = 2.0
_LOOK_SECONDS = 0.5
_SHORTEST_LOOK_SECONDS = 0.005
_MOST_AHEAD = 2
"""Where tasks are so quick that receiving one takes longer than doing one."""
_CEILING_MARGIN_SECONDS = 300
"""Beyond the runtime's time-out: waiting for it, fetching inputs, delivering."""


@dataclass
class _Held:
    prepared: PreparedTask
    until: float
    is_claimed: bool = False


class Prefetcher:
    """A thread that receives the next task, and threads that prepare and claim it.

    Nothing is received while the runtime is not ready; with overlap only while none runs or the
    running task is about to end, without overlap only while the worker waits for one.

    A task is claimed when the worker takes it. Where the end of the running task can be foreseen,
    the next one is claimed a moment before it, and the runtime does not wait for DynamoDB.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        holder: LeaseHolder,
        preparation: Preparation,
        claiming: Claiming,
        policy: PrefetchPolicy,
        monitor: RuntimeMonitor,
    ) -> None:
        self._settings = settings
        self._holder = holder
        self._preparation = preparation
        self._claiming = claiming
        self._policy = policy
        self._monitor = monitor
        self._changed = threading.Condition()
        self._held: deque[_Held] = deque()
        self._preparing = 0
        self._claiming_ahead = False
        self._wanted = False
        self._stopped = threading.Event()
        self._gave_back = False
        self._pool = ThreadPoolExecutor(_MOST_AHEAD, thread_name_prefix="preparation")
        self._claimer = threading.Thread(target=self._claim_ahead, name="claimer", daemon=True)
        self._thread = threading.Thread(target=self._work, name="prefetcher", daemon=True)

    def start(self) -> None:
        """Starts the threads."""
        self._thread.start()
        if self._settings.overlap:
            self._claimer.start()

    def stop(self) -> None:
        """Receives no more and gives held tasks back; does not wait for a receive under way."""
        with self._changed:
            self._stopped.set()
            held = list(self._held)
            self._held.clear()
            self._changed.notify_all()
        for item in held:
            item.prepared.lease.abandon(ReturnReason.STOPPING)

    def join(self, seconds: float) -> None:
        """Waits until a receive that is under way has ended and its tasks are given back."""
        self._thread.join(seconds)
        if self._claimer.is_alive():
            self._claimer.join(seconds)
        self._pool.shutdown(wait=True)

    def take(self, seconds: float) -> PreparedTask | None:
        """Takes the task that is ready, claimed; to the policy it has begun.

        Args:
            seconds: how long to wait for one.

        Returns:
            The task; None where none came, or where the one that came could not be claimed, which
            is seen to.
        """
        with self._changed:
            self._wanted = True
            self._gave_back = False
            self._changed.notify_all()
            self._changed.wait_for(self._has_one, seconds)
            self._wanted = False
            if not self._held or self._claiming_ahead:
                return None
            item = self._held.popleft()
            # Before this thread looks up again: to it the runtime is busy from now on.
            self._policy.begin(item.prepared.lease.task.metadata.tasktype)
            self._changed.notify_all()
        if item.is_claimed or self._claiming.claim(item.prepared):
            return item.prepared
        self._policy.end(measured=False)
        return None

    def _has_one(self) -> bool:
        return self._stopped.is_set() or bool(self._held and not self._claiming_ahead)

    def _claim_ahead(self) -> None:
        while not self._stopped.is_set():
            with self._changed:
                self._changed.wait(self._until_claim())
                if self._until_claim() > _SHORTEST_LOOK_SECONDS:
                    continue
                item = self._held.popleft()
                self._claiming_ahead = True
            is_claimed = self._claiming.claim(item.prepared)
            with self._changed:
                self._claiming_ahead = False
                is_late = self._stopped.is_set()
                if is_claimed and not is_late:
                    item.is_claimed = True
                    self._held.appendleft(item)
                self._changed.notify_all()
            if is_claimed and is_late:
                item.prepared.lease.abandon(ReturnReason.STOPPING)

    def _until_claim(self) -> float:
        """Seconds after which the task that is held is to be claimed, as far as can be seen."""
        if self._stopped.is_set():
            return _LOOK_SECONDS
        if not self._held or self._held[0].is_claimed or self._policy.is_idle():
            return _LOOK_SECONDS
        left = self._policy.expected_end_seconds()
        # Nobody knows when an overdue job ends: a task claimed now would be begun for nobody, and
        # its sender could not cancel it at once.
        if left is None or left < 0:
            return _LOOK_SECONDS
        until = left - self._claiming.lead_seconds
        return min(max(until, _SHORTEST_LOOK_SECONDS), _LOOK_SECONDS)

    def _work(self) -> None:
        while not self._stopped.is_set():
            if not self._may_receive():
                self._wait()
                continue
            if not self._policy.is_quick():
                time.sleep(HEAD_START_SECONDS)
            message = self._receive()
            if message is not None:
                self._take_in(message)

    def _may_receive(self) -> bool:
        with self._changed:
            ahead = len(self._held) + self._preparing + self._claiming_ahead
            if not self._monitor.is_ready:
                return False
            if not self._settings.overlap:
                return self._wanted and not ahead
            if ahead:
                return ahead < _MOST_AHEAD and self._policy.is_quick()
            # What was given back during this job was for other agents.
            return self._policy.is_idle() or (self._policy.wants_next() and not self._gave_back)

    def _receive(self) -> QueueMessage | None:
        try:
            return self._holder.queue.receive(self._settings.receive_wait_seconds)
        except AwsError as error:
            logger.warning("no message received: %s", error)
            self._stopped.wait(_AWS_PAUSE_SECONDS)
            return None

    def _take_in(self, message: QueueMessage) -> None:
        if settle_probe(self._holder.queue, message):
            return
        settings = self._settings
        ceiling = (
            settings.task_timeout_seconds + settings.runtime_wait_seconds + _CEILING_MARGIN_SECONDS
        )
        lease = self._holder.hold(message, ceiling)
        with self._changed:
            if not self._stopped.is_set():
                self._preparing += 1
                self._pool.submit(self._prepare, lease)
                return
        lease.abandon(ReturnReason.STOPPING)

    def _prepare(self, lease: Lease) -> None:
        prepared = None
        try:
            prepared = self._preparation.prepare(lease)
        except Exception:
            # A fault of ours: the message's visibility timeout brings it back.
            logger.exception("preparation failed")
            lease.lose(ReturnReason.PREPARATION_FAILED)
        finally:
            with self._changed:
                self._preparing -= 1
                if prepared is not None and not self._stopped.is_set():
                    until = time.monotonic() + self._policy.hold_seconds()
                    self._held.append(_Held(prepared, until))
                    prepared = None
                self._changed.notify_all()
        if prepared is not None:
            prepared.lease.abandon(ReturnReason.STOPPING)

    def _wait(self) -> None:
        """Waits for something to change; gives back a task that has waited too long."""
        with self._changed:
            self._changed.wait(_LOOK_SECONDS)
            if self._held and not self._monitor.is_ready and not self._stopped.is_set():
                self._held.popleft().prepared.lease.abandon(ReturnReason.RUNTIME_DEAD)
                return
            if not self._held or self._policy.is_idle() or time.monotonic() < self._held[0].until:
                return
            item = self._held.popleft()
            self._gave_back = True
        item.prepared.lease.abandon(ReturnReason.HELD_TOO_LONG)
