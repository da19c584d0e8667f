"""HTTP as a copier needs it: bounded answers, no password to another host, failures told apart."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from easel_contract.plain_text import printable
from easel_mirror.errors import MirrorError, NotThereError, PassingError, RefusedError
from easel_mirror.reference import is_loopback
from easel_mirror.retries import retry_after_seconds

BLOCK_BYTES = 1024 * 1024
"""What is read, hashed, written and sent at once."""

_TIMEOUT_SECONDS = (10.0, 60.0)
"""To connect; and without a byte."""
_MAX_REDIRECTS = 5
_MAX_JSON_BYTES = 1024 * 1024
_MAX_ERROR_BYTES = 16 * 1024
_LONGEST_MESSAGE = 300
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class _NoNetrc(requests.auth.AuthBase):
    """Keeps a password of ~/.netrc out, which requests would put in place of our header."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Transport:
    """Sends requests; each thread has its own connections."""

    def __init__(self) -> None:
        self._local = threading.local()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Any = None,
    ) -> requests.Response:
        """Sends one request and returns its head; the body is read by whoever wants it.

        Raises:
            PassingError: there is no way there, or it broke.
        """
        try:
            return self._session().request(
                method,
                url,
                # A layer is compressed already; and what is hashed is what was sent.
                headers={"Accept-Encoding": "identity"} | dict(headers or {}),
                params=params,
                data=data,
                stream=True,
                allow_redirects=False,
                timeout=_TIMEOUT_SECONDS,
                auth=_NoNetrc(),
            )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise PassingError(f"{address_of(url)}: {_kind(error)}") from error

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> requests.Response:
        """As `send`, following redirects; Authorization goes to the first host alone.

        Raises:
            PassingError: there is no way there, or it broke.
            RefusedError: it leads to plain HTTP, or in circles.
        """
        kept, origin = dict(headers or {}), _origin(url)
        for _ in range(_MAX_REDIRECTS + 1):
            response = self.send(method, url, headers=kept, params=params)
            if response.status_code not in _REDIRECTS:
                return response
            target = urljoin(url, response.headers.get("Location", ""))
            response.close()
            _check_target(url, target)
            if _origin(target) != origin:
                kept.pop("Authorization", None)
            url, params = target, None
        raise RefusedError(f"{address_of(url)} redirects more than {_MAX_REDIRECTS} times")

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            session = requests.Session()
            adapter = _Adapter(max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session = session
        session = self._local.session
        assert isinstance(session, requests.Session)  # noqa: S101 - of a threading.local
        return session


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        # 16 KiB by default: a fifth of the rate.
        super().init_poolmanager(*arguments, blocksize=BLOCK_BYTES, **more)


def blocks(response: requests.Response, source: str) -> Iterator[bytes]:
    """Yields a body as it was sent, and ends where it was announced to.

    Raises:
        PassingError: it broke off.
    """
    try:
        yield from response.raw.stream(BLOCK_BYTES, decode_content=False)
    except (HTTPError, requests.RequestException, OSError) as error:
        raise PassingError(f"{source}: broke off: {_kind(error)}") from error


def bounded_body(response: requests.Response, source: str, limit: int) -> bytes:
    """Reads a whole body.

    Raises:
        RefusedError: it is longer than the limit, in bytes.
        PassingError: it broke off.
    """
    read = bytearray()
    for block in blocks(response, source):
        read += block
        if len(read) > limit:
            response.close()
            raise RefusedError(f"{source}: answers more than {limit} bytes")
    return bytes(read)


def bounded_json(response: requests.Response, source: str) -> dict[str, Any]:
    """Reads a short JSON object.

    Raises:
        RefusedError: it is none, or long.
        PassingError: it broke off.
    """
    try:
        read = json.loads(bounded_body(response, source, _MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{source}: answers no JSON") from error
    if not isinstance(read, dict):
        raise RefusedError(f"{source}: answers no JSON object")
    return read


def raise_for_status(response: requests.Response, what: str) -> None:
    """Turns a refusal into one of our errors, with what the registry says of it.

    Raises:
        PassingError: the server is overloaded, or broke.
        NotThereError: there is no such thing.
        RefusedError: any other refusal.
    """
    status = response.status_code
    if status < 400:  # noqa: PLR2004 - where HTTP's errors begin
        return
    message = f"{what}: {status} {_said(response)}".rstrip()
    if status in _PASSING:
        raise PassingError(message, retry_after_seconds(response.headers.get("Retry-After")))
    if status == requests.codes.not_found:
        raise NotThereError(message)
    raise RefusedError(message)


def finish(response: requests.Response) -> None:
    """Ends an answer whose body nobody wants, so that its connection serves the next request."""
    with contextlib.suppress(MirrorError):
        bounded_body(response, "", _MAX_ERROR_BYTES)
    response.close()


def address_of(url: str) -> str:
    """A URL without its query, which may hold a signature."""
    parts = urlsplit(url)
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def _said(response: requests.Response) -> str:
    """The registry's own words: {"errors": [{"code", "message"}]}, where it has any."""
    try:
        body = bounded_body(response, "", _MAX_ERROR_BYTES)
        errors = json.loads(body)["errors"]
        words = "; ".join(f"{one.get('code')}: {one.get('message')}" for one in errors)
    except (PassingError, RefusedError, ValueError, KeyError, TypeError, AttributeError):
        words = str(response.reason or "")
    return printable(words)[:_LONGEST_MESSAGE]


def _check_target(url: str, target: str) -> None:
    parts, before = urlsplit(target), urlsplit(url)
    plain = parts.scheme == "http" and before.scheme == "http" and is_loopback(parts.netloc)
    if parts.scheme != "https" and not plain:
        raise RefusedError(f"{address_of(url)} redirects to {address_of(target)}: not https")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _kind(error: Exception) -> str:
    """What went wrong, without the URL that requests' messages repeat, query and all."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not accepted, or TLS failed"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    # requests wraps urllib3's error, which has the cause.
    wrapped = error.args[0] if error.args else None
    cause = getattr(wrapped, "reason", wrapped)
    if isinstance(cause, NameResolutionError):
        return "the host's name cannot be resolved"
    if isinstance(cause, NewConnectionError):
        return "no connection can be made"
    if isinstance(error, requests.ConnectionError):
        return "the connection broke off"
    return type(error).__name__
