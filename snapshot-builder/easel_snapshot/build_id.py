"""The name of one build, which everything made by it carries."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_TEXT = re.compile(r"(\d{8}t\d{6})z-(\d{3})m-[0-9a-f]{6}")
_TIME = "%Y%m%dt%H%M%S"
_CLEAN_UP_TIME = timedelta(minutes=30)
"""How long a build may need to take away what it made, after its time-out."""


@dataclass(frozen=True)
class BuildId:
    """When a build began, how long it may take, and six random digits.

    The name tells when what carries it is left over, so that this needs no look at anything else.

    Attributes:
        text: such as 20261128t181500z-060m-3fa41c; lower case, as names in IAM compare so.
        started: UTC.
        expires: UTC; what is still there afterwards was left by a build that broke off.
    """

    text: str
    started: datetime
    expires: datetime

    @classmethod
    def new(cls, now: datetime, timeout_minutes: int) -> Self:
        """Names a build that begins now.

        Args:
            now: in UTC.
            timeout_minutes: 1 to 999.
        """
        name = f"{now:{_TIME}}z-{timeout_minutes:03}m-{secrets.token_hex(3)}"
        parsed = cls.parse(name)
        assert parsed is not None  # noqa: S101 - for the type checker
        return parsed

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Reads the value of a tag; None where it is no build's."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        try:
            started = datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(text, started, started + timedelta(minutes=int(found[2])) + _CLEAN_UP_TIME)
