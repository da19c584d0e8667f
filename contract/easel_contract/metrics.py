"""The metrics that easel sends to CloudWatch: the one list of their names, units and dimensions.

Dashboards, alarms and docs/observability.md are held to this list. Every dimension has values of a
closed list (`Dimension`), so that the number of series, and with it the bill, has a bound; no id,
tenant or text from outside is ever a dimension.
"""

from dataclasses import dataclass
from enum import StrEnum

from easel_contract.errors import ApiErrorCode, TaskErrorCode

NAMESPACE = "easel"


class Unit(StrEnum):
    """Units as CloudWatch knows them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    """

    COUNT = "Count"
    SECONDS = "Seconds"
    PERCENT = "Percent"
    NONE = "None"


class Dimension(StrEnum):
    """What a metric is told apart by."""

    STACK = "Stack"
    """The stack's `name`, with which the names of its resources begin."""
    RUNTIME = "Runtime"
    """The runtime's name, one of those that the stack has."""
    TASK_TYPE = "TaskType"
    """A value of `TaskType`."""
    REASON = "Reason"
    """One of the metric's `reasons`."""


class Emitter(StrEnum):
    """Who counts."""

    INTAKE = "intake"
    AGENT = "agent"
    WEBHOOK = "webhook"


class ReturnReason(StrEnum):
    """Why an agent gave a task back, or let it go: a label of its logs and metrics."""

    STOPPING = "stopping"  # the agent is being stopped
    LEASED = "leased"  # another agent's lease on the task has not expired
    OUT_OF_MEMORY_HERE = "out of memory here"  # it did not fit this agent's device before
    AWS = "aws"  # AWS did not answer
    DUPLICATE = "duplicate in flight"  # the same task is in this agent's hands already
    RUNTIME_DEAD = "runtime dead"
    RUNTIME_BROKEN = "runtime broken"
    RUNTIME_BUSY = "runtime busy"  # somebody else's job did not end
    HELD_TOO_LONG = "held too long"  # it waited in this agent behind a long task
    INTERRUPTED = "interrupted"  # cut off, as the agent is being stopped
    TRANSIENT = "transient"  # it failed, and may not fail again
    LOST = "lost"  # another agent has it by now
    UNEXPECTED = "unexpected"  # a fault of easel's
    PREPARATION_FAILED = "preparation failed"  # a fault of easel's
    DELIVERY_FAILED = "delivery failed"  # not stored or announced within the task's time


class BrokenReason(StrEnum):
    """Why a runtime was given up; a label of a metric."""

    STICKY_DEVICE_ERROR = "sticky_device_error"  # every later job fails in this process
    DEVICE_FAILURES = "device_failures"  # of two different tasks in a row
    HANGS = "hangs"  # a job neither ends nor can be stopped
    BUSY_FOR_EVER = "busy_for_ever"  # says that it works, and does not
    DISK = "disk"  # its disk is full, or its models' mount has gone
    MODEL_MOUNT = "model_mount"  # the pod's mount of the model bucket broke


DimensionSet = tuple[Dimension, ...]

_STACK: DimensionSet = (Dimension.STACK,)
_RUNTIME: DimensionSet = (Dimension.STACK, Dimension.RUNTIME)
_TASK_TYPE: DimensionSet = (*_RUNTIME, Dimension.TASK_TYPE)


@dataclass(frozen=True)
class Metric:
    """A metric in `NAMESPACE`.

    Attributes:
        name: in CloudWatch.
        unit: in CloudWatch.
        dimension_sets: the metric is there once for each: CloudWatch adds up counts over a
            dimension only by metric math, and percentiles not at all.
        emitters: who sends it.
        description: what one value is.
        reasons: all values of the dimension `Reason`, where it has that.
    """

    name: str
    unit: Unit
    dimension_sets: tuple[DimensionSet, ...]
    emitters: tuple[Emitter, ...]
    description: str
    reasons: tuple[str, ...] = ()


def _by_reason(dimensions: DimensionSet) -> tuple[DimensionSet, ...]:
    return dimensions, (*dimensions, Dimension.REASON)


_INTAKE, _AGENT, _WEBHOOK = ((emitter,) for emitter in Emitter)


def _of_agents(name: str, unit: Unit, description: str) -> Metric:
    return Metric(name, unit, (_RUNTIME,), _AGENT, description)


# -- counted by the intake, one line a request

TASKS_ACCEPTED = Metric(
    "TasksAccepted",
    Unit.COUNT,
    (_RUNTIME, _TASK_TYPE),
    _INTAKE,
    "Tasks that were recorded and published; a replayed answer is none.",
)
REQUESTS_REJECTED = Metric(
    "RequestsRejected",
    Unit.COUNT,
    _by_reason(_STACK),
    _INTAKE,
    "Requests that got an error for an answer, by `error.code`. Wrong keys and throttled requests"
    " do not get as far: API Gateway counts them (4XXError).",
    tuple(ApiErrorCode),
)

