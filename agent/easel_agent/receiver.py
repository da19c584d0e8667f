"""Takes tasks from the queue ahead of the runtime: one is ready while another runs."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.delivery import HEAD_START_SECONDS
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
_LOOK_SECONDS = 0.5
_MOST_AHEAD = 2
"""Where tasks are so quick that receiving one takes longer than doing one."""
_CEILING_MARGIN_SECONDS = 300
"""Beyond the runtime's time-out: waiting for it, fetching inputs, delivering."""


@dataclass(frozen=True)
class _Held:
    prepared: PreparedTask
    until: float


class Receiver:
    """A thread that receives the next task, and threads that prepare it.

    Nothing is received while the runtime is not ready; with overlap only while none runs or the
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
        self._held: deque[_Held] = deque()
        self._preparing = 0
        self._wanted = False
        self._stopped = threading.Event()
        self._gave_back = False
        self._pool = ThreadPoolExecutor(_MOST_AHEAD, thread_name_prefix="preparation")
        self._thread = threading.Thread(target=self._work, name="receiver", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Receives no more and gives back what is held; does not wait for what is under way."""
        with self._changed:
            self._stopped.set()
            held = list(self._held)
            self._held.clear()
            self._changed.notify_all()
        for item in held:
            self._returning.give_back(item.prepared.run, "stopping")

    def join(self, seconds: float) -> None:
        """Waits until a receive that is under way has ended and what it brought is given back."""
        self._thread.join(seconds)
        self._pool.shutdown(wait=True)

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
            if not self._held:
                return None
            prepared = self._held.popleft().prepared
            # Before this thread looks up again: to it the runtime is busy from now on.
            self._pace.begin(prepared.run.task.metadata.tasktype)
            self._changed.notify_all()
            return prepared

    def _work(self) -> None:
        while not self._stopped.is_set():
            if not self._may_receive():
                self._wait()
                continue
            if not self._pace.is_quick():
                time.sleep(HEAD_START_SECONDS)
            message = self._receive()
            if message is not None:
                self._take_in(message)

    def _may_receive(self) -> bool:
        with self._changed:
            ahead = len(self._held) + self._preparing
            if not self._watch.is_ready:
                return False
            if not self._settings.overlap:
                return self._wanted and not ahead
            if ahead:
                return ahead < _MOST_AHEAD and self._pace.is_quick()
            # What was given back during this job was for other agents.
            return self._pace.is_idle() or (self._pace.wants_next() and not self._gave_back)

    def _receive(self) -> QueueMessage | None:
        try:
            return self._queue.receive(self._settings.receive_wait_seconds)
        except (BotoCoreError, ClientError) as error:
            logger.warning("no message received: %s", error)
            self._stopped.wait(_AWS_PAUSE_SECONDS)
            return None

    def _take_in(self, message: QueueMessage) -> None:
        ceiling = self._settings.task_timeout_seconds + _CEILING_MARGIN_SECONDS
        run = TaskRun(message, ceiling)
        self._heartbeat.hold(message, run.deadline)
        with self._changed:
            if not self._stopped.is_set():
                self._preparing += 1
                self._pool.submit(self._prepare, run)
                return
        self._returning.give_back(run, "stopping")

    def _prepare(self, run: TaskRun) -> None:
        prepared = None
        try:
            prepared = self._preparation.prepare(run)
        except Exception:
            # A fault of ours: the message's visibility timeout brings it back.
            logger.exception("preparation failed")
            self._heartbeat.release(run.message)
        finally:
            with self._changed:
                self._preparing -= 1
                if prepared is not None and not self._stopped.is_set():
                    until = time.monotonic() + self._pace.hold_seconds()
                    self._held.append(_Held(prepared, until))
                    prepared = None
                self._changed.notify_all()
        if prepared is not None:
            self._returning.give_back(prepared.run, "stopping")

    def _wait(self) -> None:
        """Waits for something to change; gives back a task that has waited too long."""
        with self._changed:
            self._changed.wait(_LOOK_SECONDS)
            if not self._held or self._pace.is_idle() or time.monotonic() < self._held[0].until:
                return
            item = self._held.popleft()
            self._gave_back = True
        self._returning.give_back(item.prepared.run, "held too long")
