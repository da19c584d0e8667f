"""The agent's settings, from its environment; the chart and `make up` write them."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, HttpUrl, model_validator

from easel_agent.fetch import FetchLimits
from easel_contract.environment import EnvironmentSettings
from easel_contract.identifiers import RuntimeName
from easel_contract.task import RuntimeType


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return frozenset(host.strip().lower() for host in value.split(",") if host.strip())


_UrlText = Annotated[str, BeforeValidator(lambda value: str(HttpUrl(value)).rstrip("/"))]


class AgentSettings(EnvironmentSettings):
    """All settings of the queue agent."""

    runtime_name: RuntimeName
    runtime_type: RuntimeType
    runtime_url: _UrlText
    """Where the runtime's API listens, such as http://127.0.0.1:7860."""
    dynamic_model: bool = False
    """Whether a task may name the checkpoint to load (SD WebUI)."""
    warm_up: bool = True
    """Whether a runtime that has become ready does a small job first, to load its model."""
    queue_url: str = Field(min_length=1)
    dead_letter_queue_url: str = Field(min_length=1)
    notifications_topic_arn: str = Field(min_length=1)
    output_bucket: str = Field(min_length=1)
    records_table: str = Field(min_length=1)
    """DynamoDB table of the tasks' records."""

    visibility_timeout_seconds: int = Field(default=120, ge=10, le=43_200)
    """How long a task stays invisible after the last heartbeat: how soon it is taken again
    after an agent died."""
    task_timeout_seconds: int = Field(default=600, ge=1, le=43_000)
    """How long the runtime may work on one task."""
    runtime_wait_seconds: int = Field(default=300, ge=1, le=43_000)
    """How long a task may wait for its turn behind somebody else's job on the runtime."""
    runtime_files_dir: Path | None = None
    """Folder that holds ComfyUI's `input`, `output` and `temp`, where the agent has them too: a
    task's files are deleted there when it has ended. None: nothing is deleted."""
    models_dir: Path | None = None
    """Where the model bucket is mounted for the agent, too: it ends where that mount broke, and its
    pod is to be replaced. None: there is no such mount."""
    max_attempts: int = Field(default=5, ge=1, le=1000)
    """How often a task is begun; the last try ends in a failed callback, not in silence."""
    task_retention_days: int = Field(default=30, ge=1, le=3650)
    """How long the record of a task that was published by hand is kept."""
    price_per_hour: float | None = Field(default=None, ge=0)
    """Of one pod of this runtime, for the cost in records and callbacks."""
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    """Of the price (ISO 4217)."""
    back_off_seconds: int = Field(default=5, ge=1, le=300)
    """After the first transient failure, at most; doubles with every further one."""
    shutdown_grace_seconds: int = Field(default=120, ge=0, le=43_000)
    """How long SIGTERM lets the running task go on; below the pod's grace period."""
    overlap: bool = True
    """Whether the next task is prepared, and the last one delivered, while the runtime works."""
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=9090, ge=0, le=65_535)
    """Where /healthz, /readyz and /metrics are served; 0 serves none."""
    runtime_dead_seconds: int = Field(default=900, ge=1)
    """After a runtime has not been ready for so long, /healthz fails."""
    spot_watch: bool = False
    """Whether to ask the instance's metadata for a Spot interruption."""
    receive_wait_seconds: int = Field(default=1, ge=0, le=20)
    """Long poll of an idle queue. A stop waits for its end: a poll that is broken off may have been
    handed a task, which nobody gets until its visibility ends. Any wait asks all of SQS's servers;
    20 s would only save requests, 1 s costs about 0.03 USD a day for a pod that does nothing."""
    input_max_bytes: int = Field(default=20 * 1024 * 1024, ge=1)
    """Of one file that a task's URL points to."""
    input_max_total_bytes: int = Field(default=50 * 1024 * 1024, ge=1)
    """Of all files of a task; one that stands in several places counts as often."""
    input_max_urls: int = Field(default=64, ge=1, le=1000)
    """Places in a task's content that hold a URL."""
    input_timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """For one file."""
    input_total_timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    """For all files of a task."""
    input_max_pixels: int = Field(default=8192 * 8192, ge=1)
    """Of one picture, all its frames together. Decoded, each pixel takes 4 bytes of the runtime's
    memory several times over (as read, as RGB, as array): the default is 256 MiB each time."""
    input_max_total_pixels: int = Field(default=4 * 8192 * 8192, ge=1)
    """Of all pictures of a task, each as often as it stands there. The default is 1 GiB each time,
    3 GiB in all, of the 11 GiB that the chart gives a runtime; a checkpoint that is being loaded
    takes 7 GiB."""
    input_allowed_hosts: Annotated[frozenset[str], BeforeValidator(_split)] = frozenset()
    """Hosts that may be at a private address, separated by commas; all others must be public."""

    @property
    def lease_seconds(self) -> float:
        """How long a claim on a record lasts after its last renewal.

        Shorter than the message stays invisible: whoever receives the message finds the claim of
        an agent that died expired.
        """
        return self.visibility_timeout_seconds / 2

    def fetch_limits(self) -> FetchLimits:
        """The bounds of what a task's URLs may bring in."""
        return FetchLimits(
            max_bytes=self.input_max_bytes,
            max_total_bytes=self.input_max_total_bytes,
            seconds=self.input_timeout_seconds,
            total_seconds=self.input_total_timeout_seconds,
            max_urls=self.input_max_urls,
            max_pixels=self.input_max_pixels,
            max_total_pixels=self.input_max_total_pixels,
            allowed_hosts=self.input_allowed_hosts,
        )

    @model_validator(mode="after")
    def _leaves_room_for_heartbeats(self) -> Self:
        if self.receive_wait_seconds >= self.visibility_timeout_seconds:
            raise ValueError("visibility_timeout_seconds must be above receive_wait_seconds")
        return self
