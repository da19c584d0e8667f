r"""The record of a task: its states, the ways between them, and its form as an item in DynamoDB.

    (no record) --accept--> queued --claim--> running --complete--> completed
                              |  ^               |  \--fail-------> failed
                              |  +---abandon-----+   \--cancel----> cancelled
                              +--cancel_waiting--> cancelled
                              +--refuse----------> failed --reopen--> queued

`easel_records` writes each transition conditionally on the states that it may come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from easel_contract.callback_url import CallbackUrl
from easel_contract.identifiers import Prefix, RuntimeName, TaskId, TenantName
from easel_contract.json_text import decode_json, encode_json
from easel_contract.task import TaskMessage, TaskType
from easel_contract.trace import TraceContext
from easel_contract.uid import TaskUid, created_at_of
from easel_contract.usage import Usage

DIRECT_TENANT = "direct"
"""Tenant of tasks that were published to the topic by hand."""
SHARED_SCOPE = "*"
"""Scope of tasks that every caller may see: all, where the stack says `shared_tasks`."""

TASK_KEY_PREFIX = "task/"
"""Of the partition key of a task's item; IAM policies name it (`dynamodb:LeadingKeys`)."""
IDEMPOTENCY_KEY_PREFIX = "idempotency/"
"""Of the partition key of an idempotency key's item."""


class TaskStatus(StrEnum):
    """Where a task stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


END_STATUSES = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})
ACTIVE_STATUSES = frozenset(TaskStatus) - END_STATUSES


@dataclass(frozen=True)
class Transition:
    """A way from one state to another.

    Attributes:
        sources: states that the record may be in.
        target: the state that the record is in afterwards.
        needs_lease: whether only the agent that holds the task's lease may write the transition.
    """

    sources: frozenset[TaskStatus]
    target: TaskStatus
    needs_lease: bool = False


CLAIM = Transition(frozenset({TaskStatus.QUEUED}), TaskStatus.RUNNING)
"""An agent begins the task. Also from running, where the lease of the last agent has expired."""
ABANDON = Transition(frozenset({TaskStatus.RUNNING}), TaskStatus.QUEUED, needs_lease=True)
"""The agent gives the task back."""
COMPLETE = Transition(frozenset({TaskStatus.RUNNING}), TaskStatus.COMPLETED, needs_lease=True)
FAIL = Transition(frozenset({TaskStatus.RUNNING}), TaskStatus.FAILED, needs_lease=True)
CANCEL = Transition(frozenset({TaskStatus.RUNNING}), TaskStatus.CANCELLED, needs_lease=True)
"""The agent has interrupted the task, as its sender asked."""
CANCEL_WAITING = Transition(frozenset({TaskStatus.QUEUED}), TaskStatus.CANCELLED)
"""Nobody has begun the task. As `REFUSE`, an agent may also write it from running, where the lease
of the last agent has expired."""
REFUSE = Transition(frozenset({TaskStatus.QUEUED}), TaskStatus.FAILED)
"""The task cannot be begun: its content or inputs are wrong, or its deadline has passed."""
REOPEN = Transition(frozenset({TaskStatus.FAILED}), TaskStatus.QUEUED)
"""An operator has a failed task tried again."""

ENDINGS = {
    TaskStatus.COMPLETED: COMPLETE,
    TaskStatus.FAILED: FAIL,
    TaskStatus.CANCELLED: CANCEL,
}
"""How a running task ends, by the state that it ends in."""


class Progress(BaseModel):
    """How far the runtime is, as far as the runtime tells."""

    model_config = ConfigDict(frozen=True)

    percent: float = Field(ge=0, le=100)
    step: int | None = None
    steps: int | None = None


class TaskRecord(BaseModel):
    """The record of a task."""

    model_config = ConfigDict(frozen=True)

    uid: TaskUid
    id: TaskId
    tenant: TenantName
    scope: str
    """Who lists the task: its tenant, or `SHARED_SCOPE`."""
    runtime: RuntimeName
    tasktype: TaskType
    prefix: Prefix
    status: TaskStatus
    created_at: datetime
    attempts: int = 0
    """How often a runtime was given the task."""
    trace_id: str | None = None
    """Of the trace that the task belongs to, as W3C writes it: 32 hexadecimal digits."""
    context: JsonValue = None
    callback_url: CallbackUrl | None = None
    deadline_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    lease_owner: str | None = None
    """The claim that holds the task; every claim has a name of its own."""
    lease_until: datetime | None = None
    """When another agent may take the task over."""
    started_at: datetime | None = None
    """Begin of the last try."""
    finished_at: datetime | None = None
    progress: Progress | None = None
    usage: Usage = Usage()
    result: str | None = None
    """The callback of the ended task, as it was or is to be published, to the byte."""
    announced_at: datetime | None = None
    """When the reader published the callback of a task that was cancelled while waiting."""
    expires_at: datetime
    """When DynamoDB removes the record."""

    @classmethod
    def accepted(
        cls, message: TaskMessage, *, uid: str, tenant: str, scope: str, expires_at: datetime
    ) -> Self:
        """Returns the record of a task that waits.

        Args:
            message: the task's.
            uid: of the record; the moment of acceptance is in it where the message has none.
            tenant: whose task it is.
            scope: the tenant, or `SHARED_SCOPE`.
            expires_at: when DynamoDB removes the record.
        """
        metadata = message.metadata
        return cls(
            uid=uid,
            id=metadata.id,
            tenant=tenant,
            scope=scope,
            runtime=metadata.runtime,
            tasktype=metadata.tasktype,
            prefix=metadata.prefix,
            status=TaskStatus.QUEUED,
            created_at=message.created_at or created_at_of(uid),
            trace_id=TraceContext.of_message(message.trace, uid).trace_id,
            context=metadata.context,
            callback_url=metadata.callback_url,
            deadline_at=message.deadline_at(created_at_of(uid)),
            expires_at=expires_at,
        )

    @property
    def output_scope(self) -> str:
        """Who may name the task's outputs in tasks of his own: its tenant, or `SHARED_SCOPE`.

        Nobody but who publishes by hand may name what was made of such tasks: whether the stack
        shares its tasks is not known of them.
        """
        return self.tenant if self.tenant == DIRECT_TENANT else self.scope

    @property
    def has_ended(self) -> bool:
        """Whether the task has completed, failed or been cancelled."""
        return self.status in END_STATUSES


# -- the item in DynamoDB

PARTITION_KEY = "pk"
LABEL_INDEX = "by_label"
"""Hash `label` (scope and id), range `uid`: the tasks of an id, newest last."""
SCOPE_INDEX = "by_scope"
"""Hash `scope`, range `uid`: all tasks that a caller may list."""
ACTIVE_INDEX = "by_active"
"""Hash `active` (status and runtime), range `uid`; only of tasks that wait or run."""

_TIMES = frozenset(
    {
        *("created_at", "started_at", "finished_at", "deadline_at", "expires_at"),
        *("cancel_requested_at", "announced_at", "lease_until"),
    }
)
_JSON = frozenset({"context", "progress", "usage"})
_NUMBERS = frozenset({"attempts"})
_DERIVED = frozenset({PARTITION_KEY, "label", "active"})

Item = dict[str, dict[str, Any]]
"""An item as DynamoDB's low-level API takes it: `{"name": {"S": "text"}}`."""


