"""Fetches what a task's HTTP(S) URLs point to, within bounds."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
import urllib3

from easel_agent.media_formats import FILES, PICTURES, MediaKind
from easel_agent.media_type import MediaType, detect_media_type, extension_of, named_kind
from easel_egress.guarded_session import GuardedSession, RefusedAddressError

_MAX_REDIRECTS = 5
_CONNECT_SECONDS = 5
_CHUNK_BYTES = 64 * 1024
_MAX_URL_CHARACTERS = 8192
"""As much as web servers take of a request's first line (RFC 9112, section 3: at least 8,000)."""
_PAGES = ("text/html", "application/xhtml+xml")
"""Content types that are not worth reading; all others are often wrong, so the content decides."""
_AS_IT_IS = ("", "identity", "aws-chunked")
"""Content encodings that change nothing; S3 keeps its own clients' `aws-chunked` with an object."""


_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    RefusedAddressError,
    OSError,
    ValueError,  # a URL or a header that cannot be parsed
)


class FetchError(Exception):
    """The file behind a URL cannot be fetched; the message is the reason, without the URL."""


@dataclass(frozen=True)
class FetchLimits:
    """Bounds of what a task may have fetched.

    Attributes:
        max_bytes: of one file.
        max_total_bytes: of all files of a task; one that stands in several places counts as often.
        seconds: for one file, from the connection to the last byte.
        total_seconds: for all files of a task.
        max_urls: places in a task's content that hold a URL.
        max_pixels: of one picture, all its frames together.
        max_total_pixels: of all pictures of a task, each as often as it stands there.
        allowed_hosts: that may be at any address; all others must be at a public one.
    """

    max_bytes: int = 20 * 1024 * 1024
    max_total_bytes: int = 50 * 1024 * 1024
    seconds: float = 30.0
    total_seconds: float = 60.0
    max_urls: int = 64
    max_pixels: int = 8192 * 8192
    max_total_pixels: int = 4 * 8192 * 8192
    allowed_hosts: Collection[str] = field(default_factory=frozenset)


class FetchBudget:
    """The rest of one task's bytes and seconds, shared by the threads that fetch its files."""

    def __init__(self, limits: FetchLimits) -> None:
        """Has everything left; the seconds run from now."""
        self._limits = limits
        self._bytes_left = limits.max_total_bytes
        self._ends_at = time.monotonic() + limits.total_seconds
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Takes a number of bytes off.

        Raises:
            FetchError: there are not that many left.
        """
        with self._lock:
            self._bytes_left -= count
            if self._bytes_left < 0:
                raise FetchError(
                    f"the task's files have more than {self._limits.max_total_bytes} bytes together"
                )

    def seconds_for_one(self) -> float:
        """Returns how long one file may take from now.

        Raises:
            FetchError: the task's time is over.
        """
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise FetchError(
                f"the task's files took longer than {self._limits.total_seconds:g} s together"
            )
        return min(left, self._limits.seconds)

    def time_over(self, since: float) -> FetchError:
        """What to say of a file whose time is over.

        Args:
            since: when its fetching began, of `time.monotonic`.
        """
        if time.monotonic() < since + self._limits.seconds:
            return FetchError(
                f"the task's files took longer than {self._limits.total_seconds:g} s together"
            )
        return FetchError(f"took longer than {self._limits.seconds:g} s")


def shown(url: str) -> str:
    """A URL for messages and logs, at most 500 characters, none of them a control character.

    A web URL goes without user, query and fragment, which may hold a secret. An S3 URL has none:
    what looks like them is part of the key.
    """
    if not url.lower().startswith("s3://"):
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return "a malformed URL"
        url = f"{parts.scheme}://{host}{port}{parts.path}"
    return "".join(letter if letter.isprintable() else "?" for letter in url[:500])


def fetch_http(url: str, limits: FetchLimits, budget: FetchBudget) -> bytes:
    """Fetches a file.

    Args:
        url: HTTP or HTTPS.
        limits: of this file.
        budget: of all files of the task.

    Raises:
        FetchError: it cannot be had within the limits, or is a web page.
    """
    seconds = budget.seconds_for_one()
    began = time.monotonic()
    deadline = began + seconds
    with GuardedSession(limits.allowed_hosts, seconds) as session:
        try:
            with _open(session, url, seconds) as answer:
                _check_head(answer, limits)
                data = _read(answer, limits, budget, deadline)
        except _NETWORK_ERRORS as error:
            if session.timed_out or time.monotonic() >= deadline:
                raise budget.time_over(began) from error
            raise FetchError(_reason(error)) from error
        # Cut off, a body without a length looks as if it had ended.
        if data is None or session.timed_out:
            raise budget.time_over(began)
    return data


def check_media(data: bytes, name: str = "", takes: Collection[MediaKind] = FILES) -> None:
    """Checks by content that a file is of a kind that its reader takes.

    Text, JSON and what has no known format are taken only where the name's extension says that this
    is meant: else they are what a server sends in a file's place.

    Args:
        data: the whole file.
        name: its own, from the URL; see `detect_media_type`.
        takes: the kinds.

    Raises:
        FetchError: it is not.
    """
    if not data:
        raise FetchError("is empty")
    found = detect_media_type(data, name)
    if found.kind not in takes or not _is_meant(found, name):
        wanted = "a picture" if takes == PICTURES else "a picture, video, sound, 3D model or data"
        raise FetchError(f"is {found.kind}, not {wanted}")


def _is_meant(found: MediaType, name: str) -> bool:
    if found.kind is MediaKind.UNKNOWN:
        # What a picture is we know; a runtime's decoders of sound and video know more than we do.
        return bool(extension_of(name)) and named_kind(name) is not MediaKind.PICTURE
    is_text = found.kind in (MediaKind.TEXT, MediaKind.JSON)
    return not is_text or found.extension == extension_of(name)


def _open(session: GuardedSession, url: str, seconds: float) -> requests.Response:
    for _ in range(_MAX_REDIRECTS + 1):
        if len(url) > _MAX_URL_CHARACTERS:
            raise FetchError(f"is a URL of more than {_MAX_URL_CHARACTERS} characters")
        answer = session.get(
            url,
            # Unpacked it could be a thousand times as large: take it as it is stored.
            headers={"Accept-Encoding": "identity", "User-Agent": "easel"},
            timeout=(_CONNECT_SECONDS, seconds),
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
    content_type = answer.headers.get("Content-Type", "").lower()
    if content_type.startswith(_PAGES):
        raise FetchError(f"is {content_type[:100]}, not a picture or another file")
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _AS_IT_IS:
        raise FetchError(f"comes compressed ({encoding[:20]}) although it was asked for as it is")
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > limits.max_bytes:
        raise FetchError(f"has {length} bytes, the limit is {limits.max_bytes}")


def _read(
    answer: requests.Response, limits: FetchLimits, budget: FetchBudget, deadline: float
) -> bytes | None:
    """Reads a body; None where the time is over."""
    data = bytearray()
    while time.monotonic() < deadline:
        chunk = answer.raw.read1(_CHUNK_BYTES, decode_content=False)
        if not chunk:
            return bytes(data)
        data += chunk
        if len(data) > limits.max_bytes:
            raise FetchError(f"has more than {limits.max_bytes} bytes")
        budget.take(len(chunk))
    return None


def _reason(error: BaseException) -> str:
    # requests and urllib3 wrap what happened several times over; the innermost says it best.
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection ended early"
    while error.__context__ is not None and not isinstance(error, RefusedAddressError):
        error = error.__context__
    if isinstance(error, RefusedAddressError):
        return str(error)
    return f"{type(error).__name__}: {error}"[:200]
