"""The key by which a sender makes a request safe to send twice."""

from collections.abc import Mapping
from typing import Any

from easel_contract.errors import Problem
from easel_contract.task import TaskMetadata, check_idempotency_key
from easel_http.events import header_of, with_problems

HEADER = "Idempotency-Key"
"""https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/"""
REPLAYED = {"Idempotent-Replayed": "true"}
"""Header of an answer that was given before."""


def key_of(event: Mapping[str, Any], metadata: TaskMetadata) -> str | None:
    """Returns a request's idempotency key; None where there is none.

    Raises:
        RefusedRequestError: the key is no text of 1 to 255 visible ASCII characters, or header
            and body name two.
    """
    given = header_of(event, HEADER.lower())
    in_body = metadata.idempotency_key
    if given is None:
        return in_body
    # The draft has a quoted string; most clients send the bare one.
    key = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    try:
        check_idempotency_key(key)
    except ValueError as error:
        raise with_problems([Problem(field=HEADER, problem=str(error))]) from error
    if in_body not in (None, key):
        problem = "differs from metadata.idempotency_key: send one of them"
        raise with_problems([Problem(field=HEADER, problem=problem)])
    return key
