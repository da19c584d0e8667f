"""`easel dlq`: a runtime's dead-letter queue; works where SQS has no redrive of its own (China)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.target import Target, TargetRuntime
from easel_contract.envelope import UnreadableTaskError, decode_task
from easel_contract.plain_text import printable, printable_json
from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import TaskResult
from easel_contract.task import TaskMessage
from easel_deploy.command_line import StackOptions
from easel_deploy.exit_status import ExitStatus
from easel_records.reopening import reopen_failed_task
from easel_records.table import TaskTable

_BATCH = 10
_HOLD_SECONDS = 60
"""How long a letter that was looked at is hidden from a second look."""
_EMPTY_ANSWERS = 2
"""In a row, after which the queue counts as empty: SQS asks only some of its servers at a time."""
_NO_REASON = "no reason is recorded"


class DeadLetterError(Exception):
    """The command cannot be carried out; the message says what to change."""


Action = Literal["list", "show", "redrive", "purge"]


@dataclass(frozen=True, kw_only=True)
class DeadLettersOfRuntimeOptions(StackOptions):
    """Options of `easel dlq show`.

    Attributes:
        runtime: its name.
        ids: task or message ids; none: all.
    """

    runtime: Annotated[str, typer.Argument(help="name of the runtime")]
    ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="task or message ids (default: all)")
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ListedDeadLettersOptions(StackOptions):
    """Options of `easel dlq list`.

    Attributes:
        runtime: its name; None: each.
        ids: task or message ids; none: all.
    """

    runtime: Annotated[str | None, typer.Argument(help="name of the runtime (default: all)")] = None
    ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="task or message ids (default: all)")
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ChangedDeadLettersOptions(StackOptions):
    """Options of `easel dlq redrive` and `purge`.

    Attributes:
        runtime: its name.
        ids: task or message ids.
        all: every one is meant.
    """

    runtime: Annotated[str, typer.Argument(help="name of the runtime")]
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="task or message ids")] = field(
        default_factory=list
    )
    all: Annotated[bool, typer.Option("--all", help="every one")] = False


DeadLettersOptions = (
    ListedDeadLettersOptions | DeadLettersOfRuntimeOptions | ChangedDeadLettersOptions
)


@dataclass(frozen=True)
class DeadLetter:
    """A message that no agent could bring to a good end."""

    message_id: str
    body: str
    receipt_handle: str
    task: TaskMessage | None
    """None where the body is no task."""
    task_id: str | None
    """The task's, also where nothing else of it can be read."""
    problem: str | None
    """Why the body is no task; None where it is one."""

    def names(self) -> set[str | None]:
        """What a person may call the letter: message id, the task's id, its uid."""
        return {self.message_id, self.task_id, self.task.uid if self.task else None}

    @classmethod
    def read(cls, message_id: str, body: str, receipt_handle: str) -> "DeadLetter":
        """Reads a message as far as it can be read."""
        try:
            task = decode_task(body)
        except UnreadableTaskError as error:
            return cls(message_id, body, receipt_handle, None, error.task_id, str(error))
        return cls(message_id, body, receipt_handle, task, task.metadata.id, None)


