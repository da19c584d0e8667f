"""Where a model comes from: a URL, read as it goes to the bucket; nothing is put on this disk."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from easel_egress.guarded_session import GuardedSession, RefusedAddressError
from easel_models.errors import TransferError, UsageError
from easel_models.sources import READ_BYTES

_T = TypeVar("_T")

_MAX_REDIRECTS = 5
_MAX_URL_CHARACTERS = 8192
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_FIRST_BYTES = 64 * 1024
_TRIES = 5
"""In a row without a byte."""

_PARTIAL, _OK = 206, 200
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")
_SHA256 = re.compile(r"[0-9a-f]{64}")

_NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True)
class Access:
    """How URLs may be read.

    Attributes:
        allowed_hosts: that may be at any address, by http, too; all others must be at a public one.
        seconds: for one file, from the first request to the last byte.
        authorization: header for the URL's own host; empty: none. Redirects elsewhere never get it.
        plain_http: whether http:// is taken, as the file's SHA-256 is known.
        wait: sleeps so many seconds between tries.
    """

    allowed_hosts: frozenset[str] = frozenset()
    seconds: float = 6 * 3600
    authorization: str = field(default="", repr=False)
    plain_http: bool = False
    wait: Callable[[float], None] = time.sleep


class _BrokenOffError(Exception):
    """An answer that may be better next time."""


class RemoteFile:
    """A file behind a URL."""

    def __init__(self, url: str, access: Access) -> None:
        """Asks for its beginning.

        Raises:
            UsageError: the URL is none that may be read, or there is no file.
            TransferError: its server does not answer.
        """
        self._url, self._access = url, access
        self._ends_at = time.monotonic() + access.seconds
        self.name = shown(url)
        self.size: int | None = None
        self.sha256: str | None = None
        self._etag = ""
        self._has_ranges = False
        self._first = b""
        self._tried(self._look)

    @property
    def file_name(self) -> str:
        """The last segment of the URL's path; may be empty."""
        return unquote(urlsplit(self._url).path).rpartition("/")[2]

    def read_range(self, offset: int, length: int) -> bytes:
        """Reads a range; fewer bytes only at the end of the file.

        Raises:
            TransferError: its server broke off.
        """
        if offset + length <= len(self._first) or len(self._first) == self.size:
            return self._first[offset : offset + length]
        return self._tried(lambda: self._range(offset, length))

    def chunks(self) -> Iterator[bytes]:
        """Reads all of it, in pieces; goes on where its server broke off, if it can.

        Raises:
            TransferError: its server broke off, and cannot go on or does not.
        """
        position, failures = 0, 0
        while True:
            try:
                for piece in self._from(position):
                    position, failures = position + len(piece), 0
                    yield piece
                if self._is_whole(position):
                    return
                error: Exception = _BrokenOffError("the connection ended early")
            except (*_NETWORK_ERRORS, _BrokenOffError) as problem:
                error = problem
            failures += 1
            self._check_again(error, failures, can_resume=position == 0 or self._can_resume)
            self._access.wait(2.0 ** (failures - 1))

    def _is_whole(self, position: int) -> bool:
        if self.size is not None:
            return position >= self.size
        # Cut off, a body without a length looks as if it had ended.
        return time.monotonic() < self._ends_at

    @property
    def _can_resume(self) -> bool:
        # A weak one says nothing of bytes (RFC 9110, 13.1.5).
        return self._has_ranges and bool(self._etag) and not self._etag.startswith("W/")

    def _from(self, position: int) -> Iterator[bytes]:
        headers = {}
        if position:
            headers = {"Range": f"bytes={position}-", "If-Range": self._etag}
        with self._opened(headers) as answer:
            if position and not _begins_at(answer, position):
                raise TransferError(
                    f"{self.name} changed while it was read. Do the same again: what is in the "
                    "bucket of it is looked at, and used where it is the same."
                )
            yield from _pieces(answer)

    def _range(self, offset: int, length: int) -> bytes:
        gathered = bytearray()
        skip = offset
        with self._opened({"Range": f"bytes={offset}-{offset + length - 1}"}) as answer:
            if _begins_at(answer, offset):
                skip = 0
            for piece in _pieces(answer):
                gathered += piece
                if len(gathered) >= skip + length:
                    break
        return bytes(gathered[skip : skip + length])

    def _look(self) -> None:
        with self._opened({"Range": f"bytes=0-{_FIRST_BYTES - 1}"}) as answer:
            self._has_ranges = answer.status_code == _PARTIAL
            self._etag = answer.headers.get("ETag", "")
            found = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
            if self._has_ranges and found and found[3] != "*":
                self.size = int(found[3])
            elif not self._has_ranges and answer.headers.get("Content-Length", "").isdigit():
                self.size = int(answer.headers["Content-Length"])
            gathered = bytearray()
            for piece in _pieces(answer):
                gathered += piece
                if len(gathered) >= _FIRST_BYTES:
                    break
            self._first = bytes(gathered[:_FIRST_BYTES])
        if not self._first:
            raise UsageError(f"{self.name} is empty.")

    def _tried(self, attempt: Callable[[], _T]) -> _T:
        failures = 0
        while True:
            try:
                return attempt()
            except (*_NETWORK_ERRORS, _BrokenOffError) as error:
                failures += 1
                self._check_again(error, failures, can_resume=True)
                self._access.wait(2.0 ** (failures - 1))

    def _check_again(self, error: Exception, failures: int, *, can_resume: bool) -> None:
        """Raises where another try makes no sense."""
        if not can_resume or failures >= _TRIES or time.monotonic() >= self._ends_at:
            raise TransferError(
                f"{self.name} cannot be read to its end: {_reason(error)}. Do the same again: "
                "parts that are in the bucket are not sent again."
            ) from error

    @contextmanager
    def _opened(self, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        seconds = max(1.0, self._ends_at - time.monotonic())
        with GuardedSession(self._access.allowed_hosts, seconds) as session:
            try:
                with self._followed(session, headers) as answer:
                    self._check(answer)
                    yield answer
            except (RefusedAddressError, ValueError, *_NETWORK_ERRORS) as error:
                cause = _cause(error)
                if isinstance(cause, RefusedAddressError):
                    raise UsageError(
                        f"{self.name} may not be read: {cause}. Where that is right, allow it by "
                        "--allow-host."
                    ) from error
                # A URL or a header that cannot be parsed.
                if isinstance(error, ValueError):
                    raise UsageError(f"{self.name} may not be read: {_reason(error)}.") from error
                raise

    def _followed(self, session: GuardedSession, headers: Mapping[str, str]) -> requests.Response:
        url, own = self._url, _origin(self._url)
        for _ in range(_MAX_REDIRECTS + 1):
            self._check_url(url)
            secret = self._access.authorization if _origin(url) == own else ""
            answer = session.get(
                url,
                headers={
                    "Accept-Encoding": "identity",
                    "User-Agent": "easel",
                    **headers,
                    **({"Authorization": secret} if secret else {}),
                },
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                stream=True,
            )
            target = session.redirect_of(answer)
            # Hugging Face says it of its large files, before it leads to where they are.
            linked = answer.headers.get("X-Linked-ETag", "").strip('"')
            if _SHA256.fullmatch(linked) and _origin(url) == own:
                self.sha256 = linked
            if target is None:
                return answer
            answer.close()
            url = target
        raise UsageError(f"{self.name} redirects more than {_MAX_REDIRECTS} times.")

    def _check_url(self, url: str) -> None:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme not in ("https", "http") or not host:
            raise UsageError(f"{shown(url)} is no https:// URL.")
        if len(url) > _MAX_URL_CHARACTERS:
            raise UsageError(f"{self.name} is a URL of more than {_MAX_URL_CHARACTERS} characters.")
        if parts.scheme == "http" and not (
            self._access.plain_http or host in self._access.allowed_hosts
        ):
            raise UsageError(
                f"{shown(url)} can be changed on its way: give the file's --sha256, or take https."
            )

    def _check(self, answer: requests.Response) -> None:
        if answer.status_code in _AGAIN:
            raise _BrokenOffError(f"its server answered {answer.status_code}")
        if answer.status_code not in (_OK, _PARTIAL):
            rights = (
                " It may want a token: set HF_TOKEN." if answer.status_code in (401, 403) else ""
            )
            raise UsageError(f"{self.name} cannot be had: {answer.status_code}.{rights}")
        if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise UsageError(f"{self.name} is a web page, and no model: take the download's URL.")
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in (
            *("", "identity", "aws-chunked"),
        ):
            raise UsageError(f"{self.name} comes compressed although it was asked for as it is.")


def shown(url: str) -> str:
    """Returns a URL for messages, without user, query and fragment, which may hold a secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "a malformed URL"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"[:500]


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def _begins_at(answer: requests.Response, position: int) -> bool:
    found = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    return answer.status_code == _PARTIAL and found is not None and int(found[1]) == position


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    # As it is stored: unpacked it would be another file.
    yield from answer.raw.stream(READ_BYTES, decode_content=False)


def _cause(error: BaseException) -> BaseException:
    while error.__context__ is not None and not isinstance(error, RefusedAddressError):
        error = error.__context__
    return error


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection ended early"
    cause = _cause(error)
    if isinstance(cause, RefusedAddressError | _BrokenOffError):
        return str(cause)
    return f"{type(cause).__name__}: {cause}"[:200]
