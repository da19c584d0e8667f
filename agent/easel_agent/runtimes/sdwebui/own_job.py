"""Whether the job that an SD WebUI is at is the one that was just sent to it."""

import time
from enum import Enum, auto

from easel_agent.runtimes.sdwebui.progress import ProgressReader, ServerProgress, TaskStanding

_ARRIVAL_SECONDS = 2.0
"""After which an id that the server does not know is one that it does not take."""


class Standing(Enum):
    """How one request stands."""

    UNKNOWN = auto()  # not there yet, or not any more
    WAITING = auto()  # behind somebody else's
    RUNNING = auto()
    ENDED = auto()


class OwnJob:
    """Follows one request.

    By its id, where the server tells (`ProgressReader.task`). Else, as for every upscale, for a
    server with `--nowebui`, and for a fork that takes no id, by `job_timestamp` of the progress:
    where the server was idle right before, the request's job is the first that runs; where it was
    busy, the one that runs when the timestamp changes next. So without ids a job is mistaken for
    ours where somebody else's was already waiting, or came in the same moment, or began in the same
    second. Without any progress it is believed to run from the beginning, and cannot be told from
    others'.
    """

    def __init__(
        self, reader: ProgressReader, task_id: str | None, before: ServerProgress | None
    ) -> None:
        """Describes it; nothing is sent.

        Args:
            reader: of the thread that looks.
            task_id: `force_task_id` of the request; None where it has none.
            before: what the server said right before the request; None where it says nothing.
        """
        self._reader = reader
        self._task_id = task_id
        self._before = before
        self._timestamp: str | None = None
        self._made_at = time.monotonic()
        self._id_is_known = False

    @property
    def is_known_by_id(self) -> bool:
        """Whether it is surely told from others' jobs."""
        return self._id_is_known

    @property
    def begins_at_once(self) -> bool:
        """Whether nothing stood before it when it was sent."""
        return self._before is None or not self._before.is_busy

    def look(self) -> Standing:
        """How it stands now; UNKNOWN also where the server does not answer."""
        if self._task_id is not None:
            task = self._reader.task(self._task_id)
            if task is not None:
                standing = _standing_of(task)
                self._id_is_known = self._id_is_known or standing is not Standing.UNKNOWN
                if self._id_is_known or self._is_on_its_way:
                    return standing
            elif self._reader.has_tasks:
                return Standing.UNKNOWN  # it did not answer
        return self._look_at_timestamp()

    @property
    def _is_on_its_way(self) -> bool:
        return time.monotonic() - self._made_at < _ARRIVAL_SECONDS

    def _look_at_timestamp(self) -> Standing:
        if self._before is None:
            return Standing.RUNNING
        now = self._reader.read_or_none()
        if now is None:
            return Standing.UNKNOWN
        timestamp = now.state.job_timestamp
        if self._timestamp is not None:
            is_ours = now.is_busy and timestamp == self._timestamp
            return Standing.RUNNING if is_ours else Standing.ENDED
        if not now.is_busy:
            return Standing.UNKNOWN
        if self._before.is_busy and timestamp == self._before.state.job_timestamp:
            return Standing.WAITING
        self._timestamp = timestamp
        return Standing.RUNNING


def _standing_of(task: TaskStanding) -> Standing:
    if task.active:
        return Standing.RUNNING
    if task.queued:
        return Standing.WAITING
    return Standing.ENDED if task.completed else Standing.UNKNOWN