class DeadLetterQueue:
    """The dead-letter queue of one runtime and the queue that it belongs to."""

    def __init__(self, clients: AwsClients, runtime: TargetRuntime, records_table: str) -> None:
        self._sqs = clients.sqs
        self._table = TaskTable(clients.dynamodb, records_table)
        self._queue_url = runtime.queue_url
        self._dead_letter_queue_url = runtime.dead_letter_queue_url

    def letters(self) -> Iterator[DeadLetter]:
        """Yields every letter once; those that are left alone are visible again a minute later."""
        seen: set[str] = set()
        empty = 0
        while empty < _EMPTY_ANSWERS:
            answer = self._sqs.receive_message(
                QueueUrl=self._dead_letter_queue_url,
                MaxNumberOfMessages=_BATCH,
                WaitTimeSeconds=1,
                VisibilityTimeout=_HOLD_SECONDS,
            )
            fresh = [m for m in answer.get("Messages", []) if m["MessageId"] not in seen]
            empty = 0 if fresh else empty + 1
            for message in fresh:
                seen.add(message["MessageId"])
                yield DeadLetter.read(
                    message["MessageId"], message["Body"], message["ReceiptHandle"]
                )

    def reason(self, letter: DeadLetter) -> str | None:
        """Returns why a letter is here; None where nobody has written it down.

        An agent writes it down when it gives a task up. It cannot where its pod was killed each
        time, and then SQS has moved the message.
        """
        if letter.task is None:
            return letter.problem
        record = self._record(letter)
        if record is None or record.status is not TaskStatus.FAILED or record.result is None:
            return None
        try:
            result = TaskResult.model_validate_json(record.result)
        except ValidationError:
            return None  # of another version of easel
        return f"{result.error.code}: {result.error.message}" if result.error else None

    def release(self, letter: DeadLetter) -> None:
        """Makes a letter visible again at once."""
        self._sqs.change_message_visibility(
            QueueUrl=self._dead_letter_queue_url,
            ReceiptHandle=letter.receipt_handle,
            VisibilityTimeout=0,
        )

    def redrive(self, letter: DeadLetter) -> None:
        """Puts a letter back into the task queue; sent before it is deleted, so never lost.

        The record of its failure is opened again before: an agent that found the failure would
        announce it once more and not try again.
        """
        record = self._record(letter)
        if record is not None:
            reopen_failed_task(self._table, record)
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=_body_to_redrive(letter))
        self.delete(letter)

    def delete(self, letter: DeadLetter) -> None:
        """Removes a letter for good."""
        self._sqs.delete_message(
            QueueUrl=self._dead_letter_queue_url, ReceiptHandle=letter.receipt_handle
        )

    def _record(self, letter: DeadLetter) -> TaskRecord | None:
        uid = letter.task.uid if letter.task else None
        return None if uid is None else self._table.get(uid)


def _body_to_redrive(letter: DeadLetter) -> str:
    if letter.task is None or letter.task.metadata.deadline_seconds is None:
        return letter.body
    # It has passed: the task would fail again without a try.
    metadata = letter.task.metadata.model_copy(update={"deadline_seconds": None})
    return letter.task.model_copy(update={"metadata": metadata}).to_json()


def dead_letters(
    action: Action, options: DeadLettersOptions, target: Target, progress: Progress
) -> ExitStatus:
    """Carries out `easel dlq list|show|redrive|purge`.

    Raises:
        DeadLetterError: there is no such runtime, or nothing says which letters are meant.
    """
    count = 0
    for name in _runtimes(action, options, target):
        queue = DeadLetterQueue(AwsClients(target), target.runtimes[name], target.records_table)
        meant = 0
        for letter in list(queue.letters()):
            if options.ids and not letter.names() & set(options.ids):
                queue.release(letter)
                continue
            meant += 1
            _act(action, options, queue, letter, runtime=name, progress=progress)
        progress.say(f"{meant} dead letter(s) of {name}")
        count += meant
    return ExitStatus.COMPLETED if count or not options.ids else ExitStatus.FAILED


def _runtimes(action: Action, options: DeadLettersOptions, target: Target) -> list[str]:
    """The runtimes that are meant, once it is clear which letters are."""
    known = ", ".join(target.runtimes)
    if options.runtime is None:  # of `list` alone
        return list(target.runtimes)
    if options.runtime not in target.runtimes:
        raise DeadLetterError(f"There is no runtime {options.runtime}; there are: {known}.")
    if isinstance(options, ChangedDeadLettersOptions) and not (options.ids or options.all):
        raise DeadLetterError(f"Name what to {action} by task or message id, or --all.")
    return [options.runtime]


def _act(
    action: Action,
    options: DeadLettersOptions,
    queue: DeadLetterQueue,
    letter: DeadLetter,
    *,
    runtime: str,
    progress: Progress,
) -> None:
    reason = queue.reason(letter)  # a redrive removes the record
    if action == "redrive":
        queue.redrive(letter)
    elif action == "purge":
        queue.delete(letter)
    else:
        queue.release(letter)
    if options.json:
        summary = {
            "runtime": runtime,
            "message_id": letter.message_id,
            "task_id": letter.task_id,
            "uid": letter.task and letter.task.uid,
            "tasktype": letter.task and letter.task.metadata.tasktype,
            "reason": reason,
        }
        body = {"body": letter.body} if action == "show" else {}
        print(printable_json(summary | body))
    elif action == "show":
        progress.say(printable(letter.body))
    else:
        progress.say(
            f"{letter.message_id}  {letter.task_id or '-'}  {printable(reason or _NO_REASON)}"
        )
