"""Keeps the message of a running task invisible to other agents."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.queue import QueueMessage, TaskQueue

logger = logging.getLogger(__name__)


class Heartbeat:
    """One thread that extends the visibility of all held messages.

    Without it a task longer than the visibility timeout is taken by a second agent while the
    first still works on it.
    """

    def __init__(self, queue: TaskQueue, interval_seconds: float) -> None:
        self._queue = queue
        self._interval_seconds = interval_seconds
        self._held: dict[str, tuple[QueueMessage, float]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; messages still held become visible when their timeout is over."""
        self._stopped.set()
        self._thread.join()

    @contextmanager
    def holding(self, message: QueueMessage, ceiling_seconds: float) -> Iterator[None]:
        """Keeps a message invisible while the block runs.

        Args:
            message: just received.
            ceiling_seconds: how long at most; a block that hangs for longer loses the message
                to another agent instead of keeping it for ever.
        """
        with self._lock:
            self._held[message.message_id] = (message, time.monotonic() + ceiling_seconds)
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(message.message_id, None)

    def _beat(self) -> None:
        while not self._stopped.wait(self._interval_seconds):
            with self._lock:
                held = list(self._held.values())
            for message, ceiling in held:
                if time.monotonic() < ceiling:
                    self._extend(message)

    def _extend(self, message: QueueMessage) -> None:
        try:
            self._queue.extend(message)
        except (BotoCoreError, ClientError) as error:
            # Two more beats follow before the timeout is over.
            logger.warning(
                "visibility not extended: %s", error, extra={"message_id": message.message_id}
            )
