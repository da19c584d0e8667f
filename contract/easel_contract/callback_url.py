"""The URL that a sender wants the callbacks of a task POSTed to."""

from collections.abc import Collection
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

MAX_CALLBACK_URL_LENGTH = 2048


def check_callback_url(value: str) -> str:
    """Returns a callback URL unchanged.

    Raises:
        ValueError: the URL is not https, names no host or a user, has a fragment, or holds what
            no URL does (blanks, control characters, non-ASCII characters).
    """
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be a URL of printable ASCII characters without blanks")
    if len(value) > MAX_CALLBACK_URL_LENGTH:
        raise ValueError(f"must have at most {MAX_CALLBACK_URL_LENGTH} characters")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError("must be a URL") from error
    if parts.scheme.lower() != "https" or not parts.hostname or port == 0:
        raise ValueError("must begin with https:// and a host")
    if parts.username is not None or parts.password is not None or "#" in value:
        raise ValueError("must have neither user, password nor fragment")
    return value


def callback_host(url: str) -> str:
    """The host of a checked callback URL, in lower case; an IPv6 address without brackets."""
    return (urlsplit(url).hostname or "").lower()


def is_allowed_callback_host(url: str, allowed_hosts: Collection[str]) -> bool:
    """Whether a stack lets its callbacks go to the host of a checked URL.

    Args:
        url: that `check_callback_url` let pass.
        allowed_hosts: whole names, in any case; none at all allows every host.
    """
    return not allowed_hosts or callback_host(url) in {host.lower() for host in allowed_hosts}


CallbackUrl = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(check_callback_url),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": MAX_CALLBACK_URL_LENGTH}),
]
