"""The `uid` of a task: a UUID of version 7 (RFC 9562); uids sort by the time of acceptance."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, StringConstraints, WithJsonSchema
from uuid6 import uuid7

_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_UID = re.compile(_PATTERN)

_TIME_BITS = 48
"""RFC 9562, 5.7: a UUIDv7 begins with the Unix time in milliseconds."""
_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_A_BITS, _RANDOM_B_BITS = 12, 62


def new_uid() -> str:
    """Returns a fresh uid; later ones sort after earlier ones of the same process."""
    return str(uuid7())


def uid_of_message(message_id: str, sent_at: datetime) -> str:
    """Returns the uid of a task that nobody gave one: the same at every delivery of its message.

    Args:
        message_id: SQS's.
        sent_at: when SQS got the message, with a time zone.
    """
    return _uid(sent_at, int.from_bytes(hashlib.sha256(message_id.encode()).digest()[:10]))


def first_uid_at(moment: datetime) -> str:
    """Returns the lowest uid of a moment: every uid from then on sorts at or after the result.

    Args:
        moment: with a time zone.
    """
    return _uid(moment, 0)


def created_at_of(uid: str) -> datetime:
    """Returns the moment in a uid, in UTC, to the millisecond."""
    milliseconds = UUID(uid).int >> (128 - _TIME_BITS)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def check_uid(value: str) -> str:
    """Returns a uid unchanged.

    Raises:
        ValueError: the value is no UUID of version 7 in lower case.
    """
    if not is_uid(value):
        raise ValueError("must be a UUID of version 7 in lower case")
    return value


def is_uid(value: str) -> bool:
    """Returns whether a text has the form of a uid; a sender's id may have it by chance."""
    return _UID.fullmatch(value) is not None


def _uid(moment: datetime, random: int) -> str:
    milliseconds = max(0, int(moment.timestamp() * 1000)) & ((1 << _TIME_BITS) - 1)
    high = (random >> _RANDOM_B_BITS) & ((1 << _RANDOM_A_BITS) - 1)
    low = random & ((1 << _RANDOM_B_BITS) - 1)
    return str(UUID(int=milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low))


TaskUid = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(check_uid),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": f"^{_PATTERN}$"}),
]
