"""Puts an agent together out of its parts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from easel_agent.background import BackgroundWork
from easel_agent.claim_keeper import ClaimKeeper
from easel_agent.claiming import Claiming
from easel_agent.claims import Claims
from easel_agent.delivery import Delivery, Destinations
from easel_agent.device_history import DeviceHistory
from easel_agent.failure_handler import FailureHandler
from easel_agent.heartbeat import Heartbeat
from easel_agent.inputs import InputLoader
from easel_agent.lease import LeaseHolder
from easel_agent.metric_lines import MetricLines
from easel_agent.metrics import Metrics
from easel_agent.model_mount import ModelMount
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.prefetch_policy import PrefetchPolicy
from easel_agent.prefetcher import Prefetcher
from easel_agent.preparation import Preparation
from easel_agent.pricing import Pricing
from easel_agent.queue import TaskQueue
from easel_agent.retry_policy import RetryPolicy
from easel_agent.runtime_monitor import RuntimeMonitor
from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.registry import REGISTRY
from easel_agent.settings import AgentSettings
from easel_agent.stopping import Stopping
from easel_agent.task_forecast import TaskForecast
from easel_agent.task_history import TaskHistory
from easel_agent.traces import Traces
from easel_agent.worker import Worker

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


_Traces = Traces | None


@dataclass(frozen=True)
class AwsClients:
    """The clients that an agent works with; safe to share between threads."""

    sqs: "SQSClient"
    sns: "SNSClient"
    s3: "S3Client"
    dynamodb: "DynamoDBClient"


class Agent:
    """One agent.

    Attributes:
        worker: run it; the other parts run with it.
        monitor: whether the runtime is ready.
        metrics: what has been counted.
        mount: of the model bucket; None where the agent is not told of one.
    """

    def __init__(
        self, settings: AgentSettings, runtime: Runtime, clients: AwsClients, traces: _Traces = None
    ) -> None:
        """Puts the parts together; nothing runs yet. Without `traces` nobody is told of tasks."""
        self.metrics = _metrics(settings)
        self.monitor = RuntimeMonitor(runtime)
        self.mount = ModelMount(settings.models_dir) if settings.models_dir else None
        claims = Claims(clients.dynamodb, settings)
        holder = _lease_holder(settings, clients, claims, self.metrics, traces)
        ends = _Ends(settings, clients, claims, self.metrics)
        keeper = ClaimKeeper(claims, runtime, settings.lease_seconds)
        claiming = Claiming(claims, keeper, ends.failure_handler)
        policy, device = PrefetchPolicy(), DeviceHistory()
        preparation = Preparation(
            settings,
            runtime=runtime,
            inputs=_inputs(settings, clients),
            claims=claims,
            failure_handler=ends.failure_handler,
            device=device,
        )
        prefetcher = Prefetcher(
            settings,
            holder=holder,
            preparation=preparation,
            claiming=claiming,
            policy=policy,
            monitor=self.monitor,
        )
        threads = (holder.heartbeat, keeper, self.monitor, claiming, prefetcher, ends.delivery)
        self.worker = Worker(
            settings,
            runtime=runtime,
            background=BackgroundWork(*threads, mount=self.mount),
            failure_handler=ends.failure_handler,
            history=TaskHistory(policy, self.metrics, device),
            stopping=Stopping(_forecast(settings, runtime, policy)),
        )


def _metrics(settings: AgentSettings) -> Metrics:
    name = settings.runtime_name
    return Metrics(name, MetricLines(settings.stack, name))


def _inputs(settings: AgentSettings, clients: AwsClients) -> InputLoader:
    return InputLoader(clients.s3, settings.output_bucket, settings.fetch_limits())


class _Ends:
    """The parts that end tasks, in one way or another."""

    def __init__(
        self, settings: AgentSettings, clients: AwsClients, claims: Claims, metrics: Metrics
    ) -> None:
        policy = RetryPolicy(settings)
        notifier = Notifier(clients.sns, settings.notifications_topic_arn)
        destinations = Destinations(
            claims,
            OutputStore(clients.s3, settings.output_bucket),
            notifier,
            Pricing(settings.price_per_hour, settings.currency),
            metrics,
        )
        self.delivery = Delivery(settings.runtime_name, policy, destinations)
        self.failure_handler = FailureHandler(
            settings.runtime_name, policy, self.delivery, notifier
        )


def _lease_holder(
    settings: AgentSettings,
    clients: AwsClients,
    claims: Claims,
    metrics: Metrics,
    traces: Traces | None,
) -> LeaseHolder:
    queue = TaskQueue(
        clients.sqs,
        settings.queue_url,
        settings.dead_letter_queue_url,
        settings.visibility_timeout_seconds,
    )
    # Three beats per timeout: one may fail and the message is still ours.
    heartbeat = Heartbeat(queue, settings.visibility_timeout_seconds / 3)
    return LeaseHolder(queue, heartbeat, claims, metrics, traces)


def _forecast(settings: AgentSettings, runtime: Runtime, policy: PrefetchPolicy) -> TaskForecast:
    tells_all = REGISTRY[settings.runtime_type].progress_tells_all
    return TaskForecast(policy, runtime.progress if tells_all else None)
