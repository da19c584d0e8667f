"""`python -m easel_agent`: the queue agent's process."""

import logging
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

import botocore.session
from botocore.config import Config
from pydantic import ValidationError

from easel_agent.composition import Agent, AwsClients
from easel_agent.health import HealthServer
from easel_agent.logs import log_as_json
from easel_agent.metric_lines import every_minute
from easel_agent.runtimes.registry import make_runtime
from easel_agent.settings import AgentSettings
from easel_agent.spot import METADATA_URL, SpotWatch
from easel_agent.traces import make_traces
from easel_contract.environment import PREFIX

# Not __name__: run by `python -m` that is "__main__", and none of easel's loggers.
logger = logging.getLogger("easel_agent.main")

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

_METADATA_VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
"""As the SDKs read it (AWS SDKs and Tools Reference Guide, "IMDS credential provider")."""
_SIGNAL_LOOK_SECONDS = 0.2
_LAST_SPANS_SECONDS = 2.0
REPLACE_POD = 75
"""Exit status after which the chart's `restartPolicyRules` start no container anew, so that the pod
fails and its ReplicaSet makes another: EX_TEMPFAIL of sysexits.h(3head)."""


def main() -> int:
    """Runs until SIGTERM or SIGINT.

    Returns:
        0 after a stop that was asked for, 2 where the settings are wrong, REPLACE_POD where the pod
        has lost its models.
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
    traces = make_traces(os.environ, settings.stack, settings.runtime_name)
    agent = Agent(settings, make_runtime(settings), _aws_clients(), traces)
    try:
        return _run(settings, agent)
    finally:
        traces.close(_LAST_SPANS_SECONDS)


def _aws_clients() -> AwsClients:
    # botocore's own: boto3 makes the same clients, and importing it brings s3transfer, which
    # nothing here uses.
    session = botocore.session.get_session()

    def client(service: str, config: Config) -> Any:
        return session.create_client(service, config=config)

    return AwsClients(
        sqs=client("sqs", _AWS_CONFIG),
        sns=client("sns", _AWS_CONFIG),
        s3=client("s3", _AWS_CONFIG),
        dynamodb=client("dynamodb", _RECORDS_CONFIG),
    )


def _run(settings: AgentSettings, agent: Agent) -> int:
    signals: list[int] = []

    metadata_url = os.environ.get(_METADATA_VARIABLE) or METADATA_URL
    spot_watch = SpotWatch(agent.worker.stop, metadata_url.rstrip("/"))

    def stop(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        agent.worker.stop()
        spot_watch.look_now()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if settings.spot_watch:
        spot_watch.start()
    if settings.health_port:
        health = HealthServer(
            settings.health_host,
            settings.health_port,
            monitor=agent.monitor,
            metrics=agent.metrics,
            dead_seconds=settings.runtime_dead_seconds,
            mount=agent.mount,
        )
        health.start()
    logger.info("started", extra={"runtime": settings.runtime_name})
    minutes = every_minute(agent.metrics.report_minute)
    agent.worker.run()
    minutes.set()
    logger.info("stopped")
    if agent.mount is not None and agent.mount.failure is not None:
        return REPLACE_POD
    # After a Spot notice alone: an agent that ended would be started anew on the same instance, and
    # take tasks until it reads the notice again.
    while not signals:
        time.sleep(_SIGNAL_LOOK_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
