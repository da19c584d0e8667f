"""Lambda's entry point: one question in, one answer out."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.errors import ApiErrorCode
from easel_http.aws import AWS_CONFIG
from easel_http.callers import Caller, Callers
from easel_http.events import RefusedRequestError, json_response, path_of, refused_response
from easel_reader.cancellation import Cancellation
from easel_reader.presigning import Presigner
from easel_reader.reader import Answer, Reader
from easel_reader.settings import ReaderSettings
from easel_records.reading import TaskReading
from easel_records.table import TaskTable

logger = logging.getLogger("easel.reader")

_FRESH = {"Cache-Control": "no-store"}


class Service:
    """The reader and the callers that it knows; made once per Lambda environment."""

    def __init__(self, reader: Reader, callers: Callers) -> None:
        self._callers = callers
        self._routes: dict[tuple[str, str], Callable[[Mapping[str, Any], Caller], Answer]] = {
            ("GET", "/v1alpha2/tasks"): reader.tasks,
            ("GET", "/v1alpha2/tasks/{task}"): reader.task,
            ("POST", "/v1alpha2/tasks/{task}/cancel"): reader.cancel,
            ("GET", "/v1alpha2/runtimes"): reader.runtimes,
        }

    def answer(self, event: dict[str, Any]) -> Answer:
        """Answers a proxy event.

        Raises:
            RefusedRequestError: the request is not good, or AWS did not answer.
        """
        route = self._routes.get((str(event.get("httpMethod")), path_of(event)))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            raise RefusedRequestError(ApiErrorCode.NOT_FOUND, f"There is {known}.")
        try:
            return route(event, self._callers.of(event))
        except (ClientError, BotoCoreError) as error:
            logger.exception("AWS did not answer")
            raise RefusedRequestError(
                ApiErrorCode.UNAVAILABLE, "Try again later.", headers={"Retry-After": "5"}
            ) from error


@cache
def _service() -> Service:
    settings = ReaderSettings.from_environment(os.environ)
    logging.getLogger("easel").setLevel(settings.log_level)
    table = TaskTable(boto3.client("dynamodb", config=AWS_CONFIG), settings.records_table)
    cancellation = Cancellation(
        table, boto3.client("sns", config=AWS_CONFIG), settings.notifications_topic_arn
    )
    presigner = Presigner(
        boto3.client("sts", config=AWS_CONFIG), settings.presign_role_arn, settings.output_bucket
    )
    reader = Reader(
        TaskReading(table),
        cancellation,
        presigner,
        bucket=settings.output_bucket,
        runtimes=settings.runtimes,
    )
    return Service(reader, Callers(settings.api_keys, shared_tasks=settings.shared_tasks))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers an API Gateway proxy event.

    Args:
        event: REST API proxy event; its headers hold the API key and are never logged.
        context: Lambda's; only its request id is used.

    Returns:
        A proxy response: 200, 202, 400, 403, 404, 409, 500 or 503.
    """
    entry = {"request_id": getattr(context, "aws_request_id", None), "path": path_of(event)}
    try:
        body, status = _service().answer(event)
    except RefusedRequestError as refused:
        logger.info(json.dumps(entry | {"outcome": refused.error.code}))
        return refused_response(refused)
    except Exception:
        logger.exception("unexpected error")
        return refused_response(
            RefusedRequestError(ApiErrorCode.INTERNAL, "The request could not be handled.")
        )
    logger.info(json.dumps(entry | {"outcome": int(status)}))
    return json_response(body, status, _FRESH)
