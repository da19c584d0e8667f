"""AWS's errors in the agent's own terms: no other part of the agent knows botocore's."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError

from easel_agent.errors import AwsRefusedError, AwsUnavailableError

_PASSING_CODES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "OperationAborted",
        "SlowDown",
    }
)
"""Codes of passing troubles that come with a status below 500."""


@contextmanager
def aws_call() -> Iterator[None]:
    """Around calls of AWS's clients.

    Raises:
        AwsRefusedError: AWS calls it our fault, such as a missing right.
        AwsUnavailableError: AWS does not answer, or asks to come again later.
    """
    try:
        yield
    except ClientError as error:
        kind = AwsRefusedError if _is_refusal(error) else AwsUnavailableError
        raise kind(str(error)) from error
    except BotoCoreError as error:
        raise AwsUnavailableError(str(error)) from error


def _is_refusal(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error.response["Error"]["Code"]
    is_passing = (
        code in _PASSING_CODES
        or "throttl" in code.lower()
        or status == HTTPStatus.TOO_MANY_REQUESTS
    )
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and not is_passing
