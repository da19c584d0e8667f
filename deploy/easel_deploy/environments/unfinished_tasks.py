"""Tasks that a destroy would lose: waiting and running ones, dead letters, callbacks on the way."""

import re
from collections.abc import Iterator
from typing import Any

from easel_contract.record import ACTIVE_INDEX, ACTIVE_STATUSES, active_of
from easel_deploy.environments.retained import Managed
from easel_deploy.environments.stack import StackIdentity

TABLE = "module.api_fanout.aws_dynamodb_table.records"
WEBHOOK_QUEUE = "module.api_fanout.aws_sqs_queue.webhook"
WEBHOOK_DEAD_LETTERS = "module.api_fanout.aws_sqs_queue.webhook_dead_letter"

_RUNTIME_QUEUE = re.compile(
    r'module\.runtime\["(?P<runtime>[^"]+)"\]\.aws_sqs_queue\.(?P<kind>task|dead_letter)'
)
_ATTRIBUTES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_MOST_PAGES = 10
"""Of one status and runtime, each of up to 1 MB of keys."""


def unfinished_tasks(stack: StackIdentity, managed: Managed) -> Iterator[str]:
    """Yields a line for each kind of task that is not done.

    Args:
        stack: the stack.
        managed: what its state has.

    Raises:
        botocore.exceptions.ClientError: a queue or the table cannot be read.
    """
    runtimes = []
    for address in sorted(managed):
        found = _RUNTIME_QUEUE.fullmatch(address)
        if not found:
            continue
        runtime, url = found["runtime"], managed[address]["url"]
        waiting, taken = _messages(stack, url)
        if found["kind"] == "task":
            runtimes.append(runtime)
            if waiting or taken:
                yield (
                    f"tasks of runtime {runtime}: {waiting} wait in the queue, {taken} are with a "
                    "queue agent"
                )
        elif waiting or taken:
            yield f"dead letters of runtime {runtime}: {waiting + taken} (easel dlq list)"
    for address, what in (
        (WEBHOOK_QUEUE, "callbacks to URLs that are not sent yet"),
        (WEBHOOK_DEAD_LETTERS, "callbacks to URLs that were given up"),
    ):
        if address in managed and (callbacks := sum(_messages(stack, managed[address]["url"]))):
            yield f"{what}: {callbacks}"
    if TABLE in managed:
        yield from _recorded(stack, managed[TABLE]["name"], runtimes)


def _messages(stack: StackIdentity, url: str) -> tuple[int, int]:
    """Returns how many messages wait, and how many somebody has."""
    sqs = stack.client("sqs")
    try:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_ATTRIBUTES))
    except sqs.exceptions.QueueDoesNotExist:
        return 0, 0  # A destroy that broke off has deleted it.
    visible, taken, delayed = (int(answer["Attributes"].get(name, 0)) for name in _ATTRIBUTES)
    return visible + delayed, taken


def _recorded(stack: StackIdentity, table: str, runtimes: list[str]) -> Iterator[str]:
    for status in sorted(ACTIVE_STATUSES):
        for runtime in runtimes:
            count, is_all = _count(stack, table, active_of(status, runtime))
            if count:
                least = "" if is_all else "at least "
                yield f"records of runtime {runtime}: {least}{count} tasks are {status}"


def _count(stack: StackIdentity, table: str, active: str) -> tuple[int, bool]:
    """Returns how many records an index has, and whether that are all."""
    dynamodb = stack.client("dynamodb")
    query: dict[str, Any] = {
        "TableName": table,
        "IndexName": ACTIVE_INDEX,
        "Select": "COUNT",
        "KeyConditionExpression": "active = :active",
        "ExpressionAttributeValues": {":active": {"S": active}},
    }
    count = 0
    for _ in range(_MOST_PAGES):
        try:
            answer = dynamodb.query(**query)
        except dynamodb.exceptions.ResourceNotFoundException:
            return 0, True  # A destroy that broke off has deleted it.
        count += answer["Count"]
        if "LastEvaluatedKey" not in answer:
            return count, True
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return count, False
