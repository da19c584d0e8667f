"""One request to SD WebUI from its sending to its answer: its turn, its clock, its end."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import requests

from easel_agent.errors import (
    RejectedTaskError,
    RuntimeBrokenError,
    RuntimeBusyError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.api import MISSING, SdWebUiApi
from easel_agent.runtimes.sdwebui.own_job import OwnJob, Standing
from easel_agent.runtimes.sdwebui.progress import ProgressReader, ServerProgress
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import BrokenReason

logger = logging.getLogger(__name__)

_INTERRUPT_PATH = "/sdapi/v1/interrupt"
_INTERRUPT_SECONDS = 5.0
_INTERRUPT_AGAIN_SECONDS = 0.5
"""SD WebUI forgets an interrupt that comes a moment before its job."""
_END_SECONDS = 60.0
"""How long an interrupted job may take to end."""
_FIRST_LOOK_SECONDS = 0.02
_LOOK_SECONDS = 0.1
_SILENT_SECONDS = 4.0
_ARRIVAL_SECONDS = 1.0
"""After which a request that the server does not know is not on its way any more."""


@dataclass(frozen=True)
class Limits:
    """Seconds.

    Attributes:
        task: that the request's own job may take.
        wait: that others' jobs before it may take.
    """

    task: float
    wait: float

    @property
    def all(self) -> float:
        """That the answer may take in the worst case."""
        return self.wait + self.task + _END_SECONDS


class Turn:
    """A context around one request: watches the request's progress, from a thread of its own.

    Starts the job's clock when the server begins it, ends it when it is stopped or overdue, and
    gives up the waiting for the answer when it does not begin in time. It interrupts only while the
    running job is the request's own, asked right before; between the two the job may end, and
    another be hit: SD WebUI's interrupt names no job. A request that is given up before it began
    stays in the server's queue, so the thread goes on and interrupts it when its turn comes, where
    it can be told by its id; else it runs to its end as somebody else's job.

    Attributes:
        limits: of its time.
        when_running: called once, from the thread that watches, where the job is seen to run.
        failure: why the waiting was given up; None where it was not, or where the job was stopped.
        is_overdue: whether the job took longer than it may.
    """

    def __init__(
        self, api: SdWebUiApi, reader: ProgressReader, own: OwnJob, job: Job, limits: Limits
    ) -> None:
        """Describes it; nothing is sent.

        Args:
            api: whose `post` waits for the answer.
            reader: for the thread that watches.
            own: follows the request.
            job: the task's.
            limits: of its time.
        """
        self._api = api
        self._reader = reader
        self._moves = _Moves(reader.read_or_none)
        self._own = own
        self._job = job
        self.limits = limits
        self.when_running: Callable[[OwnJob], None] | None = None
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._told = threading.Event()
        self._ended = threading.Event()
        self._stop_error: Exception | None = None
        self._begun_at: float | None = None
        self._interrupted_at: float | None = None
        self._has_waited = False
        self._can_interrupt = True
        self._told_at = float("-inf")
        self.failure: Exception | None = None
        self.is_overdue = False

    @property
    def runs(self) -> bool:
        """Whether the server works at the request, as far as is known."""
        return self._begun_at is not None and not self._ended.is_set()

    @property
    def was_interrupted(self) -> bool:
        """Whether this agent interrupted the request."""
        return self._interrupted_at is not None

    def __enter__(self) -> Self:
        self._sent_at = time.monotonic()
        threading.Thread(target=self._watch, name="sdwebui-turn", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # An interrupt that is under way would reach the next job: the lock waits for its end.
        with self._lock:
            if self._begun_at is None and error is None:
                self._begin(self._sent_at if self._own.begins_at_once else time.monotonic())
            self._ended.set()
        self._told.set()
        self._news.set()

    def stop(self, error: Exception) -> None:
        """Has it end; returns when the server was told, or cannot be.

        Args:
            error: why.
        """
        if isinstance(error, RuntimeDeadError):
            self._api.abort()
            return
        self._stop_error = error
        self._news.set()
        self._told.wait(_INTERRUPT_SECONDS)

    def _begin(self, at: float) -> None:
        self._begun_at = at
        self._job.begun(at)

    def _watch(self) -> None:
        pause, is_certain = _FIRST_LOOK_SECONDS, False
        # The request goes first: what is looked at would only stand in its way.
        self._news.wait(pause)
        while not self._ended.is_set():
            standing = self._own.look()
            is_certain = is_certain or standing in (Standing.RUNNING, Standing.ENDED)
            if standing is Standing.RUNNING and self.when_running is not None:
                self.when_running(self._own)
                self.when_running = None
            if standing is Standing.WAITING or self._begun_at is None:
                self._moves.look()
            with self._lock:
                if self._ended.is_set():
                    return
                self._note(standing)
                if self._act(standing, time.monotonic()):
                    break
            may_rest = is_certain and self._stop_error is None and not self.is_overdue
            self._news.wait(self._seconds_left() if may_rest else pause)
            self._news.clear()
            pause = min(2 * pause, _LOOK_SECONDS)
        else:
            return
        self._chase()

    def _note(self, standing: Standing) -> None:
        """Starts the job's clock, when it is seen to run or to have run."""
        self._has_waited = self._has_waited or standing is Standing.WAITING
        began_at_once = self._own.begins_at_once and not self._has_waited
        # A server that was idle, and does not say what became of the request, is at it.
        is_silent = began_at_once and time.monotonic() - self._sent_at >= _SILENT_SECONDS
        if self._begun_at is None and (is_silent or standing in (Standing.RUNNING, Standing.ENDED)):
            self._begin(self._sent_at if began_at_once else time.monotonic())

    def _act(self, standing: Standing, now: float) -> bool:
        """Interrupts and gives up, where it is time; returns whether the waiting was ended."""
        if self._begun_at is None:
            return self._act_on_waiting(standing, now)
        self.is_overdue = self.is_overdue or now - self._begun_at >= self.limits.task
        if self._stop_error is None and not self.is_overdue:
            return False
        has_arrived = now - self._sent_at >= _ARRIVAL_SECONDS
        if standing is Standing.UNKNOWN and self._interrupted_at is None:
            return has_arrived and self._give_up(None)
        if standing is Standing.RUNNING:
            self._interrupt(now)
        self._interrupted_at = self._interrupted_at or now
        self._told.set()
        if now - self._interrupted_at >= _END_SECONDS:
            message = f"SD WebUI did not stop a job in {_END_SECONDS:g} s"
            return self._give_up(RuntimeBrokenError(BrokenReason.HANGS, message))
        return False

    def _act_on_waiting(self, standing: Standing, now: float) -> bool:
        waited = now - self._sent_at
        if self._stop_error is not None:
            is_there = standing is Standing.WAITING or waited >= _ARRIVAL_SECONDS
            return is_there and self._give_up(None)
        if waited < max(self.limits.wait, _SILENT_SECONDS if standing is Standing.UNKNOWN else 0):
            return False
        if self._moves.seconds_ago() >= self.limits.wait:
            message = f"SD WebUI says that it works, and nothing moved for {self.limits.wait:g} s"
            return self._give_up(RuntimeBrokenError(BrokenReason.BUSY_FOR_EVER, message))
        message = f"others' jobs on SD WebUI took longer than {self.limits.wait:g} s"
        return self._give_up(RuntimeBusyError(message))

    def _interrupt(self, now: float) -> None:
        if not self._can_interrupt or now - self._told_at < _INTERRUPT_AGAIN_SECONDS:
            return
        self._told_at = now
        try:
            told = self._reader.api.tell_if_any(_INTERRUPT_PATH, {}, seconds=_INTERRUPT_SECONDS)
            if told is MISSING:
                self._can_interrupt = False
                logger.warning(
                    "this SD WebUI has no %s: its jobs run to their end", _INTERRUPT_PATH
                )
        except (RuntimeDeadError, RejectedTaskError, TransientError) as error:
            logger.warning("the running job was not interrupted: %s", error)

    def _give_up(self, failure: Exception | None) -> bool:
        """Ends the waiting for the answer."""
        self.failure = failure
        self._told.set()
        self._api.abort()
        return True

    def _seconds_left(self) -> float | None:
        if self._begun_at is None:
            return _LOOK_SECONDS
        return max(0.0, self._begun_at + self.limits.task - time.monotonic())

    def _chase(self) -> None:
        """Interrupts a request that was given up, when its turn comes."""
        deadline = time.monotonic() + self.limits.all
        unknown_since: float | None = None
        while self._own.is_known_by_id and time.monotonic() < deadline:
            standing = self._own.look()
            if standing is Standing.RUNNING:
                self._interrupt(time.monotonic())
            if standing is Standing.ENDED:
                return
            if standing is not Standing.UNKNOWN:
                unknown_since = None
            elif unknown_since is None:
                unknown_since = time.monotonic()
            elif time.monotonic() - unknown_since > _ARRIVAL_SECONDS:
                return
            time.sleep(_LOOK_SECONDS)


