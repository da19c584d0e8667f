"""The way of a probe through an agent: no task, no runtime, no record, no message to anyone."""

import logging
from datetime import UTC, datetime

from easel_agent.errors import AwsError
from easel_agent.queue import QueueMessage, TaskQueue
from easel_contract.probe import PROBE_LIFE_SECONDS, read_probe

logger = logging.getLogger(__name__)

_GIVE_BACK_SECONDS = 1
"""So that an idle agent does not receive the probe again before its sender does."""


def settle_probe(queue: TaskQueue, message: QueueMessage) -> bool:
    """Gives a probe back to whoever looks for it, or deletes it once nobody can any more.

    Returns:
        Whether the message is a probe, and so is done with here.
    """
    probe = read_probe(message.body)
    if probe is None:
        return False
    is_old = (datetime.now(UTC) - message.sent_at).total_seconds() > PROBE_LIFE_SECONDS
    try:
        if is_old:
            queue.delete(message)
        else:
            queue.give_back(message, _GIVE_BACK_SECONDS)
    except AwsError as error:
        # It comes back by itself, to be settled then.
        logger.warning("a probe was not settled: %s", error)
    return True
