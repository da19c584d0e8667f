"""API Gateway's proxy event -> the JSON in it; an answer -> API Gateway's proxy response.

Forms: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, JsonValue

from easel_contract.errors import ApiError, ApiErrorBody, ApiErrorCode, Problem
from easel_contract.json_text import TooManyValuesError, decode_json

MAX_BODY_BYTES = 5 * 1024 * 1024
"""Lambda takes events of 6 MB, in which the body is escaped or base64-encoded."""

_STATUS = {
    ApiErrorCode.INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    ApiErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ApiErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ApiErrorCode.TASK_ENDED: HTTPStatus.CONFLICT,
    ApiErrorCode.REQUEST_IN_PROGRESS: HTTPStatus.CONFLICT,
    ApiErrorCode.IDEMPOTENCY_KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ApiErrorCode.PAYLOAD_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ApiErrorCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ApiErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    ApiErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class RefusedRequestError(Exception):
    """A request that gets an error for an answer."""

    def __init__(
        self,
        code: ApiErrorCode,
        message: str,
        details: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.error = ApiError(code=code, message=message, details=list(details))
        self.headers = dict(headers or {})


def with_problems(problems: Sequence[Problem]) -> RefusedRequestError:
    """Returns the refusal of a request that has some problems."""
    count = len(problems)
    words = f"The request has {count} problem{'s' if count > 1 else ''}."
    return RefusedRequestError(ApiErrorCode.INVALID_REQUEST, words, problems)


def path_of(event: Mapping[str, Any]) -> str:
    """The resource that was called, such as `/v1alpha2`, without the stage."""
    return str(event.get("resource") or event.get("path") or "")


def read_json_body(event: Mapping[str, Any]) -> JsonValue:
    """Reads the request's body.

    Raises:
        RefusedRequestError: it is not declared as JSON (415), too large or of too many values
            (413), or not JSON (400).
    """
    media_type = (header_of(event, "content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RefusedRequestError(
            ApiErrorCode.UNSUPPORTED_MEDIA_TYPE, "Send the header Content-Type: application/json."
        )
    try:
        raw = (event.get("body") or "").encode()
        if event.get("isBase64Encoded"):
            raw = base64.b64decode(raw, validate=True)
        if len(raw) > MAX_BODY_BYTES:
            raise RefusedRequestError(
                ApiErrorCode.PAYLOAD_TOO_LARGE,
                f"The body has {len(raw)} bytes, the limit is {MAX_BODY_BYTES}. "
                "Put large pictures into S3 and send their s3:// URLs.",
            )
        return decode_json(raw)
    except TooManyValuesError as error:
        raise RefusedRequestError(
            ApiErrorCode.PAYLOAD_TOO_LARGE, f"The body {error}, lists and objects included."
        ) from error
    except (ValueError, binascii.Error) as error:
        raise RefusedRequestError(
            ApiErrorCode.INVALID_REQUEST,
            "The body is not JSON.",
            [Problem(field="", problem=str(error))],
        ) from error


def query_of(event: Mapping[str, Any]) -> dict[str, str]:
    """Returns the query's parameters; of one that comes twice the last counts."""
    given: Mapping[str, Any] = event.get("queryStringParameters") or {}
    return {str(name): str(value) for name, value in given.items()}


def header_of(event: Mapping[str, Any], name: str) -> str | None:
    """Returns a header's value, None where the request has none.

    Args:
        event: of the request.
        name: of the header, in lower case; in requests names have no case.
    """
    headers: Mapping[str, Any] = event.get("headers") or {}
    return next((str(value) for key, value in headers.items() if key.lower() == name), None)


def json_response(
    body: BaseModel | str,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Returns a proxy response.

    Args:
        body: the answer, or its JSON text.
        status: of the answer.
        headers: beside the content type.
    """
    return {
        "statusCode": int(status),
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": body if isinstance(body, str) else body.model_dump_json(),
        "isBase64Encoded": False,
    }


def refused_response(refused: RefusedRequestError) -> dict[str, Any]:
    """Returns the proxy response to a refused request."""
    body = ApiErrorBody(error=refused.error)
    return json_response(body, _STATUS[refused.error.code], refused.headers)
