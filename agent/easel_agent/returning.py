"""Gives tasks back to the queue."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.heartbeat import Heartbeat
from easel_agent.lifecycle import TaskRun, TaskState
from easel_agent.metrics import Metrics
from easel_agent.queue import TaskQueue

logger = logging.getLogger(__name__)


class Returning:
    """The one way in which a task becomes visible again."""

    def __init__(self, queue: TaskQueue, heartbeat: Heartbeat, metrics: Metrics) -> None:
        self._queue = queue
        self._heartbeat = heartbeat
        self._metrics = metrics

    def give_back(self, run: TaskRun, reason: str, delay_seconds: int = 0) -> None:
        """Returns a task to the queue, visible at once or after a delay.

        Where even that fails, its visibility timeout brings it back.
        """
        self._heartbeat.release(run.message)
        try:
            self._queue.give_back(run.message, delay_seconds)
        except (BotoCoreError, ClientError) as error:
            logger.warning("a task could not be given back: %s", error)
        run.move(TaskState.RETURNED)
        self._metrics.returned(reason)
        logger.info(
            "task given back",
            extra={
                "message_id": run.message.message_id,
                "reason": reason,
                "delay_seconds": delay_seconds,
                "receive_count": run.message.receive_count,
            },
        )
