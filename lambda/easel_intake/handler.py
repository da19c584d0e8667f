"""Lambda's entry point: one request in, one answer out."""

import json
import logging
import os
import sys
from datetime import timedelta
from functools import cache
from typing import Any

import boto3

from easel_contract.emf import metric_line
from easel_contract.errors import ApiErrorCode, ContractError
from easel_contract.metrics import (
    REQUESTS_REJECTED,
    TASKS_ACCEPTED,
    Dimension,
    Metric,
    stack_of,
)
from easel_http.aws import AWS_CONFIG
from easel_http.callers import Callers
from easel_http.events import (
    RefusedRequestError,
    json_response,
    path_of,
    read_json_body,
    refused_response,
    with_problems,
)
from easel_intake.acceptance import Acceptance, Accepted
from easel_intake.api_requests import READERS, RequestedTask
from easel_intake.idempotent_requests import REPLAYED
from easel_intake.publishing import TaskPublisher
from easel_intake.request_checks import RequestChecks
from easel_intake.routing import Runtimes
from easel_intake.settings import IntakeSettings
from easel_records.acceptance import AcceptedTasks
from easel_records.idempotency import IdempotencyKeys
from easel_records.table import TaskTable

logger = logging.getLogger("easel.intake")

_LOCK_SECONDS = 30
"""How long a request may be at it that came with an idempotency key: API Gateway gives up at 29."""


class Intake:
    """Answers requests; made once per Lambda environment."""

    def __init__(self, settings: IntakeSettings, acceptance: Acceptance) -> None:
        self._runtimes = Runtimes(settings.runtimes)
        self._callers = Callers(settings.api_keys, shared_tasks=settings.shared_tasks)
        self._checks = RequestChecks(
            settings.callback_hosts, tenant_prefixes=settings.tenant_prefixes
        )
        self._acceptance = acceptance

    def accept(self, event: dict[str, Any]) -> tuple[RequestedTask, Accepted]:
        """Publishes the task that a proxy event asks for.

        Returns:
            The task, and how it was accepted.

        Raises:
            RefusedRequestError: the request is not good, or AWS did not take the task.
        """
        reader = READERS.get(path_of(event))
        if reader is None:
            raise RefusedRequestError(
                ApiErrorCode.NOT_FOUND, f"There is {' and '.join(READERS)}, nothing else."
            )
        caller = self._callers.of(event)
        body = read_json_body(event)
        try:
            task = reader(body, self._runtimes)
            self._checks.check(task, caller.tenant)
        except ContractError as error:
            raise with_problems(error.problems) from error
        return task, self._acceptance.accept(event, body, task, caller)


@cache
def _intake() -> Intake:
    settings = IntakeSettings.from_environment(os.environ)
    logging.getLogger("easel").setLevel(settings.log_level)
    dynamodb = boto3.client("dynamodb", config=AWS_CONFIG)
    publisher = TaskPublisher(
        boto3.client("sns", config=AWS_CONFIG),
        boto3.client("s3", config=AWS_CONFIG),
        settings.tasks_topic_arn,
        settings.output_bucket,
    )
    acceptance = Acceptance(
        publisher,
        AcceptedTasks(TaskTable(dynamodb, settings.records_table)),
        IdempotencyKeys(dynamodb, settings.records_table, lock_seconds=_LOCK_SECONDS),
        bucket=settings.output_bucket,
        retention=timedelta(days=settings.task_retention_days),
    )
    return Intake(settings, acceptance)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers an API Gateway proxy event.

    Args:
        event: REST API proxy event; its headers hold the API key and are never logged.
        context: Lambda's; only its request id is used.

    Returns:
        A proxy response: 200, 400, 403, 404, 409, 413, 415, 422, 500 or 503.
    """
    entry = {"request_id": getattr(context, "aws_request_id", None), "path": path_of(event)}
    try:
        task, accepted = _intake().accept(event)
    except RefusedRequestError as refused:
        problems = [str(problem) for problem in refused.error.details]
        _log(entry | {"outcome": refused.error.code, "problems": problems})
        _count(REQUESTS_REJECTED, {Dimension.REASON: str(refused.error.code)})
        return refused_response(refused)
    except Exception:
        logger.exception("unexpected error")
        _count(REQUESTS_REJECTED, {Dimension.REASON: str(ApiErrorCode.INTERNAL)})
        return refused_response(
            RefusedRequestError(ApiErrorCode.INTERNAL, "The request could not be handled.")
        )
    metadata = task.metadata
    _log(
        entry
        | {
            "outcome": "replayed" if accepted.is_replay else "accepted",
            "task_id": metadata.id,
            "task_uid": accepted.uid,
            "runtime": metadata.runtime,
            "tasktype": metadata.tasktype,
            "trace_id": accepted.trace_id,
        }
    )
    if not accepted.is_replay:
        _count_accepted(task, accepted)
    return json_response(accepted.answer, headers=REPLAYED if accepted.is_replay else None)


def _count_accepted(task: RequestedTask, accepted: Accepted) -> None:
    metadata = task.metadata
    dimensions = {Dimension.RUNTIME: metadata.runtime, Dimension.TASK_TYPE: str(metadata.tasktype)}
    ids = {"task_uid": accepted.uid, "trace_id": accepted.trace_id}
    _count(TASKS_ACCEPTED, dimensions, ids)


def _count(
    metric: Metric, dimensions: dict[Dimension, str], ids: dict[str, Any] | None = None
) -> None:
    stack = stack_of(os.environ.get("EASEL_TASKS_TOPIC_ARN", ""), "tasks")
    sys.stdout.write(metric_line({metric: 1}, {Dimension.STACK: stack, **dimensions}, ids) + "\n")


def _log(entry: dict[str, Any]) -> None:
    logger.info(json.dumps(entry))
