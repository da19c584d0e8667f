"""Fetches what a task's HTTP(S) URLs point to, within bounds."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
import urllib3

from easel_agent.media_type import BINARY, JSON, TEXT, detect_media_type
from easel_egress.guarded_session import GuardedSession, RefusedAddressError

_MAX_REDIRECTS = 5
_CONNECT_SECONDS = 5
_CHUNK_BYTES = 64 * 1024
_MEDIA = ("image/", "video/", "audio/", "application/octet-stream", "binary/octet-stream")
"""Content types that a picture comes with; stores without a notion of it say octet-stream."""


_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    RefusedAddressError,
    OSError,
    ValueError,  # a URL or a header that cannot be parsed
)


class FetchError(Exception):
    """What a URL points to cannot be had; the message is the reason, without the URL."""


@dataclass(frozen=True)
class FetchLimits:
    """Bounds of what a task may have fetched.

    Attributes:
        max_bytes: of one file.
        max_total_bytes: of all files of a task.
        seconds: for one file, from the connection to the last byte.
        allowed_hosts: that may be at any address; all others must be at a public one.
    """

    max_bytes: int = 20 * 1024 * 1024
    max_total_bytes: int = 50 * 1024 * 1024
    seconds: float = 30.0
    allowed_hosts: Collection[str] = field(default_factory=frozenset)


class ByteBudget:
    """What the files of one task may still take, shared by the threads that fetch them."""

    def __init__(self, max_total_bytes: int) -> None:
        self._total = max_total_bytes
        self._left = max_total_bytes
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Takes a number of bytes off.

        Raises:
            FetchError: there are not that many left.
        """
        with self._lock:
            self._left -= count
            if self._left < 0:
                raise FetchError(f"the task's files have more than {self._total} bytes together")


def shown(url: str) -> str:
    """A URL for messages and logs: without user, query and fragment, which may hold a secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "a malformed URL"
    return f"{parts.scheme}://{host}{port}{parts.path}"[:500]


def fetch_http(url: str, limits: FetchLimits, budget: ByteBudget) -> bytes:
    """Fetches a picture, video or sound.

    Args:
        url: HTTP or HTTPS.
        limits: of this file.
        budget: of all files of the task.

    Raises:
        FetchError: it cannot be had within the limits, or is none.
    """
    deadline = time.monotonic() + limits.seconds
    with GuardedSession(limits.allowed_hosts, limits.seconds) as session:
        try:
            with _open(session, url, limits) as answer:
                _check_head(answer, limits)
                data = _read(answer, limits, budget, deadline)
        except _NETWORK_ERRORS as error:
            if session.timed_out or time.monotonic() >= deadline:
                raise FetchError(f"took longer than {limits.seconds:g} s") from error
            raise FetchError(_reason(error)) from error
        # Cut off, a body without a length looks as if it had ended.
        if session.timed_out:
            raise FetchError(f"took longer than {limits.seconds:g} s")
    check_media(data)
    return data


def check_media(data: bytes) -> None:
    """Checks by content that a file is something to look at or listen to.

    Raises:
        FetchError: it is not.
    """
    if detect_media_type(data) in (JSON, TEXT, BINARY):
        raise FetchError("is not a picture, video or sound")


def _open(session: GuardedSession, url: str, limits: FetchLimits) -> requests.Response:
    for _ in range(_MAX_REDIRECTS + 1):
        answer = session.get(
            url,
            # Unpacked it could be a thousand times as large: take it as it is stored.
            headers={"Accept-Encoding": "identity", "User-Agent": "easel"},
            timeout=(_CONNECT_SECONDS, limits.seconds),
            stream=True,
        )
        target = session.redirect_of(answer)
        if target is None:
            return answer
        # Unread: nothing bounds the body of a redirect, and nobody wants it.
        answer.close()
        url = target
    raise FetchError(f"redirects more than {_MAX_REDIRECTS} times")


def _check_head(answer: requests.Response, limits: FetchLimits) -> None:
    if not answer.ok:
        raise FetchError(f"answered {answer.status_code}")
    content_type = answer.headers.get("Content-Type", "application/octet-stream").lower()
    if not content_type.startswith(_MEDIA):
        raise FetchError(f"is {content_type[:100]}, not a picture, video or sound")
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > limits.max_bytes:
        raise FetchError(f"has {length} bytes, the limit is {limits.max_bytes}")


def _read(
    answer: requests.Response, limits: FetchLimits, budget: ByteBudget, deadline: float
) -> bytes:
    data = bytearray()
    while time.monotonic() < deadline:
        chunk = answer.raw.read1(_CHUNK_BYTES, decode_content=False)
        if not chunk:
            return bytes(data)
        data += chunk
        if len(data) > limits.max_bytes:
            raise FetchError(f"has more than {limits.max_bytes} bytes")
        budget.take(len(chunk))
    raise FetchError(f"took longer than {limits.seconds:g} s")


def _reason(error: BaseException) -> str:
    # requests and urllib3 wrap what happened several times over; the innermost says it best.
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection ended early"
    while error.__context__ is not None and not isinstance(error, RefusedAddressError):
        error = error.__context__
    if isinstance(error, RefusedAddressError):
        return str(error)
    return f"{type(error).__name__}: {error}"[:200]
