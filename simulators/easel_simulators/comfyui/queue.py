"""The queue and the history: in memory, gone with the process."""

import heapq
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from easel_simulators.comfyui.node_types import Prompt
from easel_simulators.faults import Fault
from easel_simulators.jobs import Lifetime

MAX_HISTORY: Final = 10_000

SENSITIVE: Final = ("auth_token_comfy_org", "api_key_comfy_org")
"""Keys of ``extra_data`` that neither queue nor history nor jobs show (ComfyUI's execution.py,
SENSITIVE_EXTRA_DATA_KEYS; server.py, post_prompt; main.py, remove_sensitive)."""

Entry = dict[str, Any]
"""What history keeps of a job."""


def now_milliseconds() -> int:
    """Milliseconds since the epoch, as every timestamp of ComfyUI."""
    return int(time.time() * 1000)


class SameRankError(Exception):
    """Two pending jobs have the same number and id.

    ComfyUI then compares their workflows, which raises; the job is in the queue all the same.
    """


@dataclass(frozen=True)
class Job:
    """One queued workflow.

    Attributes:
        number: Its rank: the lowest goes first.
        prompt_id: The client's or our own; not unique.
        prompt: The workflow.
        extra_data: What the client gave besides the workflow, ``client_id`` where one was given,
            ``create_time`` in milliseconds.
        outputs: The output nodes to run.
        fault: What goes wrong with it.
        sensitive: What the client gave of ``SENSITIVE``: nodes get it, nobody is told.
    """

    number: float
    prompt_id: str
    prompt: Prompt
    extra_data: Mapping[str, Any]
    outputs: list[str]
    fault: Fault | None = None
    sensitive: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def all_extra_data(self) -> dict[str, Any]:
        """What nodes may ask for."""
        return {**self.extra_data, **self.sensitive}

    @property
    def client_id(self) -> str | None:
        """Who is told how it goes."""
        return self.extra_data.get("client_id")

    def listed(self) -> list[Any]:
        """Its item in ``/queue``, and ``prompt`` of its entry in ``/history``."""
        return [self.number, self.prompt_id, self.prompt, dict(self.extra_data), self.outputs]


@dataclass(order=True)
class _Ranked:
    number: float
    prompt_id: str
    job: Job = field(compare=False)


class JobQueue:
    """The pending jobs, the running one, and what became of the others."""

    def __init__(self, lifetime: Lifetime, announce: Callable[[int], None]) -> None:
        """Begin empty.

        Args:
            lifetime: Its end ends every wait.
            announce: Told how many jobs wait or run, at every change and in order.
        """
        self._lifetime = lifetime
        self._changed = lifetime.changed
        self._announce = announce
        self._pending: list[_Ranked] = []
        self._running: Job | None = None
        self._history: dict[str, Entry] = {}
        self._counter = 0

    def next_number(self) -> int:
        """The rank of a job that asks for none."""
        with self._changed:
            number = self._counter
            self._counter += 1
            return number

    def put(self, job: Job) -> None:
        """Add a job.

        Raises:
            SameRankError: It is added, but a pending one has the same number and id.
        """
        ranked = _Ranked(job.number, job.prompt_id, job)
        with self._changed:
            clash = ranked in self._pending
            heapq.heappush(self._pending, ranked)
            self._announce(self.remaining)
            self._changed.notify_all()
        if clash:
            raise SameRankError

    def take(self) -> Job:
        """Wait for the next job; it is running from now on.

        Raises:
            ConnectionDropped: The process ended.
        """
        with self._changed:
            while not self._pending:
                self._lifetime.check()
                self._changed.wait()
            self._lifetime.check()
            self._running = heapq.heappop(self._pending).job
            self._announce(self.remaining)
            return self._running

    def done(self, job: Job, entry: Entry) -> None:
        """The running job has ended: from one moment to the next it is history."""
        with self._changed:
            self._running = None
            self._history.pop(job.prompt_id, None)
            self._history[job.prompt_id] = entry
            while len(self._history) > MAX_HISTORY:
                del self._history[next(iter(self._history))]
            self._announce(self.remaining)

    @property
    def pending(self) -> int:
        """How many wait."""
        with self._changed:
            return len(self._pending)

    @property
    def remaining(self) -> int:
        """How many wait or run."""
        with self._changed:
            return len(self._pending) + (self._running is not None)

    def snapshot(self) -> tuple[Job | None, list[Job], dict[str, Entry]]:
        """The running job, the pending ones by rank, and the history, oldest first."""
        with self._changed:
            waiting = [ranked.job for ranked in sorted(self._pending)]
            return self._running, waiting, dict(self._history)

    def delete(self, prompt_ids: Iterable[object]) -> None:
        """Forget pending jobs; a running one goes on."""
        unwanted = set(map(str, prompt_ids))
        with self._changed:
            kept = [one for one in self._pending if one.prompt_id not in unwanted]
            if len(kept) == len(self._pending):
                return
            self._pending = kept
            heapq.heapify(self._pending)
            self._announce(self.remaining)

    def clear(self) -> None:
        """Forget every pending job."""
        with self._changed:
            self._pending.clear()
            self._announce(self.remaining)

    def forget(self, prompt_ids: Iterable[object] | None) -> None:
        """Forget ended jobs; all of them when None."""
        with self._changed:
            if prompt_ids is None:
                self._history.clear()
                return
            for prompt_id in map(str, prompt_ids):
                self._history.pop(prompt_id, None)
