"""The key by which a sender makes a request safe to send twice."""

from collections.abc import Mapping
from typing import Any

from easel_contract.errors import Problem
from easel_contract.task import MAX_IDEMPOTENCY_KEY_LENGTH, TaskMetadata
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
    # The draft has a quoted string; most clients send the bare one.
    key = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    in_body = metadata.idempotency_key
    if not given:
        return in_body
    if not 0 < len(key) <= MAX_IDEMPOTENCY_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        problem = f"must be 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters"
        raise with_problems([Problem(field=HEADER, problem=problem)])
    if in_body not in (None, key):
        problem = "differs from metadata.idempotency_key: send one of them"
        raise with_problems([Problem(field=HEADER, problem=problem)])
    return key
