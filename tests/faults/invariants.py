"""What must hold at the end of every scenario, whatever was done to it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from easel_contract.envelope import UnreadableTaskError, decode_task
from easel_contract.errors import TaskError
from easel_contract.record import TaskRecord
from easel_contract.result import ResultStatus, TaskResult
from tests.faults.callbacks import Callback
from tests.faults.tasks import prompt_of


@dataclass(frozen=True)
class Evidence:
    """All that a user and an operator can see at the end.

    Attributes:
        accepted: keys of the tasks that must have one final callback: uid, or id of those that were
            published by hand.
        buried: bodies that the test knows to belong into the dead-letter queue.
        callbacks: final callbacks by the tasks' keys.
        unreadable_callbacks: bodies from the notifications topic that are no result.
        objects: key and content of all that lies in the bucket.
        dead_letters: bodies in the dead-letter queue.
        messages_left: in the task queue.
        records: of all tasks.
        dead_agents: names of those that ended without being told to.
        bucket: its name.
    """

    accepted: frozenset[str]
    buried: tuple[str, ...]
    callbacks: Mapping[str, Sequence[Callback]]
    unreadable_callbacks: tuple[str, ...]
    objects: Sequence[tuple[str, bytes]]
    dead_letters: tuple[str, ...]
    messages_left: int
    records: Sequence[TaskRecord]
    dead_agents: tuple[str, ...]
    bucket: str

    def results(self) -> dict[str, TaskResult]:
        """The final result of every task that has one."""
        return {
            key: callback.result
            for key, callbacks in self.callbacks.items()
            for callback in callbacks
        }

    @property
    def completed(self) -> frozenset[str]:
        """Ids of the tasks that ended well."""
        return frozenset(
            task_id
            for task_id, result in self.results().items()
            if result.status is ResultStatus.COMPLETED
        )

    @property
    def failed(self) -> dict[str, TaskError]:
        """Why the others failed, by id."""
        return {
            task_id: result.error
            for task_id, result in self.results().items()
            if result.error is not None
        }

    @property
    def cancelled(self) -> frozenset[str]:
        """Keys of the tasks that their sender has cancelled."""
        return frozenset(
            key for key, result in self.results().items() if result.status is ResultStatus.CANCELLED
        )

    def lost_objects(self) -> list[str]:
        """Keys of objects that no callback names: of tries that did not count."""
        named = {
            url.removeprefix(f"s3://{self.bucket}/")
            for result in self.results().values()
            for url in (*result.image_url, result.output_url)
            if url
        }
        return [key for key, _ in self.objects if key not in named]

    def repeats(self) -> int:
        """How many callbacks came more than once."""
        distinct = {
            callback.result.to_json() for found in self.callbacks.values() for callback in found
        }
        return sum(map(len, self.callbacks.values())) - len(distinct)


def violations(evidence: Evidence) -> list[str]:
    """Everything that ought not to be so, one sentence each."""
    return [
        *_callback_violations(evidence),
        *_picture_violations(evidence),
        *_dead_letter_violations(evidence),
        *_record_violations(evidence),
        *(
            f"{key}: lies where no task's output may"
            for key, _ in evidence.objects
            if key[0] == "_"
        ),
        *(f"{name} ended without being told to" for name in evidence.dead_agents),
        *(f"not a result message: {body[:200]}" for body in evidence.unreadable_callbacks),
        *([f"{evidence.messages_left} messages left"] if evidence.messages_left else []),
    ]


def _callback_violations(evidence: Evidence) -> Iterator[str]:
    for task_id in sorted(evidence.accepted | evidence.callbacks.keys()):
        results = [callback.result for callback in evidence.callbacks.get(task_id, [])]
        own = _distinct(iter(results))
        if not own and task_id in evidence.accepted:
            yield f"{task_id}: no final callback"
        if task_id not in evidence.accepted:
            yield f"{task_id}: a callback for a task that nobody sent"
        if len(own) > 1:
            yield f"{task_id}: {len(own)} different final callbacks: {' | '.join(sorted(own))}"
        if any(result.event_id is None for result in results):
            yield f"{task_id}: a final callback without an event_id to drop repeats by"


def _picture_violations(evidence: Evidence) -> Iterator[str]:
    keys = {key for key, _ in evidence.objects}
    for key, content in evidence.objects:
        if key.endswith(".png"):
            task_id = key.split("/")[-2]
            prompt = prompt_of(content)
            if not prompt.startswith(f"{task_id} "):
                yield f"{key}: a picture of another task: {prompt}"
    for task_id, result in evidence.results().items():
        urls = [*result.image_url, *([result.output_url] if result.output_url else [])]
        if result.status is ResultStatus.COMPLETED and len(result.image_url) != 1:
            yield f"{task_id}: {len(result.image_url)} pictures instead of one"
        for url in urls:
            key = url.removeprefix(f"s3://{evidence.bucket}/")
            if key not in keys:
                yield f"{task_id}: {url} is not there"
            if f"/{result.id}/" not in key:
                yield f"{task_id}: {url} is another task's"


def _dead_letter_violations(evidence: Evidence) -> Iterator[str]:
    known = set(evidence.buried)
    buried_ids = set()
    for body in evidence.dead_letters:
        if body in known:
            continue
        try:
            task = decode_task(body)
            if task.uid is None:
                yield f"{task.metadata.id}: in the dead-letter queue without a uid"
            known_by_uid = task.uid in evidence.accepted
            buried_ids.add(task.uid if known_by_uid and task.uid else task.metadata.id)
        except UnreadableTaskError:
            yield f"in the dead-letter queue without reason: {body[:120]!r}"
    yield from (
        f"not in the dead-letter queue: {body[:120]!r}"
        for body in sorted(known - set(evidence.dead_letters))
    )
    given_up = {
        task_id
        for task_id, result in evidence.results().items()
        if result.error is not None and result.error.retryable
    }
    yield from (
        f"{task_id}: in the dead-letter queue without having failed for good"
        for task_id in sorted(buried_ids - given_up)
    )
    yield from (
        f"{task_id}: failed for good, but is not in the dead-letter queue"
        for task_id in sorted(given_up - buried_ids)
    )


def _record_violations(evidence: Evidence) -> Iterator[str]:
    published = {
        callback.result.uid: callback.result
        for callbacks in evidence.callbacks.values()
        for callback in callbacks
    }
    for record in evidence.records:
        name = f"{record.id} ({record.uid})"
        if not record.has_ended:
            yield f"{name}: its record is {record.status}"
        elif record.uid in published and record.result != published[record.uid].to_json():
            yield f"{name}: its record does not hold its callback"
        elif record.uid in published and record.status != published[record.uid].status:
            yield f"{name}: its record is {record.status}, its callback another"
        elif record.lease_owner is not None:
            yield f"{name}: has ended and is leased"
    uids = {record.uid for record in evidence.records}
    for uid in published.keys() - uids - {None}:
        yield f"{uid}: a callback without a record"


def _distinct(results: Iterator[TaskResult]) -> set[str]:
    return {json.dumps(result.model_dump(mode="json"), sort_keys=True) for result in results}
