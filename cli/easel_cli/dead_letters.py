"""`easel dlq`: a runtime's dead-letter queue; works where SQS has no redrive of its own (China)."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass

from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.submit import ExitStatus
from easel_cli.target import Target, TargetRuntime
from easel_contract.envelope import UnreadableTaskError, decode_task
from easel_contract.storage import result_key

_BATCH = 10
_HOLD_SECONDS = 60
"""How long a letter that was looked at is hidden from a second look."""
_EMPTY_ANSWERS = 2
"""In a row, after which the queue counts as empty: SQS asks only some of its servers at a time."""


class DeadLetterError(Exception):
    """The command cannot be carried out; the message says what to change."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that no agent could bring to a good end."""

    message_id: str
    body: str
    receipt_handle: str

    @property
    def task_id(self) -> str | None:
        """The id of the task in it, where it can be read."""
        try:
            return decode_task(self.body).metadata.id
        except UnreadableTaskError as error:
            return error.task_id

    def summary(self) -> dict[str, str | None]:
        """What a list shows of it."""
        try:
            problem = None
            tasktype: str | None = decode_task(self.body).metadata.tasktype
        except UnreadableTaskError as error:
            problem, tasktype = str(error), None
        return {
            "message_id": self.message_id,
            "task_id": self.task_id,
            "tasktype": tasktype,
            "problem": problem,
        }


class DeadLetterQueue:
    """The dead-letter queue of one runtime and the queue that it belongs to."""

    def __init__(self, clients: AwsClients, runtime: TargetRuntime, output_bucket: str) -> None:
        self._sqs = clients.sqs
        self._s3 = clients.s3
        self._output_bucket = output_bucket
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
                yield DeadLetter(message["MessageId"], message["Body"], message["ReceiptHandle"])

    def release(self, letter: DeadLetter) -> None:
        """Makes a letter visible again at once."""
        self._sqs.change_message_visibility(
            QueueUrl=self._dead_letter_queue_url,
            ReceiptHandle=letter.receipt_handle,
            VisibilityTimeout=0,
        )

    def redrive(self, letter: DeadLetter) -> None:
        """Puts a letter back into the task queue; sent before it is deleted, so never lost.

        The record of its failure goes first: an agent that found it would not try again.
        """
        if letter.task_id is not None:
            self._s3.delete_object(Bucket=self._output_bucket, Key=result_key(letter.task_id))
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=letter.body)
        self.delete(letter)

    def delete(self, letter: DeadLetter) -> None:
        """Removes a letter for good."""
        self._sqs.delete_message(
            QueueUrl=self._dead_letter_queue_url, ReceiptHandle=letter.receipt_handle
        )


def dead_letters(arguments: argparse.Namespace, target: Target, progress: Progress) -> ExitStatus:
    """Carries out `easel dlq list|show|redrive|purge`.

    Raises:
        DeadLetterError: there is no such runtime, or nothing says which letters are meant.
    """
    runtime = target.runtimes.get(arguments.runtime)
    if runtime is None:
        known = ", ".join(target.runtimes)
        raise DeadLetterError(f"There is no runtime {arguments.runtime}; there are: {known}.")
    if arguments.action in ("redrive", "purge") and not (arguments.ids or arguments.all):
        raise DeadLetterError(f"Name what to {arguments.action} by task or message id, or --all.")
    queue = DeadLetterQueue(AwsClients(target), runtime, target.output_bucket)
    count = 0
    for letter in list(queue.letters()):
        if arguments.ids and not {letter.message_id, letter.task_id} & set(arguments.ids):
            queue.release(letter)
            continue
        count += 1
        _act(arguments, queue, letter, progress)
    progress.say(f"{count} dead letter(s) of {arguments.runtime}")
    return ExitStatus.COMPLETED if count or not arguments.ids else ExitStatus.FAILED


def _act(
    arguments: argparse.Namespace, queue: DeadLetterQueue, letter: DeadLetter, progress: Progress
) -> None:
    if arguments.action == "redrive":
        queue.redrive(letter)
    elif arguments.action == "purge":
        queue.delete(letter)
    else:
        queue.release(letter)
    summary = letter.summary()
    if arguments.json:
        print(json.dumps(summary | ({"body": letter.body} if arguments.action == "show" else {})))
    elif arguments.action == "show":
        progress.say(letter.body)
    else:
        problem = summary["problem"] or summary["tasktype"]
        progress.say(f"{letter.message_id}  {letter.task_id or '-'}  {problem}")
