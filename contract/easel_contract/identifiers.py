"""Ids, prefixes and names: what of a user's text may become part of a key, a filter or a log.

What passes here is used as it is: nothing downstream truncates, escapes or cleans it.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from easel_contract.plain_text import is_sendable

MAX_ID_LENGTH = 128
MAX_PREFIX_SEGMENTS = 8
MAX_CHECKPOINT_LENGTH = 255

_SEGMENT = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_ID_LENGTH - 1}}}")
_SEGMENT_RULE = (
    f"1 to {MAX_ID_LENGTH} letters, digits, '.', '_' or '-', beginning with a letter or a digit"
)
_TENANT = re.compile(r"[A-Za-z0-9:/._@+=,-]{1,128}")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def check_task_id(value: str) -> str:
    """Returns a task id unchanged.

    Raises:
        ValueError: it does not match `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
    """
    if not _SEGMENT.fullmatch(value):
        raise ValueError(f"must be {_SEGMENT_RULE}")
    return value


def check_prefix(value: str) -> str:
    """Returns an output prefix less one trailing slash.

    Raises:
        ValueError: it is empty, begins with a slash, has more than 8 segments, or a segment
            that is not an id (so `..` is none).
    """
    segments = value.removesuffix("/").split("/")
    if len(segments) > MAX_PREFIX_SEGMENTS:
        raise ValueError(f"must have at most {MAX_PREFIX_SEGMENTS} segments between slashes")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError(f"each segment between slashes must be {_SEGMENT_RULE}")
    return "/".join(segments)


def check_checkpoint(value: str) -> str:
    """Returns a checkpoint's name unchanged.

    Raises:
        ValueError: it is empty, longer than 255 characters, or holds a control character or one
            that SNS does not take as an attribute (U+FFFE, U+FFFF, surrogates).
    """
    has_control = _CONTROL_CHARACTER.search(value) or not is_sendable(value)
    if not 0 < len(value) <= MAX_CHECKPOINT_LENGTH or has_control:
        raise ValueError(
            f"must be 1 to {MAX_CHECKPOINT_LENGTH} characters without control characters"
        )
    return value


def check_tenant(value: str) -> str:
    """Returns a tenant's name unchanged.

    Raises:
        ValueError: the name holds what neither an API key's name nor an ARN does, or is longer
            than an SQS message group id may be (128).
    """
    if not _TENANT.fullmatch(value):
        raise ValueError("must be 1 to 128 letters, digits or characters of an ARN")
    return value


_Text = Annotated[str, StringConstraints(strict=True)]


def _schema(**keywords: Any) -> WithJsonSchema:
    # The checks above in JSON Schema's words, for docs/openapi.yaml.
    return WithJsonSchema({"type": "string"} | keywords)


_SEGMENT_PATTERN = f"^{_SEGMENT.pattern}$"

TaskId = Annotated[
    _Text,
    AfterValidator(check_task_id),
    _schema(pattern=_SEGMENT_PATTERN, description="What is accepted is used as it is."),
]
RuntimeName = Annotated[_Text, AfterValidator(check_task_id), _schema(pattern=_SEGMENT_PATTERN)]
Prefix = Annotated[
    _Text,
    AfterValidator(check_prefix),
    _schema(
        pattern=f"^{_SEGMENT.pattern}(/{_SEGMENT.pattern}){{0,{MAX_PREFIX_SEGMENTS - 1}}}/?$",
        description="Folder in the output bucket; a trailing slash is dropped.",
    ),
]
TenantName = Annotated[_Text, AfterValidator(check_tenant), _schema(pattern=f"^{_TENANT.pattern}$")]
CheckpointName = Annotated[
    _Text,
    AfterValidator(check_checkpoint),
    _schema(minLength=1, maxLength=MAX_CHECKPOINT_LENGTH),
]
