"""The agent's settings, from its environment; the chart and `make up` write them."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, HttpUrl, model_validator

from easel_agent.fetch import FetchLimits
from easel_contract.environment import EnvironmentSettings
from easel_contract.identifiers import RuntimeName
from easel_contract.metrics import stack_of
from easel_contract.task import RuntimeType


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return frozenset(host.strip().lower() for host in value.split(",") if host.strip())


_Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")]
_UrlText = Annotated[str, BeforeValidator(lambda value: str(HttpUrl(value)).rstrip("/"))]


class TunableSettings(EnvironmentSettings):
    """The settings that an operator may change.

    The chart takes them as `agent.settings` and Terraform as `agent`; schema, defaults and tables
    there are written from this class by `make settings`.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    task_timeout_seconds: int = Field(default=600, ge=1, le=39_400)
    """Seconds that the runtime may work on one task; the grace of a pod that is being stopped
    follows from it."""
    runtime_wait_seconds: int = Field(default=300, ge=1, le=43_000)
    """Seconds that a task may wait for its turn behind somebody else's job on the same runtime."""
    # Tests go below 30 s: what a cluster takes has to bear a slow answer of SQS.
    visibility_timeout_seconds: int = Field(
        default=120, ge=10, le=43_200, json_schema_extra={"minimum": 30}
    )
    """Seconds that a task stays invisible after the last heartbeat: how soon the task is taken
    again after an agent died."""
    max_attempts: int = Field(default=5, ge=1, le=1000, json_schema_extra={"maximum": 100})
    """How often a task is begun; the last try ends in a failed callback. Receiving a task and
    handing it back are no tries."""
    back_off_seconds: int = Field(default=5, ge=1, le=300)
    """Seconds after a task's first transient failure until its next try, at most; doubles with
    every further one."""
    overlap: bool = True
    """Whether the next task is prepared, and the last one delivered, while the runtime works."""
    spot_watch: bool = False
    """Whether to ask the instance's metadata for a Spot interruption; opens the metadata service,
    and with it the nodes' role, to the pods. SIGTERM comes without it, by Karpenter's interruption
    queue; only the notice tells the agent that 120 s are left, so that a longer task is given back
    at once instead of being cut off. See docs/adr/0038."""
    receive_wait_seconds: int = Field(default=1, ge=0, le=20)
    """Seconds of one long poll of an idle queue; an idle pod that is stopped waits for its end.
    More of them save requests, about 0.03 USD a day for a pod that does nothing."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """From which level on log lines are written, as JSON on standard error."""
    input_max_bytes: int = Field(default=20 * 1024 * 1024, ge=1, le=1024**3)
    """Bytes of one file that a task's URL points to."""
    input_max_total_bytes: int = Field(default=50 * 1024 * 1024, ge=1, le=1024**3)
    """Bytes of all files of a task; one that stands in several places counts as often."""
    input_max_urls: int = Field(default=64, ge=1, le=1000)
    """Places in a task's content that hold a URL of a file."""
    input_timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """Seconds to fetch one file."""
    input_total_timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    """Seconds to fetch all files of a task."""
    # Decoded, each pixel takes 4 bytes of the runtime's memory several times over (as read, as RGB,
    # as array): the default is 256 MiB each time.
    input_max_pixels: int = Field(default=8192 * 8192, ge=1, le=2**31 - 1)
    """Pixels of one picture, all its frames together; the runtime holds each several times, at 4
    bytes."""
    # The default is 1 GiB each time, 3 GiB in all, of the 11 GiB that the chart gives a runtime; a
    # checkpoint that is being loaded takes 7 GiB.
    input_max_total_pixels: int = Field(default=4 * 8192 * 8192, ge=1, le=2**36)
    """Pixels of all pictures of a task, each as often as it stands there."""
    input_allowed_hosts: Annotated[frozenset[_Host], BeforeValidator(_split)] = frozenset()
    """Hosts that may be at a private address; all others must be public."""


class AgentSettings(TunableSettings):
    """All settings of the queue agent: those above, and those that follow from where it runs."""

    runtime_name: RuntimeName
    """Name of the runtime, as tasks give it."""
    runtime_type: RuntimeType
    """Kind of server: `sdwebui` or `comfyui`."""
    runtime_url: _UrlText
    """Where the runtime's API listens, such as http://127.0.0.1:7860."""
    dynamic_model: bool = False
    """Whether a task may name the checkpoint to load (SD WebUI)."""
    warm_up: bool = True
    """Whether a runtime that has become ready does a small job first, to load its model."""
    queue_url: str = Field(min_length=1)
    """Of the task queue, an output of modules/runtime."""
    dead_letter_queue_url: str = Field(min_length=1)
    """Of its dead-letter queue."""
    notifications_topic_arn: str = Field(min_length=1)
    """Topic of results, an output of modules/api-fanout."""
    output_bucket: str = Field(min_length=1)
    """Bucket of pictures and full answers."""
    records_table: str = Field(min_length=1)
    """DynamoDB table of the tasks' records."""
    runtime_files_dir: Path | None = None
    """Folder that holds ComfyUI's `input`, `output` and `temp`, where the agent has them too: a
    task's files are deleted there when it has ended. None: nothing is deleted."""
    models_dir: Path | None = None
    """Where the model bucket is mounted for the agent, too: it ends where that mount broke, and its
    pod is to be replaced. None: there is no such mount."""
    task_retention_days: int = Field(default=30, ge=1, le=3650)
    """How long the record of a task that was published by hand is kept."""
    price_per_hour: float | None = Field(default=None, ge=0)
    """Of one pod of this runtime, for the cost in records and callbacks."""
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    """Of the price (ISO 4217)."""
    shutdown_grace_seconds: int = Field(default=120, ge=0, le=43_000)
    """How long SIGTERM lets the running task go on; below the pod's grace period."""
    health_host: str = "127.0.0.1"
    """Address that /healthz, /readyz and /metrics are served at."""
    health_port: int = Field(default=9090, ge=0, le=65_535)
    """Port of /healthz, /readyz and /metrics; 0 serves none."""
    runtime_dead_seconds: int = Field(default=900, ge=1)
    """After a runtime has not been ready for so long, /healthz fails."""

    @property
    def lease_seconds(self) -> float:
        """How long a claim on a record lasts after its last renewal.

        Shorter than the message stays invisible: whoever receives the message finds the claim of
        an agent that died expired.
        """
        return self.visibility_timeout_seconds / 2

    @property
    def stack(self) -> str:
        """Name of the stack, by its queue's (docs/adr/0056)."""
        return stack_of(self.queue_url, self.runtime_name)

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
