"""Takes tasks from the queue ahead of the runtime: at most one is ready while another runs."""

import logging
import threading
import time
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.heartbeat import Heartbeat
from easel_agent.lifecycle import TaskRun
from easel_agent.pace import Pace
from easel_agent.preparation import Preparation, PreparedTask
from easel_agent.queue import QueueMessage, TaskQueue
from easel_agent.returning import Returning
from easel_agent.runtime_watch import RuntimeWatch
from easel_agent.settings import AgentSettings

logger = logging.getLogger(__name__)

_AWS_PAUSE_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_CEILING_MARGIN_SECONDS = 300
"""Beyond the runtime's time-out: waiting for it, fetching inputs, delivering."""


@dataclass(frozen=True)
class _Held:
    prepared: PreparedTask
    until: float


class Receiver:
    """A thread that receives and prepares the next task.

    It receives nothing while the runtime is not ready; with overlap only while none runs or the
    running task is about to end, without overlap only while the worker waits for one.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        queue: TaskQueue,
        heartbeat: Heartbeat,
        preparation: Preparation,
        returning: Returning,
        pace: Pace,
        watch: RuntimeWatch,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._heartbeat = heartbeat
        self._preparation = preparation
        self._returning = returning
        self._pace = pace
        self._watch = watch
        self._changed = threading.Condition()
        self._held: _Held | None = None
        self._wanted = False
        self._stopped = threading.Event()
        self._gave_back = False
        self._thread = threading.Thread(target=self._work, name="receiver", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Receives no more and gives back what is held; does not wait."""
        with self._changed:
            self._stopped.set()
            held, self._held = self._held, None
            self._changed.notify_all()
        if held is not None:
            self._returning.give_back(held.prepared.run, "stopping")

    def join(self, seconds: float) -> None:
        """Waits until a receive that is under way has ended and what it brought is given back."""
        self._thread.join(seconds)

    def take(self, seconds: float) -> PreparedTask | None:
        """Takes the task that is ready; to the pace it has begun.

        Args:
            seconds: how long to wait for one.
        """
        with self._changed:
            self._wanted = True
            self._gave_back = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._held or self._stopped.is_set(), seconds)
            self._wanted = False
            held, self._held = self._held, None
            if held is None:
                return None
            # Before this thread looks up again: to it the runtime is busy from now on.
            self._pace.begin(held.prepared.run.task.metadata.tasktype)
            self._changed.notify_all()
            return held.prepared

    def _work(self) -> None:
        while not self._stopped.is_set():
            if self._may_receive():
                message = self._receive()
                if message is not None:
                    self._take_in(message)
            else:
                self._hold()

    def _may_receive(self) -> bool:
        if self._held is not None or not self._watch.is_ready:
            return False
        if not self._settings.overlap:
            return self._wanted
        # What was given back during this job was for other agents.
        return self._pace.is_idle() or (self._pace.wants_next() and not self._gave_back)

    def _receive(self) -> QueueMessage | None:
        try:
            return self._queue.receive(self._settings.receive_wait_seconds)
        except (BotoCoreError, ClientError) as error:
            logger.warning("no message received: %s", error)
            with self._changed:
                self._changed.wait_for(self._stopped.is_set, _AWS_PAUSE_SECONDS)
            return None

    def _take_in(self, message: QueueMessage) -> None:
        ceiling = self._settings.task_timeout_seconds + _CEILING_MARGIN_SECONDS
        run = TaskRun(message, ceiling)
        self._heartbeat.hold(message, run.deadline)
        if self._stopped.is_set():
            self._returning.give_back(run, "stopping")
            return
        prepared = self._preparation.prepare(run)
        if prepared is None:
            return
        with self._changed:
            if not self._stopped.is_set():
                until = time.monotonic() + self._pace.hold_seconds()
                self._held = _Held(prepared, until)
                self._changed.notify_all()
                return
        self._returning.give_back(run, "stopping")

    def _hold(self) -> None:
        """Waits for something to change; gives back a task that has waited too long."""
        with self._changed:
            self._changed.wait(_LOOK_SECONDS)
            held = self._held
            if held is None or self._pace.is_idle() or time.monotonic() < held.until:
                return
            self._held = None
            self._gave_back = True
        self._returning.give_back(held.prepared.run, "held too long")
