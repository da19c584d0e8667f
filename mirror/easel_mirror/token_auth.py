"""Signs requests to a registry in, as it asks for it.

A registry answers 401 and says how (WWW-Authenticate): `Basic`, which is ECR's way, or `Bearer`
with the address of who gives tokens: https://distribution.github.io/distribution/spec/auth/token/.
"""

import re
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import parse_http_list, parse_keqv_list

import requests

from easel_mirror.credentials import Credentials
from easel_mirror.errors import MirrorError, PassingError, RefusedError
from easel_mirror.reference import is_loopback
from easel_mirror.transport import Transport, address_of, bounded_json

_CHALLENGE = re.compile(r"\s*(Bearer|Basic)\s+(.*)", re.IGNORECASE | re.DOTALL)
_DEFAULT_TOKEN_SECONDS = 60.0
"""Of a token that does not say how long it holds."""
_RENEWED_BEFORE_SECONDS = 15.0


@dataclass(frozen=True)
class _Header:
    value: str
    until: float


class TokenAuth:
    """The Authorization headers of one registry, each for a scope."""

    def __init__(self, host: str, credentials: Credentials, transport: Transport) -> None:
        """Names the registry; nothing is asked yet.

        Args:
            host: of the registry, for messages.
            credentials: who signs in.
            transport: the way to who gives tokens.
        """
        self._host = host
        self._credentials = credentials
        self._transport = transport
        self._lock = threading.Lock()
        self._headers: dict[str, _Header] = {}

    @property
    def is_asked_for(self) -> bool:
        """Whether the registry has ever wanted a header."""
        with self._lock:
            return bool(self._headers)

    def header(self, scope: str) -> str | None:
        """Returns the header for a scope, where one is known that still holds."""
        with self._lock:
            known = self._headers.get(scope)
        return known.value if known and time.monotonic() < known.until else None

    def forget(self, scope: str) -> None:
        """Drops the header for a scope: the registry says that it has ended."""
        with self._lock:
            self._headers.pop(scope, None)

    def answer(self, challenge: str, scope: str) -> None:
        """Gets the header that a 401 asks for.

        Args:
            challenge: WWW-Authenticate.
            scope: what is to be done, such as `repository:a/b:pull`.

        Raises:
            RefusedError: nobody can sign in there with what is known.
            PassingError: who gives tokens is not reached.
        """
        found = _CHALLENGE.fullmatch(challenge)
        if not found:
            raise RefusedError(f"{self._host} asks for another login than Basic or Bearer")
        if found[1].lower() == "basic":
            header = self._basic()
        else:
            pairs = [pair for pair in parse_http_list(found[2]) if "=" in pair]
            header = self._bearer(parse_keqv_list(pairs), scope)
        with self._lock:
            self._headers[scope] = header

    def _basic(self) -> _Header:
        login = self._credentials.login()
        if login is None:
            raise RefusedError(
                f"{self._host} asks for a password, and none is known: `docker login {self._host}` "
                "or `helm registry login` writes one into ~/.docker/config.json"
            )
        return _Header(login.basic, time.monotonic() + 3600)

    def _bearer(self, asked: dict[str, str], scope: str) -> _Header:
        realm = asked.get("realm", "")
        parts = urlsplit(realm)
        # The password goes there.
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.netloc)):
            raise RefusedError(f"{self._host} sends to {realm!r} for a token, which is not https")
        query = {"scope": scope}
        if asked.get("service"):
            query["service"] = asked["service"]
        login = self._credentials.login()
        headers = {"Authorization": login.basic} if login else {}
        response = self._transport.get(realm, headers=headers, params=query)
        with response:
            self._refuse(response, realm)
            answer = bounded_json(response, f"{address_of(realm)}, which gives tokens")
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RefusedError(f"{address_of(realm)} gives no token for {self._host}")
        seconds = answer.get("expires_in")
        holds = float(seconds) if isinstance(seconds, int | float) else _DEFAULT_TOKEN_SECONDS
        return _Header(f"Bearer {token}", time.monotonic() + holds - _RENEWED_BEFORE_SECONDS)

    def _refuse(self, response: requests.Response, realm: str) -> None:
        if response.status_code in (400, 401, 403, 404):
            raise RefusedError(
                f"{address_of(realm)} gives no token for {self._host} "
                f"({response.status_code}): there is no such repository, or these credentials may "
                "not read it"
            )
        if response.status_code != requests.codes.ok:
            raise PassingError(f"{address_of(realm)} answers {response.status_code}")


def is_expired(error: MirrorError) -> bool:
    """Whether a registry's refusal only says that the login has ended (ECR's is a 403)."""
    return "expired" in str(error).lower()
