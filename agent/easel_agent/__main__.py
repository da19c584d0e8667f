"""`python -m easel_agent`: the queue agent's process."""

import logging
import os
import signal
import sys
from types import FrameType

import boto3
from botocore.config import Config
from pydantic import ValidationError

from easel_agent.inputs import InputLoader
from easel_agent.logs import log_as_json
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.queue import TaskQueue
from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.comfyui import ComfyUi
from easel_agent.runtimes.sdwebui import SdWebUi
from easel_agent.settings import AgentSettings
from easel_agent.worker import Worker
from easel_contract.task import RuntimeType

logger = logging.getLogger(__name__)

_LONG_POLL_SECONDS = 20
_AWS_CONFIG = Config(
    connect_timeout=5,
    read_timeout=_LONG_POLL_SECONDS + 10,
    retries={"mode": "standard", "max_attempts": 4},
    tcp_keepalive=True,
)


def make_runtime(settings: AgentSettings) -> Runtime:
    """The adapter for the runtime's type."""
    if settings.runtime_type is RuntimeType.COMFYUI:
        return ComfyUi(settings.runtime_url, settings.task_timeout_seconds)
    return SdWebUi(
        settings.runtime_url,
        task_timeout_seconds=settings.task_timeout_seconds,
        dynamic_model=settings.dynamic_model,
    )


def make_worker(settings: AgentSettings) -> Worker:
    """Puts the agent together; AWS's region and credentials come from the environment."""
    session = boto3.Session()
    s3 = session.client("s3", config=_AWS_CONFIG)
    return Worker(
        settings,
        queue=TaskQueue(
            session.client("sqs", config=_AWS_CONFIG),
            settings.queue_url,
            settings.dead_letter_queue_url,
            settings.visibility_timeout_seconds,
        ),
        runtime=make_runtime(settings),
        inputs=InputLoader(s3, settings.output_bucket, settings.fetch_limits()),
        outputs=OutputStore(s3, settings.output_bucket),
        notifier=Notifier(
            session.client("sns", config=_AWS_CONFIG), settings.notifications_topic_arn
        ),
    )


def main() -> int:
    """Runs until SIGTERM or SIGINT.

    Returns:
        0 after a stop that was asked for, 2 where the settings are wrong.
    """
    try:
        settings = AgentSettings.from_environment(os.environ)
        log_as_json(settings.log_level)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "EASEL_" + ".".join(map(str, problem["loc"])).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)
        return 2
    worker = make_worker(settings)

    def stop(number: int, _frame: FrameType | None) -> None:
        logger.info("stopping", extra={"signal": signal.Signals(number).name})
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    logger.info("started", extra={"runtime": settings.runtime_name})
    worker.run()
    logger.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
