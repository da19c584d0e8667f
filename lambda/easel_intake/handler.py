"""Lambda's entry point: one request in, one answer out."""

import json
import logging
import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from easel_contract.errors import ApiErrorCode, ContractError
from easel_intake.api_requests import READERS, RequestedTask
from easel_intake.http_events import (
    RefusedRequestError,
    accepted_response,
    path_of,
    read_json_body,
    refused_response,
)
from easel_intake.publishing import TaskPublisher
from easel_intake.routing import Runtimes
from easel_intake.settings import IntakeSettings

logger = logging.getLogger("easel.intake")

# The caller waits at the other end of API Gateway: answer 503 well before the function's limit.
_AWS_CONFIG = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "max_attempts": 2}
)


class Intake:
    """Answers requests; made once per Lambda environment."""

    def __init__(self, settings: IntakeSettings, publisher: TaskPublisher) -> None:
        self._runtimes = Runtimes(settings.runtimes)
        self._bucket = settings.output_bucket
        self._publisher = publisher

    def accept(self, event: dict[str, Any]) -> tuple[RequestedTask, BaseModel]:
        """Publishes the task that a proxy event asks for.

        Returns:
            The task, and the body of the answer.

        Raises:
            RefusedRequestError: the request is not good, or AWS did not take the task.
        """
        reader = READERS.get(path_of(event))
        if reader is None:
            raise RefusedRequestError(
                ApiErrorCode.NOT_FOUND, f"There is {' and '.join(READERS)}, nothing else."
            )
        try:
            task = reader(read_json_body(event), self._runtimes)
            self._publisher.publish(task)
        except ContractError as error:
            count = len(error.problems)
            raise RefusedRequestError(
                ApiErrorCode.INVALID_REQUEST,
                f"The request has {count} problem{'s' if count > 1 else ''}.",
                error.problems,
            ) from error
        except (ClientError, BotoCoreError) as error:
            logger.exception("the task was not published")
            raise RefusedRequestError(
                ApiErrorCode.UNAVAILABLE, "The task could not be queued. Send it again later."
            ) from error
        return task, task.accepted(self._bucket)


@cache
def _intake() -> Intake:
    settings = IntakeSettings.from_environment(os.environ)
    logging.getLogger("easel").setLevel(settings.log_level)
    publisher = TaskPublisher(
        boto3.client("sns", config=_AWS_CONFIG),
        boto3.client("s3", config=_AWS_CONFIG),
        settings.tasks_topic_arn,
        settings.output_bucket,
    )
    return Intake(settings, publisher)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers an API Gateway proxy event.

    Args:
        event: REST API proxy event; its headers hold the API key and are never logged.
        context: Lambda's; only its request id is used.

    Returns:
        A proxy response: 200, 400, 404, 413, 415, 500 or 503.
    """
    entry = {"request_id": getattr(context, "aws_request_id", None), "path": path_of(event)}
    try:
        task, body = _intake().accept(event)
    except RefusedRequestError as refused:
        problems = [str(problem) for problem in refused.error.details]
        _log(entry | {"outcome": refused.error.code, "problems": problems})
        return refused_response(refused.error)
    except Exception:
        logger.exception("unexpected error")
        error = RefusedRequestError(ApiErrorCode.INTERNAL, "The request could not be handled.")
        return refused_response(error.error)
    metadata = task.metadata
    _log(
        entry
        | {
            "outcome": "accepted",
            "task_id": metadata.id,
            "runtime": metadata.runtime,
            "tasktype": metadata.tasktype,
        }
    )
    return accepted_response(body)


def _log(entry: dict[str, Any]) -> None:
    logger.info(json.dumps(entry))