# -- counted by the agent, one line for each end of a task's delivery

QUEUE_WAIT = _of_agents(
    "QueueWait",
    Unit.SECONDS,
    "From acceptance until an agent took the task; of a retried task until the last try.",
)
INPUT_FETCH = _of_agents(
    "InputFetch", Unit.SECONDS, "Reading a task, and fetching and placing its input files."
)
INFERENCE = Metric(
    "Inference",
    Unit.SECONDS,
    (_RUNTIME, _TASK_TYPE),
    _AGENT,
    "The runtime at work on a task that has ended, in its last try.",
)
UPLOAD = _of_agents("Upload", Unit.SECONDS, "Storing a task's pictures and full answer.")
ANNOUNCE = _of_agents(
    "Announce", Unit.SECONDS, "Finishing a task's record, and publishing its callback."
)
END_TO_END = Metric(
    "EndToEnd",
    Unit.SECONDS,
    (_RUNTIME, _TASK_TYPE),
    _AGENT,
    "From acceptance until the callback was published, of every task that ended.",
)
TASKS_ENDED = Metric(
    "TasksEnded",
    Unit.COUNT,
    (_RUNTIME, _TASK_TYPE),
    _AGENT,
    "Tasks that ended in an agent: completed, failed or cancelled.",
)
TASKS_FAILED = Metric(
    "TasksFailed",
    Unit.COUNT,
    _by_reason(_RUNTIME),
    _AGENT,
    "Tasks that failed, by `error.code` of their callback.",
    tuple(TaskErrorCode),
)
MODEL_SWITCHES = _of_agents(
    "ModelSwitches", Unit.COUNT, "Checkpoints loaded by SD WebUI for a task."
)
TASKS_CANCELLED = _of_agents(
    "TasksCancelled",
    Unit.COUNT,
    "Tasks that an agent ended as their sender had cancelled them. One that is cancelled while it"
    " waits is ended by the API.",
)
TASKS_RETURNED = Metric(
    "TasksReturned",
    Unit.COUNT,
    _by_reason(_RUNTIME),
    _AGENT,
    "Tasks given back to the queue or let go, begun or not.",
    tuple(ReturnReason),
)
PICTURES = _of_agents("Pictures", Unit.COUNT, "Outputs stored for tasks.")
TASK_RETRIES = _of_agents(
    "TaskRetries",
    Unit.COUNT,
    "Tries that were begun and given back, and that count against `max_attempts`.",
)
TASKS_DEAD_LETTERED = _of_agents(
    "TasksDeadLettered", Unit.COUNT, "Messages moved to the runtime's dead-letter queue."
)
COST = _of_agents(
    "Cost",
    Unit.NONE,
    "Of a task that ended, all its tries, in the runtime's currency; absent without a price.",
)
IDLE_GAP = _of_agents(
    "IdleGap",
    Unit.SECONDS,
    "Between two tasks, while the second one was here already: what easel cost the GPU.",
)

# -- counted by the agent, one line a minute

GPU_BUSY = _of_agents(
    "GpuBusy",
    Unit.PERCENT,
    "Share of the last minute in which a pod's runtime was at a task. Of the GPU's own load the"
    " observability add-on tells.",
)
RUNTIMES_GIVEN_UP = Metric(
    "RuntimesGivenUp",
    Unit.COUNT,
    _by_reason(_RUNTIME),
    _AGENT,
    "Runtimes found broken, which start anew.",
    tuple(BrokenReason),
)

# -- counted by the webhook function, one line an attempt

CALLBACKS_DELIVERED = Metric(
    "CallbacksDelivered", Unit.COUNT, (_STACK,), _WEBHOOK, "Callbacks that a receiver took."
)
CALLBACKS_RETRIED = Metric(
    "CallbacksRetried",
    Unit.COUNT,
    (_STACK,),
    _WEBHOOK,
    "Attempts that failed and are made again.",
)
CALLBACKS_DEAD_LETTERED = Metric(
    "CallbacksDeadLettered",
    Unit.COUNT,
    (_STACK,),
    _WEBHOOK,
    "Callbacks given up, and moved to the dead-letter queue.",
)
CALLBACK_TIME = Metric(
    "CallbackTime", Unit.SECONDS, (_STACK,), _WEBHOOK, "Of one attempt to POST a callback."
)

METRICS: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
"""All, in the order in which they stand here."""


def stack_of(resource: str, suffix: str) -> str:
    """Returns the name of the stack that a resource belongs to; the whole where it has no suffix.

    The modules name what they make `<stack>-<suffix>` (modules/runtime: `queue_name`;
    modules/api-fanout: topics, table, queue).

    Args:
        resource: an ARN, a queue's URL or a name.
        suffix: with which the name ends, such as `tasks`.
    """
    name = resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return name.removesuffix(f"-{suffix}")
