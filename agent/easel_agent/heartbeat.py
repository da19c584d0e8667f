"""Keeps the message of a running task invisible to other agents."""

import logging
import threading
import time

from easel_agent.errors import AwsError
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
        self._beating = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; messages still held become visible when their timeout is over."""
        self._stopped.set()
        self._thread.join()

    def hold(self, message: QueueMessage, deadline: float) -> None:
        """Keeps a message invisible from now on.

        Args:
            message: just received.
            deadline: of `time.monotonic()`; a task that hangs for longer is lost to another agent
                instead of being kept for ever.
        """
        with self._lock:
            self._held[message.message_id] = (message, deadline)

    def release(self, message: QueueMessage) -> None:
        """Extends a message no longer: it is deleted, given back, or becomes visible in time.

        Waits for a beat that is under way: one that came after a message was given back would
        hide it again, and nobody would work on it.
        """
        with self._beating, self._lock:
            held = self._held.get(message.message_id)
            # A later delivery of the same message may be held by now.
            if held is not None and held[0] is message:
                del self._held[message.message_id]

    def _beat(self) -> None:
        while not self._stopped.wait(self._interval_seconds):
            with self._lock:
                held = list(self._held.values())
            for message, deadline in held:
                with self._beating:
                    if time.monotonic() < deadline and self._is_held(message):
                        self._extend(message)

    def _is_held(self, message: QueueMessage) -> bool:
        with self._lock:
            return message.message_id in self._held

    def _extend(self, message: QueueMessage) -> None:
        try:
            if not self._queue.extend(message):
                logger.warning("message was lost", extra={"message_id": message.message_id})
                with self._lock:
                    self._held.pop(message.message_id, None)
        except AwsError as error:
            # Two more beats follow before the timeout is over.
            logger.warning(
                "visibility not extended: %s", error, extra={"message_id": message.message_id}
            )
