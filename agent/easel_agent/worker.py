"""Has the runtime do one task after the other, and stops in order."""

import logging
import threading
import time

from easel_agent.delivery import Delivery, Outcome
from easel_agent.errors import InterruptedTaskError, RuntimeDeadError
from easel_agent.heartbeat import Heartbeat
from easel_agent.lifecycle import TaskState
from easel_agent.metrics import Metrics
from easel_agent.pace import Pace
from easel_agent.preparation import PreparedTask
from easel_agent.receiver import Receiver
from easel_agent.returning import Returning
from easel_agent.runtime_watch import RuntimeWatch
from easel_agent.runtimes.base import Runtime
from easel_agent.settings import AgentSettings
from easel_agent.settlement import Settlement

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 1.0
_RECEIVE_END_SECONDS = 30
"""A long poll that is under way ends by itself."""
_DRAIN_SECONDS = 60
"""For the deliveries that a stop leaves."""


class Worker:
    """The thread that owns the runtime: one job at a time, and the GPU never idle meanwhile."""

    def __init__(
        self,
        settings: AgentSettings,
        *,
        runtime: Runtime,
        receiver: Receiver,
        delivery: Delivery,
        settlement: Settlement,
        returning: Returning,
        heartbeat: Heartbeat,
        pace: Pace,
        watch: RuntimeWatch,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._receiver = receiver
        self._delivery = delivery
        self._settlement = settlement
        self._returning = returning
        self._heartbeat = heartbeat
        self._pace = pace
        self._watch = watch
        self._metrics = metrics
        self._stopping = threading.Event()
        self._idle = threading.Event()
        self._is_warm = False

    def stop(self) -> None:
        """Asks `run` to return.

        Nothing more is received, what has not begun is given back, and the running task may go
        on for the grace; after that it is interrupted and given back.
        """
        if self._stopping.is_set():
            return
        self._stopping.set()
        # Called from a signal handler, which must not wait for locks or for AWS.
        threading.Thread(target=self._wind_down, name="wind-down", daemon=True).start()

    def run(self) -> None:
        """Works until `stop` is called."""
        self._heartbeat.start()
        self._watch.start()
        self._receiver.start()
        try:
            while not self._stopping.is_set():
                if not self._watch.wait_ready(_WAIT_SECONDS):
                    self._is_warm = False
                elif self._warm_up():
                    prepared = self._receiver.take(_WAIT_SECONDS)
                    if prepared is not None:
                        self._do(prepared)
        finally:
            self._close()

    def _wind_down(self) -> None:
        logger.info("stopping")
        self._receiver.stop()
        if not self._idle.wait(self._settings.shutdown_grace_seconds):
            self._runtime.interrupt()

    def _close(self) -> None:
        self._idle.set()
        # The heartbeat last: until then every message that is held stays ours.
        self._receiver.stop()
        self._receiver.join(_RECEIVE_END_SECONDS)
        if not self._delivery.drain(_DRAIN_SECONDS):
            logger.warning("not everything was delivered in %d s", _DRAIN_SECONDS)
        self._watch.stop()
        self._heartbeat.stop()

    def _warm_up(self) -> bool:
        if self._is_warm or not self._settings.warm_up:
            return True
        self._watch.begin_job()
        try:
            self._runtime.warm_up()
            self._is_warm = True
        except (RuntimeDeadError, InterruptedTaskError) as error:
            logger.warning("runtime did not warm up: %s", error)
            self._watch.lost()
        finally:
            self._watch.end_job()
        return self._is_warm

    def _do(self, prepared: PreparedTask) -> None:
        run = prepared.run
        if self._stopping.is_set():
            self._pace.end(measured=False)
            self._returning.give_back(run, "stopping")
            return
        tasktype = run.task.metadata.tasktype
        run.move(TaskState.RUNNING)
        started = time.monotonic()
        error: Exception | None = None
        self._watch.begin_job()
        self._metrics.began()
        try:
            finished = self._runtime.generate(tasktype, prepared.content)
        except Exception as caught:  # noqa: BLE001 - every kind is settled, none ends the worker
            error = caught
        finally:
            seconds = time.monotonic() - started
            self._pace.end(measured=error is None)
            self._watch.end_job()
            self._metrics.ended(seconds)
        timings = prepared.timings.model_copy(update={"generation_seconds": round(seconds, 3)})
        if error is not None:
            if isinstance(error, RuntimeDeadError):
                self._watch.lost()
                self._is_warm = False
            self._settlement.settle(run, error, fingerprint=prepared.fingerprint, timings=timings)
            return
        future = self._delivery.submit(
            run, Outcome(prepared.fingerprint, timings, finished=finished)
        )
        if not self._settings.overlap:
            future.result()
