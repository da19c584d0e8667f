"""Puts an agent together out of its parts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from easel_agent.delivery import Delivery
from easel_agent.heartbeat import Heartbeat
from easel_agent.inputs import InputLoader
from easel_agent.judgement import Judge
from easel_agent.metrics import Metrics
from easel_agent.notify import Notifier
from easel_agent.outputs import OutputStore
from easel_agent.pace import Pace
from easel_agent.preparation import Preparation
from easel_agent.queue import TaskQueue
from easel_agent.receiver import Receiver
from easel_agent.records import ResultRecords
from easel_agent.returning import Returning
from easel_agent.runtime_watch import RuntimeWatch
from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.comfyui import ComfyUi
from easel_agent.runtimes.sdwebui import SdWebUi
from easel_agent.settings import AgentSettings
from easel_agent.settlement import Settlement
from easel_agent.worker import Worker
from easel_contract.task import RuntimeType

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class AwsClients:
    """The clients that an agent works with; safe to share between threads."""

    sqs: "SQSClient"
    sns: "SNSClient"
    s3: "S3Client"


class Agent:
    """One agent.

    Attributes:
        worker: run it; the other parts run with it.
        preparation: what receives messages' contents.
        delivery: what sees finished tasks out.
        watch: whether the runtime is ready.
        metrics: what has been counted.
    """

    def __init__(self, settings: AgentSettings, runtime: Runtime, clients: AwsClients) -> None:
        """Puts the parts together; nothing runs yet."""
        self.metrics = Metrics(settings.runtime_name)
        self.watch = RuntimeWatch(runtime)
        pace = Pace()
        ends = _Ends(settings, clients, self.metrics)
        self.delivery = ends.delivery
        self.preparation = Preparation(
            settings,
            runtime=runtime,
            inputs=InputLoader(clients.s3, settings.output_bucket, settings.fetch_limits()),
            records=ends.records,
            delivery=ends.delivery,
            settlement=ends.settlement,
            returning=ends.returning,
        )
        receiver = Receiver(
            settings,
            queue=ends.queue,
            heartbeat=ends.heartbeat,
            preparation=self.preparation,
            returning=ends.returning,
            pace=pace,
            watch=self.watch,
        )
        self.worker = Worker(
            settings,
            runtime=runtime,
            receiver=receiver,
            delivery=ends.delivery,
            settlement=ends.settlement,
            returning=ends.returning,
            heartbeat=ends.heartbeat,
            pace=pace,
            watch=self.watch,
            metrics=self.metrics,
        )


class _Ends:
    """The parts that end a task's run, in one way or another."""

    def __init__(self, settings: AgentSettings, clients: AwsClients, metrics: Metrics) -> None:
        self.queue = TaskQueue(
            clients.sqs,
            settings.queue_url,
            settings.dead_letter_queue_url,
            settings.visibility_timeout_seconds,
        )
        # Three beats per timeout: one may fail and the message is still ours.
        self.heartbeat = Heartbeat(self.queue, settings.visibility_timeout_seconds / 3)
        self.records = ResultRecords(clients.s3, settings.output_bucket)
        self.returning = Returning(self.queue, self.heartbeat, metrics)
        judge = Judge(settings)
        notifier = Notifier(clients.sns, settings.notifications_topic_arn)
        self.delivery = Delivery(
            settings.runtime_name,
            judge=judge,
            queue=self.queue,
            heartbeat=self.heartbeat,
            returning=self.returning,
            outputs=OutputStore(clients.s3, settings.output_bucket),
            records=self.records,
            notifier=notifier,
            metrics=metrics,
        )
        self.settlement = Settlement(
            settings.runtime_name,
            judge=judge,
            queue=self.queue,
            heartbeat=self.heartbeat,
            delivery=self.delivery,
            returning=self.returning,
            notifier=notifier,
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
