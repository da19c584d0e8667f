"""What ``POST /internal/progress`` tells of one task, by the ``force_task_id`` of its request.

A real server has this route where its web UI runs, so not with ``--nowebui``: AUTOMATIC1111,
``modules/progress.py`` (``progressapi``, ``start_task``, ``finish_task``), registered in
``webui.py`` by ``setup_progress_api`` in ``webui()`` and not in ``api_only()``; recorded as a 404
with ``--nowebui`` in a1111_interrupt.json. ``modules/api/api.py`` (``text2imgapi``) queues a task
before it waits for its turn, starts it after the state has begun, and finishes it only where it
did not fail: a task that failed stays the current one until the next begins. Upscales have no id.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

_FINISHED_KEPT = 16


class TaskProgress:
    """Which tasks wait, run and have ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: str | None = None
        self._waiting: set[str] = set()
        self._finished: deque[str] = deque(maxlen=_FINISHED_KEPT)

    @contextmanager
    def queued(self, task_id: str | None) -> Iterator[None]:
        """A task waits for its turn until ``started``."""
        with self._lock:
            if task_id is not None:
                self._waiting.add(task_id)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.discard(task_id or "")

    @contextmanager
    def started(self, task_id: str | None) -> Iterator[None]:
        """A task runs; it is finished where the block does not raise."""
        with self._lock:
            if task_id is not None:
                self._current = task_id
                self._waiting.discard(task_id)
        yield
        with self._lock:
            if task_id is not None:
                self._current = None
                self._finished.append(task_id)

    def answer(self, task_id: object) -> dict[str, object]:
        """The answer of ``POST /internal/progress``; there is never a preview picture."""
        with self._lock:
            active = task_id == self._current
            queued = task_id in self._waiting
            completed = task_id in self._finished
        return {
            "active": active,
            "queued": queued,
            "completed": completed,
            "progress": None,
            "eta": None,
            "live_preview": None,
            "id_live_preview": -1,
            "textinfo": None if active else "In queue..." if queued else "Waiting...",
        }
