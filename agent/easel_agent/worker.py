"""Has the runtime do one task after the other, and stops in order."""

import logging
import threading

from easel_agent.background import BackgroundWork
from easel_agent.delivery import Delivery, Outcome
from easel_agent.errors import (
    CancelledTaskError,
    DeviceFailedError,
    InterruptedTaskError,
    LostTaskError,
    OutOfMemoryError,
    RuntimeBrokenError,
    RuntimeDeadError,
)
from easel_agent.failure_handler import FailureHandler
from easel_agent.lease import Lease
from easel_agent.model_mount import ModelMount
from easel_agent.prefetcher import Prefetcher
from easel_agent.preparation import PreparedTask
from easel_agent.runtime_monitor import RuntimeMonitor
from easel_agent.runtimes.base import Finished, Runtime
from easel_agent.runtimes.job import Job
from easel_agent.settings import AgentSettings
from easel_agent.stopping import Stopping
from easel_agent.task_history import TaskHistory
from easel_contract.metrics import BrokenReason, ReturnReason
from easel_contract.task import Notification

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 1.0
_NO_FAILURES = (CancelledTaskError, InterruptedTaskError, LostTaskError, RuntimeBrokenError)
"""How a task ends without having failed, or for a reason that is known already."""


class Worker:
    """The thread that owns the runtime: one job at a time, and the GPU never idle meanwhile."""

    def __init__(
        self,
        settings: AgentSettings,
        *,
        runtime: Runtime,
        background: BackgroundWork,
        failure_handler: FailureHandler,
        history: TaskHistory,
        stopping: Stopping,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._background = background
        self._failure_handler = failure_handler
        self._history = history
        self._stopping = stopping
        self._idle = threading.Event()
        self._warm_up_job = Job()
        self._job: Job | None = None
        self._is_warm = False

    @property
    def _prefetcher(self) -> Prefetcher:
        return self._background.prefetcher

    @property
    def _monitor(self) -> RuntimeMonitor:
        return self._background.monitor

    @property
    def _delivery(self) -> Delivery:
        return self._background.delivery

    @property
    def _mount(self) -> ModelMount | None:
        return self._background.mount

    def stop(self, instance_ends_in: float | None = None) -> None:
        """Asks `run` to return.

        Nothing more is received, what has not begun is given back, and the running task may go
        on for the grace; after that it is interrupted and given back. May be called again, to tell
        of an end that was not known before.

        Args:
            instance_ends_in: seconds until the instance ends, whatever the grace is: a task that
                is not expected to end before is given back at once. None where nobody knows.
        """
        if instance_ends_in is not None:
            self._stopping.instance_ends_in(instance_ends_in)
        if self._stopping.is_asked_for:
            return
        self._stopping.ask(self._settings.shutdown_grace_seconds)
        # Called from a signal handler, which must not wait for locks or for AWS.
        threading.Thread(target=self._wind_down, name="wind-down", daemon=True).start()

    def run(self) -> None:
        """Works until `stop` is called."""
        self._background.start(self._leave)
        try:
            while not self._stopping.is_asked_for:
                if not self._monitor.wait_ready(_WAIT_SECONDS):
                    self._is_warm = False
                elif self._warm_up():
                    prepared = self._prefetcher.take(_WAIT_SECONDS)
                    if prepared is not None:
                        self._do(prepared)
        finally:
            self._idle.set()
            self._background.stop()

    def _wind_down(self) -> None:
        logger.info("stopping")
        self._background.receive_no_more()
        # Given up, not interrupted: no runtime stops loading a model, which takes minutes.
        self._warm_up_job.stop(RuntimeDeadError("the agent is being stopped"))
        self._stopping.see_out(lambda: self._job, self._idle)

    def _leave(self, failure: str) -> None:
        """The pod has no models any more: gives everything back, has `run` return.

        While the agent is stopping anyway, a task that has its models in memory may end; one that
        has not fails, and goes back for it.
        """
        if self._stopping.is_asked_for:
            logger.error("%s", failure)
            return
        error = RuntimeBrokenError(BrokenReason.MODEL_MOUNT, failure)
        if (job := self._job) is not None:
            job.stop(error)  # first of all: the first error is the one that counts
        else:
            self._lose_runtime(error)
        self._stopping.ask(0)
        self._wind_down()

    def _warm_up(self) -> bool:
        if self._is_warm or not self._settings.warm_up:
            return True
        self._monitor.begin_job(self._warm_up_job)
        try:
            self._runtime.warm_up(self._warm_up_job)
            self._is_warm = True
        except (RuntimeDeadError, InterruptedTaskError) as error:
            logger.warning("runtime did not warm up: %s", error)
            self._lose_runtime(error)
            if not self._stopping.is_asked_for:
                self._warm_up_job = Job()
        finally:
            self._monitor.end_job()
        return self._is_warm

    def _do(self, prepared: PreparedTask) -> None:
        lease = prepared.lease
        if self._stopping.is_asked_for:
            self._history.policy.end(measured=False)
            lease.abandon(ReturnReason.STOPPING)
            return
        lease.begin()
        finished, error = None, None
        self._job = lease.job
        self._monitor.begin_job(lease.job)
        lease.idle_gap_seconds = self._history.metrics.began(lease.received_at)
        if Notification.RUNNING in lease.task.metadata.notify:
            self._delivery.announce_begin(lease)
        try:
            finished = self._generate(prepared)
            self._history.device.went_well()
        except Exception as caught:  # noqa: BLE001 - every kind is handled, none ends the worker
            error = self._judged(lease, caught)
        finally:
            seconds = lease.end_generation()
            self._history.policy.end(measured=error is None)
            self._job = None
            self._monitor.end_job()
            self._history.metrics.ended(seconds)
        timings = prepared.timings.model_copy(update={"generation_seconds": round(seconds, 3)})
        if finished is None:
            if isinstance(error, RuntimeDeadError):
                self._lose_runtime(error)
            self._failure_handler.handle(lease, error or RuntimeError("no result"), timings)
            return
        future = self._delivery.submit(lease, Outcome(timings, finished=finished))
        if not self._settings.overlap:
            future.result()

    def _generate(self, prepared: PreparedTask) -> Finished:
        lease = prepared.lease
        arguments = (lease.task.metadata.tasktype, prepared.content, lease.job)
        try:
            return self._runtime.generate(*arguments)
        except OutOfMemoryError as error:
            # What others left in the device's memory may be all that stood in the way.
            logger.warning("out of memory, once more: %s", error, extra={"task_uid": lease.uid})
            lease.run_again()
            self._runtime.free_memory()
            return self._runtime.generate(*arguments)

    def _judged(self, lease: Lease, error: Exception) -> Exception:
        """Notes what the device did; returns the error, or that the runtime is broken."""
        if self._mount is not None and not isinstance(error, _NO_FAILURES):
            # A runtime may call a file that it cannot read one that is not there, and that the
            # sender's fault.
            failure = self._mount.fails_now()
            if failure is not None:
                return RuntimeBrokenError(BrokenReason.MODEL_MOUNT, failure)
        if isinstance(error, OutOfMemoryError):
            self._history.device.ran_out_of_memory(lease.uid)
        elif isinstance(error, DeviceFailedError) and self._history.device.failed(lease.uid):
            message = f"its device failed at two different tasks in a row, at last: {error}"
            return RuntimeBrokenError(BrokenReason.DEVICE_FAILURES, message)
        return error

    def _lose_runtime(self, error: Exception) -> None:
        self._is_warm = False
        if isinstance(error, RuntimeBrokenError):
            self._monitor.give_up(error)
            self._history.metrics.gave_up(error.reason)
        else:
            self._monitor.lost()