def task_key(uid: str) -> Item:
    """Returns the key of a task's item."""
    return {PARTITION_KEY: {"S": TASK_KEY_PREFIX + uid}}


def label_of(scope: str, task_id: str) -> str:
    """Returns the hash key of `LABEL_INDEX`."""
    return f"{scope}/{task_id}"


def active_of(status: TaskStatus, runtime: str) -> str:
    """Returns the hash key of `ACTIVE_INDEX`."""
    return f"{status}/{runtime}"


def epoch_text(moment: datetime) -> str:
    """Returns a moment as DynamoDB's number: seconds since 1970, to the millisecond.

    Time to live needs whole seconds: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-how-to.html
    """
    milliseconds = round(moment.timestamp() * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds}.{rest:03d}" if rest else str(seconds)


def attribute(name: str, value: Any) -> dict[str, Any]:
    """Returns one field of a record as an attribute of its item.

    Args:
        name: of the field, which says how the value is written.
        value: as the record has it; not None.
    """
    if name in _TIMES:
        return {"N": epoch_text(value)}
    if name in _JSON:
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        return {"S": encode_json(plain)}
    return {"N": str(value)} if name in _NUMBERS else {"S": str(value)}


def item_of(record: TaskRecord) -> Item:
    """Returns a record as an item; absent fields are left out."""
    fields = {name: getattr(record, name) for name in TaskRecord.model_fields}
    item = {name: attribute(name, value) for name, value in fields.items() if value is not None}
    item |= task_key(record.uid)
    item["label"] = {"S": label_of(record.scope, record.id)}
    if not record.has_ended:
        item["active"] = {"S": active_of(record.status, record.runtime)}
    return item


def record_of(item: Mapping[str, Mapping[str, Any]]) -> TaskRecord:
    """Reads an item.

    Raises:
        pydantic.ValidationError: the item is no record of a task.
    """
    values: dict[str, Any] = {}
    for name, typed in item.items():
        if name in _DERIVED:
            continue
        (text,) = typed.values()
        if name in _TIMES:
            values[name] = datetime.fromtimestamp(float(text), UTC)
        elif name in _JSON:
            values[name] = decode_json(text)
        else:
            values[name] = int(text) if name in _NUMBERS else text
    return TaskRecord.model_validate(values)
