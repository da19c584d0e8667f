"""`python -m easel_agent`: the queue agent's process."""

import logging
import os
import signal
import sys
from types import FrameType

import boto3
from botocore.config import Config
from pydantic import ValidationError

from easel_agent.composition import Agent, AwsClients, make_runtime
from easel_agent.health import HealthServer
from easel_agent.logs import log_as_json
from easel_agent.settings import AgentSettings
from easel_agent.spot import SpotWatch
from easel_contract.environment import PREFIX

logger = logging.getLogger(__name__)

_LONG_POLL_SECONDS = 20
_AWS_CONFIG = Config(
    connect_timeout=5,
    read_timeout=_LONG_POLL_SECONDS + 10,
    retries={"mode": "standard", "max_attempts": 4},
    tcp_keepalive=True,
    max_pool_connections=20,
    # Our own arguments, several times a task: what the checks and checksums cost is the GPU's
    # waiting time. TLS protects the bytes on their way.
    parameter_validation=False,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

# A claim stands between two jobs of the runtime, and a renewal that hangs holds up the next one.
_RECORDS_CONFIG = _AWS_CONFIG.merge(
    Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
)

_SWITCH_SECONDS = 0.0005
"""How long a delivery may keep Python's lock from the thread that owns the runtime (default 5 ms):
the gap between two jobs is made of such waits."""


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
            name = PREFIX + ".".join(map(str, problem["loc"])).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)
        return 2
    sys.setswitchinterval(_SWITCH_SECONDS)
    session = boto3.Session()
    clients = AwsClients(
        sqs=session.client("sqs", config=_AWS_CONFIG),
        sns=session.client("sns", config=_AWS_CONFIG),
        s3=session.client("s3", config=_AWS_CONFIG),
        dynamodb=session.client("dynamodb", config=_RECORDS_CONFIG),
    )
    return _run(settings, Agent(settings, make_runtime(settings), clients))


def _run(settings: AgentSettings, agent: Agent) -> int:
    def stop(_number: int, _frame: FrameType | None) -> None:
        agent.worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if settings.spot_watch:
        SpotWatch(agent.worker.stop).start()
    if settings.health_port:
        health = HealthServer(
            settings.health_host,
            settings.health_port,
            monitor=agent.monitor,
            metrics=agent.metrics,
            dead_seconds=settings.runtime_dead_seconds,
        )
        health.start()
    logger.info("started", extra={"runtime": settings.runtime_name})
    agent.worker.run()
    logger.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