class _Moves:
    """Whether anything moves in what a server says of its job."""

    def __init__(self, read: Callable[[], ServerProgress | None]) -> None:
        self._read = read
        self._last: Any = None
        self._moved_at = time.monotonic()

    def look(self) -> None:
        """Compares the server's report with the one before."""
        told = self._read()
        if told is not None and told != self._last:
            if self._last is not None:
                self._moved_at = time.monotonic()
            self._last = told

    def seconds_ago(self) -> float:
        """Since when nothing has moved."""
        return time.monotonic() - self._moved_at


def send(api: SdWebUiApi, turn: Turn, path: str, body: Any, job: Job) -> bytes:
    """Sends a request and returns its answer.

    Raises:
        RejectedTaskError: it was refused, or took longer than it may.
        RuntimeBusyError: it did not begin in time.
        RuntimeBrokenError: it neither ended nor could be stopped, or others' jobs do not.
        TransientError, RuntimeDeadError: see `SdWebUiApi.post`.
        Exception: whatever the job was stopped with.
    """
    limits = turn.limits
    try:
        with job.interruptible(turn.stop), turn:
            answer = api.post(path, body, limits.all)
    except requests.ReadTimeout as error:
        message = f"SD WebUI gave no answer in {limits.all:g} s"
        raise RuntimeBrokenError(BrokenReason.HANGS, message) from error
    except (RuntimeDeadError, RejectedTaskError, TransientError):
        if turn.failure is not None:
            raise turn.failure from None
        job.check()
        _raise_if_overdue(turn, limits)
        raise
    job.check()
    _raise_if_overdue(turn, limits)
    return answer


def _raise_if_overdue(turn: Turn, limits: Limits) -> None:
    """Raises RejectedTaskError where the job took longer than it may."""
    if turn.is_overdue:
        raise RejectedTaskError(
            TaskErrorCode.DEADLINE_EXCEEDED,
            f"the task took longer than {limits.task:g} s and was stopped",
        )
